"""All that a database has, in the order in which it comes: nothing before what it refers to. Pure, but for reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from core.config.roles import ADMIN
from core.events.activity import STREAM, ActivityRecorded
from core.events.log.append_request import Write
from core.plugins.spawner import UserOptions
from web.moving.from_people import activity, groups, people
from web.moving.from_rights import HOLDERS, roles, services
from web.moving.from_servers import client_of, own_tokens, running
from web.moving.from_sharing import share_codes, shares
from web.moving.from_tokens import scopes_by_role, tokens
from web.moving.rows import Row
from web.moving.sound_rows import SoundRows, Tables
from web.moving.units import Comes, Known, Pieces, Stays

KINDS = (
    "users",
    "named servers",
    "auth states",
    "groups",
    "roles",
    "services",
    "running servers",
    "tokens",
    "shares",
    "share codes",
    "OAuth codes",
)
"""What the table of a move tells of, line by line."""


class Plan:
    """`life`: of cookies. `base_url`: of this hub. `engine_of`: where a server with such options runs here.

    It is read once, from the beginning: whether a server that runs was taken in decides on what was given to it.
    """

    def __init__(
        self,
        source: Tables,
        known: Known,
        *,
        now: datetime,
        life: timedelta,
        base_url: str,
        engine_of: Callable[[UserOptions], str],
    ) -> None:
        self.known = known
        self._source = SoundRows(source)
        self._now = now
        self._until = now + life
        self._base_url = base_url
        self._engine_of = engine_of

    def pieces(self) -> Pieces:
        rows, known = self._source.rows, self.known
        yield from people(rows("users"), rows("spawners"), known, self._until)
        yield from groups(rows("groups"), rows("user_group_map"), known)
        yield from self._services()
        yield from roles(rows("roles"), {kind: rows(table) for kind, (table, _) in HOLDERS.items()}, known)
        yield from self._running_and_tokens()
        yield from shares(rows("shares"), known, self._now)
        yield from share_codes(rows("share_codes"), known, self._now)
        for code in rows("oauth_codes"):
            yield Stays("OAuth codes", f"code {code['id']}", "is good for five minutes only")
        yield from self._source.damaged
        for number, batch in enumerate(activity(known)):
            yield Comes("", (Write(STREAM, number, [ActivityRecorded(**batch)]),), rows=0)

    def _services(self) -> Pieces:
        rows = self._source.rows
        admin = {role["id"] for role in rows("roles") if role["name"] == ADMIN}
        admins = {row["service_id"] for row in rows("service_role_map") if row["role_id"] in admin}
        servers = {row["id"]: row for row in rows("servers")}
        yield from services(rows("services"), servers, self._clients(), admins, self._base_url, self.known)

    def _running_and_tokens(self) -> Pieces:
        rows, known = self._source.rows, self.known
        scopes_of = scopes_by_role(rows("roles"), rows("api_token_role_map"))
        servers = {row["id"]: row for row in rows("servers")}
        own = own_tokens(rows("api_tokens"), self._now)
        yield from running(rows("spawners"), servers, self._clients(), own, known, scopes_of, self._engine_of)
        of_servers = {
            client_of(row, place): place.id
            for row in rows("spawners")
            if (place := known.servers.get(row["id"])) is not None
        }
        yield from tokens(rows("api_tokens"), known, scopes_of, of_servers, self._now)

    def _clients(self) -> dict[str, Row]:
        return {row["identifier"]: row for row in self._source.rows("oauth_clients")}


class Tally:
    """What comes and what stays, for the table. `why`: by kind, how many for which reason."""

    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        self.stayed: Counter[str] = Counter()
        self.why: dict[str, Counter[str]] = {}
        self.named: dict[tuple[str, str], str] = {}

    def comes(self, kind: str) -> None:
        if kind:
            self.came[kind] += 1

    def stays(self, piece: Stays) -> None:
        self.stayed[piece.kind] += 1
        self.why.setdefault(piece.kind, Counter())[piece.why] += 1
        self.named.setdefault((piece.kind, piece.why), piece.name)
