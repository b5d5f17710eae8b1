"""What the hub answers. A key that the caller may not see, or that an older hub does not have, has its default."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class Server(Struct, frozen=True):
    """`name`: `""` for the default server. `pending`: spawn, stop or check, None if nothing is under way."""

    name: str
    ready: bool = False
    pending: str | None = None
    stopped: bool = False
    url: str = ""
    display_name: str = ""
    full_name: str = ""
    user_options: dict[str, Any] | None = None
    progress_url: str = ""
    full_url: str | None = None
    started: datetime | None = None
    last_activity: datetime | None = None
    state: dict[str, Any] | None = None


class User(Struct, frozen=True):
    """`servers`: those that run or are about to, by name; the stopped ones too where they were asked for."""

    name: str
    admin: bool = False
    groups: list[str] = []
    roles: list[str] = []
    servers: dict[str, Server] = {}
    server: str | None = None
    pending: str | None = None
    created: datetime | None = None
    last_activity: datetime | None = None
    auth_state: dict[str, Any] | None = None


class Me(Struct, frozen=True):
    """Whose token it is (`kind`: user or service), and what it may do."""

    kind: str
    name: str
    scopes: list[str] = []
    admin: bool = False
    groups: list[str] = []
    token_id: str | None = None
    session_id: str | None = None


class Group(Struct, frozen=True):
    name: str
    users: list[str] = []
    properties: dict[str, Any] = {}
    roles: list[str] = []


class Token(Struct, frozen=True):
    """`token`: the secret itself, only where it was just issued."""

    id: str
    token: str = ""
    note: str = ""
    scopes: list[str] = []
    user: str = ""
    created: datetime | None = None
    last_activity: datetime | None = None
    expires_at: datetime | None = None
    session_id: str | None = None
    oauth_client: str = ""

    def __repr__(self) -> str:
        return f"Token({self.id!r})"


class Service(Struct, frozen=True):
    name: str
    admin: bool = False
    url: str | None = None
    prefix: str = ""
    pid: int = 0
    managed: bool = False
    status: str = ""
    info: dict[str, Any] | None = None


class Named(Struct, frozen=True):
    name: str


class SharedServer(Struct, frozen=True):
    """`user`: whose it is."""

    user: Named
    name: str
    url: str = ""
    ready: bool = False
    full_url: str | None = None


class Share(Struct, frozen=True):
    """With either a user or a group."""

    server: SharedServer
    scopes: list[str] = []
    user: Named | None = None
    group: Named | None = None
    created_at: datetime | None = None


class ShareCode(Struct, frozen=True):
    """`code` and `accept_url`: only where it was just made."""

    id: str
    server: SharedServer
    scopes: list[str] = []
    code: str = ""
    accept_url: str = ""
    full_accept_url: str | None = None
    expires_at: datetime | None = None
    exchange_count: int = 0

    def __repr__(self) -> str:
        return f"ShareCode({self.id!r})"


class Started(Struct, frozen=True):
    """What the start API says of a server. `status`: running, pending, failed or stopped."""

    status: str
    next_url: str = ""
    status_url: str = ""
    delete_url: str = ""
    message: str = ""
    exit_code: int | None = None
    logs: list[str] = []


class Logs(Struct, frozen=True):
    logs: list[str]
    running: bool
    exit_code: int | None = None


class Progress(Struct, frozen=True):
    """One event on the way of a start or a stop. `progress`: percent."""

    message: str = ""
    progress: float | None = None
    html_message: str = ""
    ready: bool = False
    failed: bool = False
    stopped: bool = False
    url: str = ""


class NextPage(Struct, frozen=True):
    offset: int
    limit: int


class Position(Struct, frozen=True):
    total: int = 0
    next: NextPage | None = None


class Page(Struct, Generic[T], frozen=True):
    items: list[T]
    position: Position = field(name="_pagination", default=Position())
