"""Shares as pages show them: who may use a server and by which links they came, and whose servers one may use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Literal

from msgspec import Struct

from core.events.group import group_stream
from core.events.user import user_stream
from core.naming.names import escape, full_name, server_prefix
from core.scopes import Answer, Server, check
from projections import groups
from projections.servers.servers import ServerRow
from projections.sharing import share_code_uses, share_codes, shares
from projections.sharing.share_code_uses import CodeUse
from projections.sharing.share_codes import ShareCodeRow
from projections.sharing.shares import SharedServer, ShareRow
from web.hook_views.rows import moment
from web.pages.parts.spawn_url import spawn_url
from web.request.context import caller, database, hub, scopes

FIRST = 50  # rows of a list
MOST_USES = 200  # that are looked at, of all links of a server

May = Literal["open", "run", "other"]


class Person(Struct, frozen=True):
    """A user or group that may use the server. `by_link`: whether they came by one that is still there."""

    kind: str
    name: str
    may: May
    scopes: list[str]
    since: datetime | None
    by_link: bool


class Visitor(Struct, frozen=True):
    """Somebody who has come by a link. `still`: whether they may use the server yet."""

    name: str
    at: datetime | None
    still: bool


class Link(Struct, frozen=True):
    """`id`: as the API has it."""

    id: str
    number: int
    may: May
    scopes: list[str]
    created: datetime | None
    expires: datetime | None
    expired: bool
    visitors: list[Visitor]


class SharedWithMe(Struct, frozen=True):
    """`groups`: through which. `directly`: whether it can be left. `may_start`: whether a page starts it."""

    id: str
    owner: str
    name: str
    full_name: str
    ready: bool
    url: str
    spawn_url: str
    leave_url: str
    may_open: bool
    may_start: bool
    since: datetime | None
    groups: list[str]
    directly: bool


# --- of a server ---


def people(server: ServerRow, offset: int) -> list[Person]:
    """The oldest first, one more than are shown."""
    came = {use.user for use in share_code_uses.on_server(database(), server.id, MOST_USES)}
    rows = shares.listed(database(), shares.Listing(server=server.id), offset, FIRST + 1)
    return [_person(row, came) for row in rows]


def _person(row: ShareRow, came: Collection[str]) -> Person:
    by_link = row.kind == "user" and row.grantee in came
    return Person(row.kind, row.grantee, may_by(row.scopes), row.scopes, moment(row.created), by_link)


def links(server: ServerRow, offset: int) -> list[Link]:
    """The oldest first, one more than are shown. Expired ones, too: who has come by them is seen there."""
    now = datetime.now(UTC)
    uses = share_code_uses.on_server(database(), server.id, MOST_USES)
    rows = share_codes.listed(database(), share_codes.Listing(server=server.id), offset, FIRST + 1)
    return [_link(row, now, [use for use in uses if use.code == row.id]) for row in rows]


def _link(row: ShareCodeRow, now: datetime, uses: Iterable[CodeUse]) -> Link:
    return Link(
        f"sc_{row.number}",
        row.number,
        may_by(row.scopes),
        row.scopes,
        moment(row.created),
        moment(row.expires_at),
        row.has_expired(now),
        [Visitor(use.user, moment(use.at), use.still) for use in uses],
    )


def may_by(full_scopes: Iterable[str]) -> May:
    """What a share of these scopes lets somebody do; `other` for what has no words of its own."""
    names = {scope.partition("!")[0] for scope in full_scopes}
    if names == {"access:servers"}:
        return "open"
    return "run" if names == {"access:servers", "servers"} else "other"


# --- with oneself ---


def shared_with(user_id: str) -> list[SharedWithMe]:
    """The oldest first, each server once."""
    db = database()
    teams = (group_stream(group.id) for group in groups.of_user(db, user_id))
    listing = shares.Listing(grantees=(user_stream(user_id), *teams))
    rows = [row for row in shares.listed(db, listing, 0, FIRST) if row.server.owner != caller().name]
    rows.sort(key=attrgetter("server"))
    found = [_shared(server, list(its)) for server, its in groupby(rows, attrgetter("server"))]
    return sorted(found, key=lambda one: str(one.since))


def _shared(server: SharedServer, its: list[ShareRow]) -> SharedWithMe:
    prefix = server.prefix or server_prefix(hub().base_url, server.owner, server.name)
    path = f"{escape(server.owner)}/{escape(server.name)}"
    return SharedWithMe(
        path,
        server.owner,
        server.name,
        full_name(server.owner, server.name),
        server.state == "ready",
        hub().hosts.url(prefix),
        spawn_url(server.owner, server.name),
        f"{hub().base_url}hub/leave-share/{path}",
        _have("access:servers", server),
        _have("servers", server),
        moment(min(row.created for row in its)),
        [row.grantee for row in its if row.kind == "group"],
        directly=any(row.kind == "user" for row in its),
    )


def _have(scope: str, server: SharedServer) -> bool:
    answer = check(scopes(), scope, Server(server.owner, server.name), hub().rights.memberships)
    return answer is Answer.ALLOWED
