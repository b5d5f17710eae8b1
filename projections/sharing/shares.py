"""Who else may use which server, and every query on that.

Rows come with the present names of everybody in them: shares are recorded by ids, so a rename changes nothing here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from sqlite_utils import Database

from core.errors import AlreadyExistsError
from core.events.group import GroupDeleted, group_stream
from core.events.hub import ClockCorrected
from core.events.record import Record, utc_text
from core.events.share import ShareGranted, ShareNarrowed, ShareRevoked, ShareWidened
from core.events.user import NewsSeen, ServerRemoved, UserDeleted, user_stream
from core.share import scopes_on
from projections.moments import take_back
from projections.sharing import share_news, share_ways

NAME = "shares"
VERSION = 4
TABLES = ("shares", *share_ways.TABLES, *share_news.TABLES)
EVENTS = (*share_ways.EVENTS, ShareWidened, ShareNarrowed, NewsSeen, ClockCorrected)


class SharedServer(NamedTuple):
    """As those see it whom it is shared with. `prefix`: while it is not stopped, else `""`."""

    owner: str
    name: str
    prefix: str
    state: str


class PlainShare(NamedTuple):
    """As it is recorded, by ids. `scopes`: without the filter of its server. `created`: as `utc_text` writes it."""

    position: int
    owner: str
    server: str
    grantee: str
    scopes: list[str]
    created: str


class ShareRow(NamedTuple):
    """`grantee`: the name of the user or group; `kind` says which. `scopes`: as they stand in a check."""

    kind: str
    grantee: str
    server: SharedServer
    scopes: list[str]
    created: str


def create(db: Database) -> None:
    """`position`: of the event that made the share; the API's order. `grantee`: `user/{id}` or `group/{id}`."""
    db.table("shares").create(
        {
            "position": int,
            "id": str,
            "owner": str,
            "server": str,
            "grantee": str,
            "scopes": str,
            "created": str,
        },
        pk="position",
        strict=True,
    )
    db.table("shares").create_index(["id"], unique=True)
    db.table("shares").create_index(["server", "grantee"], unique=True)
    db.table("shares").create_index(["owner"])
    db.table("shares").create_index(["grantee"])
    share_ways.create(db)
    share_news.create(db)


def project(db: sqlite3.Connection, record: Record) -> None:
    before = share_ways.touched(db, record)
    _change(db, record)
    share_ways.project(db, record)
    share_news.note(db, record, before, share_ways.touched(db, record))


