"""What crosses between the hub and the thread of plug-ins: plain data, and what either may ask of the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from core.plugins.authenticator import Login
from core.plugins.sent_request import SentRequest


class Asking(Struct, frozen=True):
    """A request for a page of a plug-in, and what the hub knows of it.

    `user`: the name of who is logged in, `""` for nobody; `session`: the id of their session, `scopes`: all that they
    may do. `by_token`: they came with a token, which is no browser. `xsrf`: for the forms of the page; `valid_xsrf`:
    those that prove, when one comes back, that a page of the hub meant the request. `foreign`: why it cannot have been
    meant, if another site's page has sent it. `shown`: the variables of every template. `server`: the name of the
    server that asks by its own token, `token`, which its spawner knows too; None for anybody else.
    """

    request: SentRequest
    user: str = ""
    session: str = ""
    scopes: frozenset[str] = frozenset()
    by_token: bool = False
    xsrf: str = ""
    valid_xsrf: frozenset[str] = frozenset()
    foreign: str = ""
    shown: Mapping[str, Any] = {}
    server: str | None = None
    token: str = ""


class Answered(Struct, frozen=True):
    """`login`: the name of who has logged in by it, `""` for nobody. `logout`: whoever was logged in no longer is.

    `told`: what the server that asked has told of itself, as traits of its spawner.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    login: str = ""
    logout: bool = False
    told: Mapping[str, Any] = {}


class UserFacts(Struct, frozen=True):
    """A user as plug-ins know them. `name`: `""` for one who is no longer there."""

    id: str
    name: str = ""
    admin: bool = False
    groups: tuple[str, ...] = ()


class ServerFacts(Struct, frozen=True):
    """`url`: where visitors find it. `pending`: `spawn`, `stop` or None."""

    name: str
    active: bool
    ready: bool
    pending: str | None
    url: str


class Traits(Struct, frozen=True):
    """What the hub needs to know of an authenticator once it is there.

    `paths`: regular expressions of the paths that its handlers serve, with the base URL. `values`: its traits that are
    settings of the hub's too, by name. `login_path`, `logout_path`: where it wants people sent. `refreshes`: whether it
    can say later if a login still stands; `knows_users`: whether it has something to say about who can be a user.
    `roles`: those that it knows before anybody has logged in, as `load_roles` has them.
    """

    paths: tuple[str, ...]
    values: Mapping[str, Any]
    login_service: str
    login_path: str
    logout_path: str
    refreshes: bool
    knows_users: bool
    roles: tuple[dict[str, Any], ...] = ()


class HubSide(Protocol):
    """What plug-ins ask of the hub. `servers` is called from their thread and must not wait; all else is awaited."""

    async def admit(self, login: Login) -> UserFacts:
        """Make or change the user that this login is of. Raises ForbiddenError for who may not come in."""

    async def auth_state(self, name: str) -> dict[str, Any] | None: ...

    async def keep_auth_state(self, name: str, state: dict[str, Any] | None) -> None: ...

    async def start(self, name: str, server: str, options: dict[str, Any] | None, asker: str) -> None:
        """Returns once it is ready, or after as long as a page waits. `asker`: who is logged in, "" for nobody."""

    async def stop(self, name: str, server: str, asker: str) -> None: ...

    def servers(self, name: str) -> Mapping[str, ServerFacts]: ...
