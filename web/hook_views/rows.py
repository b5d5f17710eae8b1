"""What JupyterHub keeps in its database, as far as hooks look at it: `user.orm_user`, `spawner.orm_spawner`, roles.

Moments are UTC without a time zone, as JupyterHub's rows have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from core.naming.names import server_client_id
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.hook_views.read_only import ReadOnlyDict, ReadOnlyList
from web.hook_views.view import View

NO_ROWS = "the hub's data is no database of SQLAlchemy's; the REST API reads and changes it"
LOG = "spawner.log, user.log and authenticator.log write to the hub's log"
USERS_CHANGE = (
    "users are changed through the REST API, or by what a login says (c.Authenticator.post_auth_hook)"
)
_SHARES = "the REST API tells of shares (/hub/api/shares)"

OF_EVERY_ROW: Mapping[str, str] = {"metadata": NO_ROWS, "registry": NO_ROWS, "find": NO_ROWS}
OF_USERS: Mapping[str, str] = {
    **OF_EVERY_ROW,
    **dict.fromkeys(("all_shared_with_me", "shared_with_me", "shares", "share_codes"), _SHARES),
    "api_tokens": "GET /hub/api/users/NAME/tokens tells of tokens",
    "new_api_token": "POST /hub/api/users/NAME/tokens makes one",
    "cookie_id": "sessions are the hub's own",
    "encrypted_auth_state": "await user.get_auth_state() gives it decrypted",
    "oauth_codes": "they are the hub's own",
}


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=None) if text else None


class NamedView(View):
    """Of which no more than the name is told: a role, a member of a group."""

    called = "role"
    unchangeable = "roles and users are changed through the REST API"

    def __init__(self, name: str) -> None:
        self._know(name=name)

    def __str__(self) -> str:
        return str(self.name)


def named(names: Iterable[str], what: str, instead: str) -> ReadOnlyList:
    return ReadOnlyList(map(NamedView, names), what, instead)


def facts_of_user(row: UserRow, roles: Iterable[str], groups: ReadOnlyList) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "kind": "user",
        "admin": bool(row.admin),
        "created": moment(row.created),
        "last_activity": moment(row.last_activity),
        "user_info": ReadOnlyDict(row.info() or {}, "user.user_info", USERS_CHANGE),
        "groups": groups,
        "roles": named(roles, "user.roles", USERS_CHANGE),
        "state": None,  # of versions of JupyterHub before servers had names
    }


class OrmUserView(View):
    called = "orm_user"
    elsewhere: ClassVar[Mapping[str, str]] = {**OF_USERS, "log": LOG}
    unchangeable = USERS_CHANGE


class OrmServerView(View):
    """Of the address of a server that runs or starts."""

    called = "orm_server"
    elsewhere: ClassVar[Mapping[str, str]] = {**OF_EVERY_ROW, "log": LOG}
    unchangeable = "a server's address is what its spawner says"

    def __init__(self, address: Mapping[str, Any], spawner: OrmSpawnerView | None = None) -> None:
        names = ("ip", "port", "proto", "base_url", "cookie_name")
        self._know(**{name: address[name] for name in names}, id=0, service=None, spawner=spawner)


class OrmSpawnerView(View):
    called = "orm_spawner"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **OF_EVERY_ROW,
        **dict.fromkeys(("shares", "share_codes"), _SHARES),
        "log": LOG,
        "oauth_client": "what visitors may let the server do is c.Spawner.oauth_client_allowed_scopes",
    }
    unchangeable = "what is kept of a server is what its start and its spawner say"

    def __init__(self, owner: OrmUserView, row: ServerRow, state: Mapping[str, Any]) -> None:
        is_ready = row.state == "ready"
        self._know(
            id=row.id,
            name=row.name,
            display_name=row.display_name,
            user=owner,
            user_id=row.user,
            user_options=ReadOnlyDict(row.options() or {}, "orm_spawner.user_options", self.unchangeable),
            state=ReadOnlyDict(state, "orm_spawner.state", self.unchangeable),
            started=moment(row.started),
            last_activity=moment(row.last_activity),
            active=row.is_active,
            ready=is_ready,
            running=is_ready,
            pending=None if is_ready or not row.is_active else row.state,
            oauth_client_id=server_client_id(owner.name, row.name),
            orm_spawner=self,
            server=None,
            server_id=None,
        )