def _change(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    match record.event:
        case ShareGranted() as share:
            _insert(db, record, entity, share)
        case ShareWidened(scopes=scopes):
            _change_scopes(db, entity, lambda held: held.union(scopes))
        case ShareNarrowed(scopes=scopes):
            _change_scopes(db, entity, lambda held: held.difference(scopes))
        case ShareRevoked():
            db.execute("DELETE FROM shares WHERE id = ?", (entity,))
        case ServerRemoved(server=server):
            db.execute("DELETE FROM shares WHERE server = ?", (server,))
        case GroupDeleted():
            db.execute("DELETE FROM shares WHERE grantee = ?", (record.stream,))
        case NewsSeen(upto=upto):
            share_news.seen(db, entity, upto)
        case UserDeleted():
            share_news.forget(db, entity)
            db.execute("DELETE FROM shares WHERE owner = ? OR grantee = ?", (entity, record.stream))
        case ClockCorrected() as correction:
            take_back(db, correction, "shares", "created")
            take_back(db, correction, "share_news", "at")


def _insert(db: sqlite3.Connection, record: Record, share_id: str, share: ShareGranted) -> None:
    scopes, at = _json(share.scopes), utc_text(share.since or record.at)
    row = (record.position, share_id, share.owner, share.server, share.grantee, scopes, at)
    insert = "INSERT INTO shares VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    if db.execute(insert, row).rowcount == 0:
        raise AlreadyExistsError("This server is shared with them already.")


def _change_scopes(
    db: sqlite3.Connection, share_id: str, change: Callable[[frozenset[str]], frozenset[str]]
) -> None:
    row = db.execute("SELECT scopes FROM shares WHERE id = ?", (share_id,)).fetchone()
    if row is not None:
        scopes = change(frozenset(msgspec.json.decode(row[0], type=list[str])))
        db.execute("UPDATE shares SET scopes = ? WHERE id = ?", (_json(scopes), share_id))


def _json(scopes: Iterable[str]) -> str:
    return msgspec.json.encode(sorted(scopes)).decode()


# --- queries ---


class Listing(NamedTuple):
    """Which shares: of an owner, on a server (ids), or with any of these (`user/{id}`, `group/{id}`)."""

    owner: str = ""
    server: str = ""
    grantees: tuple[str, ...] = ()

    def where(self) -> tuple[str, tuple[str, ...]]:
        if self.grantees:
            return f"shares.grantee IN ({', '.join('?' * len(self.grantees))})", self.grantees
        return ("shares.server = ?", (self.server,)) if self.server else ("shares.owner = ?", (self.owner,))


_ROWS = """
SELECT shares.grantee, coalesce(users.name, groups.name), owners.name, servers.name, servers.prefix, servers.state,
    shares.scopes, shares.created
FROM shares
JOIN users AS owners ON owners.id = shares.owner
JOIN servers ON servers.id = shares.server
LEFT JOIN users ON shares.grantee LIKE 'user/%' AND users.id = substr(shares.grantee, 6)
LEFT JOIN groups ON shares.grantee LIKE 'group/%' AND groups.id = substr(shares.grantee, 7)
"""


def _row(values: Sequence[str]) -> ShareRow:
    stream, grantee, owner, server, prefix, state, scopes, created = values
    names = msgspec.json.decode(scopes, type=list[str])
    shared = SharedServer(owner, server, prefix, state)
    return ShareRow(stream.partition("/")[0], grantee, shared, scopes_on(owner, server, names), created)


def listed(db: sqlite3.Connection, listing: Listing, offset: int, limit: int) -> list[ShareRow]:
    """One page of them, oldest first."""
    where, parameters = listing.where()
    rows = db.execute(
        f"{_ROWS} WHERE {where} ORDER BY shares.position LIMIT ? OFFSET ?", (*parameters, limit, offset)
    ).fetchall()
    return [_row(row) for row in rows]


def count(db: sqlite3.Connection, listing: Listing) -> int:
    where, parameters = listing.where()
    (number,) = db.execute(f"SELECT count(*) FROM shares WHERE {where}", parameters).fetchone()  # noqa: S608
    return int(number)


def after(db: sqlite3.Connection, position: int) -> list[PlainShare]:
    """The next shares, by position."""
    rows = db.execute(
        "SELECT position, owner, server, grantee, scopes, created FROM shares WHERE position > ? "
        "ORDER BY position LIMIT 200",
        (position,),
    ).fetchall()
    return [PlainShare(*row)._replace(scopes=msgspec.json.decode(row[4], type=list[str])) for row in rows]


def between(db: sqlite3.Connection, server_id: str, grantee: str) -> ShareRow | None:
    """The share of this server with this user or group. Users may have it through a group besides."""
    row = db.execute(
        f"{_ROWS} WHERE shares.server = ? AND shares.grantee = ?", (server_id, grantee)
    ).fetchone()
    return None if row is None else _row(row)


def id_between(db: sqlite3.Connection, server_id: str, grantee: str) -> str | None:
    row = db.execute(
        "SELECT id FROM shares WHERE server = ? AND grantee = ?", (server_id, grantee)
    ).fetchone()
    return None if row is None else str(row[0])


def number_by_server(db: sqlite3.Connection, owner: str) -> dict[str, int]:
    """With how many users and groups an owner's servers are shared, by their ids. Others are left out."""
    return dict(
        db.execute("SELECT server, count(*) FROM shares WHERE owner = ? GROUP BY server", (owner,)).fetchall()
    )


def ids_on(db: sqlite3.Connection, server_id: str) -> list[str]:
    rows = db.execute("SELECT id FROM shares WHERE server = ? ORDER BY position", (server_id,)).fetchall()
    return [share_id for (share_id,) in rows]


def servers_shared_with(db: sqlite3.Connection, grantee: str) -> list[str]:
    """Their ids; what a user has through groups is not meant."""
    rows = db.execute("SELECT server FROM shares WHERE grantee = ? ORDER BY position", (grantee,)).fetchall()
    return [server_id for (server_id,) in rows]


def raw_scopes_for(db: sqlite3.Connection, user_id: str, group_ids: Iterable[str]) -> frozenset[str]:
    """All that is shared with a user, directly and through these groups, each scope with its server's filter."""
    grantees = (user_stream(user_id), *(group_stream(group_id) for group_id in group_ids))
    rows = db.execute(
        "SELECT owners.name, servers.name, shares.scopes FROM shares "  # noqa: S608
        "JOIN users AS owners ON owners.id = shares.owner JOIN servers ON servers.id = shares.server "
        f"WHERE shares.grantee IN ({', '.join('?' * len(grantees))})",
        grantees,
    ).fetchall()
    return frozenset(
        scope
        for owner, server, scopes in rows
        for scope in scopes_on(owner, server, msgspec.json.decode(scopes, type=list[str]))
    )
