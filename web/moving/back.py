"""The way back: a database that JupyterHub 6 starts with, made of what this log comes to."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from core.config.roles import ADMIN, DEFAULT_ROLES, USER
from core.errors import SpawnError, UnreachableError
from core.events.log.tables import Tables
from core.events.record import utc_text
from core.naming.names import full_name
from core.token import for_another_hub
from projections import auth_states, groups, oauth, roles, services, tokens, users
from projections.roles import RoleRow
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.sharing import share_codes, shares
from projections.users import UserRow
from web.moving import back_rows, schema
from web.moving.plan import Tally
from web.moving.rows import Row
from web.moving.units import Stays

T = TypeVar("T", bound="Positioned")
HandOver = Callable[[ServerRow], dict[str, Any]]
"""What a server's spawner in JupyterHub has to know of it. Raises SpawnError where it cannot go on there."""


class Positioned(Protocol):
    @property
    def position(self) -> int: ...


def _each(chunk_after: Callable[[Tables, int], list[T]], db: Tables) -> Iterator[T]:
    position = 0
    while rows := chunk_after(db, position):
        yield from rows
        position = rows[-1].position


class Back:
    """`target`: an empty database. `on_progress`: told of each user."""

    def __init__(
        self, db: Tables, target: sqlite3.Connection, hand_over: HandOver, on_progress: Callable[[int], None]
    ) -> None:
        self.tally = Tally()
        self._db = db
        self._target = target
        self._hand_over = hand_over
        self._on_progress = on_progress
        self._now = utc_text(datetime.now(UTC))
        self._users: dict[str, int] = {}
        self._groups: dict[str, int] = {}
        self._services: dict[str, int] = {}
        self._spawners: dict[str, tuple[int, str, str]] = {}  # number, and the names of owner and server
        self._clients: dict[str, str] = {"jupyterhub": "jupyterhub"}  # identifiers
        self._places = 0

    def write(self) -> None:
        schema.create(self._target)
        self._put("oauth_clients", {"identifier": "jupyterhub", "description": "JupyterHub"})
        for user in _each(users.after, self._db):
            self._user(user)
        self._all_groups()
        self._all_services()
        self._all_roles()
        for token in _each(tokens.after, self._db):
            self._token(token)
        self._sharing()

    def _put(self, table: str, row: Row, kind: str = "") -> None:
        schema.insert(self._target, table, row)
        self.tally.comes(kind)

    def _stay(self, kind: str, name: str, why: str) -> None:
        self.tally.stays(Stays(kind, name, why))

    # --- users and servers ---

    def _user(self, row: UserRow) -> None:
        number = self._users[row.id] = len(self._users) + 1
        sealed = auth_states.sealed(self._db, row.id)
        self._put("users", back_rows.user(row, number, secrets.token_hex(16), sealed), "users")
        if sealed is not None:
            self.tally.comes("auth states")
        for server in servers.of_user(self._db, row.id):
            self._server(server, row, number)
        self._on_progress(1)

    def _server(self, row: ServerRow, owner: UserRow, user: int) -> None:
        number = len(self._spawners) + 1
        self._spawners[row.id] = number, owner.name, row.name
        spawner = back_rows.spawner(row, number, user)
        if row.state in ("ready", "check"):
            spawner |= self._running(row, owner)
        elif row.is_active:
            self._stay(
                "running servers", full_name(owner.name, row.name), f"is in the middle of a {row.state}"
            )
        self._put("spawners", spawner, "named servers" if row.name else "")

    def _running(self, row: ServerRow, owner: UserRow) -> Row:
        name = full_name(owner.name, row.name)
        client, token = oauth.client_of_server(self._db, row.id), tokens.by_id(self._db, row.spawn_id)
        try:
            state = self._hand_over(row)
        except (SpawnError, UnreachableError) as error:
            self._stay("running servers", name, str(error))
            return {}
        if client is None or token is None or back_rows.why_not(token.digest, token.prefix):
            self._stay("running servers", name, back_rows.OLDER)
            return {}
        self._places += 1
        self._put("servers", back_rows.place(row, self._places), "running servers")
        secret = for_another_hub(token.digest) or ""
        self._put(
            "oauth_clients", back_rows.client_of_server(client, f"access:servers!server={name}", secret)
        )
        self._clients[f"server/{row.id}"] = client.client_id
        return back_rows.runs(row, self._places, client, state)

    # --- groups, services, roles ---

    def _all_groups(self) -> None:
        for row in groups.listed(self._db, None, limit=-1):
            number = self._groups[row.id] = len(self._groups) + 1
            self._put("groups", back_rows.group(row, number), "groups")
            for member in groups.memberships(self._db, row.id):
                self._put("user_group_map", {"user_id": self._users[member], "group_id": number})

    def _all_services(self) -> None:
        for row in services.every(self._db):
            number = self._services[row.name] = len(self._services) + 1
            if row.client_id:
                self._put("oauth_clients", back_rows.client_of_service(row, self._secret_of(row.name)))
                self._clients[f"service/{row.name}"] = row.client_id
            self._put("services", back_rows.service(row, number), "services")

    def _secret_of(self, service: str) -> str:
        """Of the OAuth client that it is: its token. One that is in the configuration JupyterHub reads there."""
        found = (for_another_hub(token.digest) for token in tokens.of_owner(self._db, f"service/{service}"))
        return next((digest for digest in found if digest), "")

    def _all_roles(self) -> None:
        defined = {row.name: row for row in roles.defined(self._db)}
        for name, usual in DEFAULT_ROLES.items():
            scopes = back_rows.json_text(usual.scopes) or "[]"
            defined.setdefault(name, RoleRow(name, usual.description, scopes, managed=False))
        for number, row in enumerate(defined.values(), 1):
            self._put("roles", back_rows.role(row, number), "" if row.name in DEFAULT_ROLES else "roles")
            for holder in self._holders(row.name):
                self._grant(holder, number)

    def _holders(self, role: str) -> list[str]:
        """With those of whom it is not recorded: everybody is a user, and flags say who is an administrator."""
        held = dict.fromkeys(roles.holders(self._db, role))
        if role == USER:
            held |= dict.fromkeys(f"user/{user}" for user in self._users)
        if role == ADMIN:
            held |= dict.fromkeys(f"user/{user}" for user in users.administrators(self._db).values())
            held |= dict.fromkeys(f"service/{row.name}" for row in services.every(self._db) if row.admin)
        return list(held)

    def _grant(self, holder: str, role: int) -> None:
        kind, _, key = holder.partition("/")
        numbers = {"user": self._users, "group": self._groups, "service": self._services}[kind]
        if key in numbers:
            row = {f"{kind}_id": numbers[key], "role_id": role, "managed_by_auth": 0}
            self._put(f"{kind}_role_map", row)

    # --- tokens ---

    def _token(self, row: tokens.TokenRow) -> None:
        kind, _, key = row.owner.partition("/")
        number = self._users.get(key) if kind == "user" else self._services.get(key)
        client, name = self._clients.get(row.client), row.note or row.id
        if row.expires_at is not None and row.expires_at <= self._now:
            return
        if why := back_rows.why_not(row.digest, row.prefix):
            self._stay("tokens", name, why)
        elif number is None or client is None:
            self._stay("tokens", name, "was given to a server that does not go")
        elif row.server and f"server/{row.server}" not in self._clients:
            self._stay("tokens", name, "is that of a server that does not go")
        else:
            self._put("api_tokens", back_rows.token(row, {f"{kind}_id": number}, client), "tokens")

    # --- shares ---

    def _sharing(self) -> None:
        for share in _each(shares.after, self._db):
            spawner, *names = self._spawners[share.server]
            kind, _, key = share.grantee.partition("/")
            grantee = {f"{kind}_id": (self._users if kind == "user" else self._groups)[key]}
            owner, called = self._users[share.owner], (names[0], names[1])
            self._put("shares", back_rows.share(share, owner, spawner, grantee, called), "shares")
        for code in _each(share_codes.after, self._db):
            spawner, *names = self._spawners[code.server]
            if why := back_rows.why_not(code.digest, code.prefix):
                self._stay("share codes", f"of {full_name(names[0], names[1])}", why)
                continue
            row = back_rows.share_code(code, self._users[code.owner], spawner, (names[0], names[1]))
            self._put("share_codes", row, "share codes")
