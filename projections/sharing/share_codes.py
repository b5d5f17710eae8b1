"""The share codes there are, expired ones too until they are revoked, and every query on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database

from core.events.hub import ClockCorrected
from core.events.record import Record, utc_text
from core.events.share import ShareCodeExchanged, ShareCodeIssued, ShareCodeRevoked
from core.events.user import ServerRemoved, UserDeleted
from core.share import scopes_on
from projections.moments import take_back
from projections.sharing import share_code_uses
from projections.sharing.shares import SharedServer

NAME = "share_codes"
VERSION = 3
TABLES = ("share_codes", *share_code_uses.TABLES)
EVENTS = (ShareCodeIssued, ShareCodeExchanged, ShareCodeRevoked, ServerRemoved, UserDeleted, ClockCorrected)


class ShareCodeRow(NamedTuple):
    """`number`: what people call it by, `sc_{number}`. `server_id`: of what it shares."""

    number: int
    id: str
    server_id: str
    server: SharedServer
    scopes: list[str]
    created: str
    expires_at: str
    exchange_count: int
    last_exchanged_at: str | None

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at <= utc_text(now)


class PlainCode(NamedTuple):
    """As it is recorded, by ids. `scopes`: without the filter of its server. `prefix`: how it begins, if known."""

    position: int
    owner: str
    server: str
    digest: str
    prefix: str
    scopes: list[str]
    created: str
    expires_at: str
    exchange_count: int
    last_exchanged_at: str | None


def create(db: Database) -> None:
    """`position`: of the event that made the code; the API's order, and its id there."""
    share_code_uses.create(db)
    db.table("share_codes").create(
        {
            "position": int,
            "id": str,
            "owner": str,
            "server": str,
            "digest": str,
            "scopes": str,
            "created": str,
            "expires_at": str,
            "exchange_count": int,
            "last_exchanged_at": str,
            "hint": str,
            "prefix": str,
        },
        pk="position",
        strict=True,
    )
    for column in ("id", "digest"):
        db.table("share_codes").create_index([column], unique=True)
    for column in ("server", "owner"):
        db.table("share_codes").create_index([column])
    db.execute("CREATE INDEX share_codes_hint ON share_codes (hint) WHERE hint != ''")


def project(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    at = utc_text(record.at)
    match record.event:
        case ShareCodeIssued() as code:
            _insert(db, record, entity, code)
        case ShareCodeExchanged(user=user):
            share_code_uses.came(db, record, user)
            db.execute(
                "UPDATE share_codes SET exchange_count = exchange_count + 1, last_exchanged_at = ? "
                "WHERE id = ?",
                (at, entity),
            )
        case ShareCodeRevoked():
            _remove(db, "id", entity)
        case ServerRemoved(server=server):
            _remove(db, "server", server)
        case UserDeleted():
            _remove(db, "owner", entity)
            share_code_uses.forget(db, entity)
        case ClockCorrected() as correction:
            take_back(db, correction, "share_codes", "created", "expires_at")
            take_back(db, correction, "share_codes", "last_exchanged_at")
            take_back(db, correction, "share_code_uses", "at")


def _remove(db: sqlite3.Connection, which: str, key: str) -> None:
    """Those that have this `key` in their column `which`."""
    share_code_uses.remove(db, which, key)
    db.execute(f"DELETE FROM share_codes WHERE {which} = ?", (key,))  # noqa: S608


def _insert(db: sqlite3.Connection, record: Record, code_id: str, code: ShareCodeIssued) -> None:
    row = (
        record.position,
        code_id,
        code.owner,
        code.server,
        code.digest,
        msgspec.json.encode(code.scopes).decode(),
        utc_text(code.since or record.at),
        utc_text(code.expires_at),
        code.exchanged,
        None if code.last_exchanged is None else utc_text(code.last_exchanged),
        code.hint,
        code.prefix or code.hint,
    )
    db.execute(f"INSERT INTO share_codes VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


# --- queries ---


class Listing(NamedTuple):
    """Which codes: of an owner, or on a server. Both are ids."""

    owner: str = ""
    server: str = ""

    def where(self) -> tuple[str, str]:
        return (
            ("share_codes.server = ?", self.server) if self.server else ("share_codes.owner = ?", self.owner)
        )


_ROWS = """
SELECT share_codes.position, share_codes.id, share_codes.server,
    owners.name, servers.name, servers.prefix, servers.state,
    share_codes.scopes, share_codes.created, share_codes.expires_at,
    share_codes.exchange_count, share_codes.last_exchanged_at
FROM share_codes
JOIN users AS owners ON owners.id = share_codes.owner
JOIN servers ON servers.id = share_codes.server
"""


def _row(values: Sequence[Any]) -> ShareCodeRow:
    number, code_id, server_id, owner, server, prefix, state, scopes, *rest = values
    names = msgspec.json.decode(scopes, type=list[str])
    shared = SharedServer(owner, server, prefix, state)
    return ShareCodeRow(number, code_id, server_id, shared, scopes_on(owner, server, names), *rest)


def listed(db: sqlite3.Connection, listing: Listing, offset: int, limit: int) -> list[ShareCodeRow]:
    """One page of them, oldest first, expired ones too."""
    where, parameter = listing.where()
    rows = db.execute(
        f"{_ROWS} WHERE {where} ORDER BY share_codes.position LIMIT ? OFFSET ?", (parameter, limit, offset)
    ).fetchall()
    return [_row(row) for row in rows]


def count(db: sqlite3.Connection, listing: Listing) -> int:
    where, parameter = listing.where()
    (number,) = db.execute(f"SELECT count(*) FROM share_codes WHERE {where}", (parameter,)).fetchone()  # noqa: S608
    return int(number)


def after(db: sqlite3.Connection, position: int) -> list[PlainCode]:
    """The next codes, by position."""
    rows = db.execute(
        f"SELECT {', '.join(PlainCode._fields)} FROM share_codes WHERE position > ? "  # noqa: S608
        "ORDER BY position LIMIT 200",
        (position,),
    ).fetchall()
    return [PlainCode(*row)._replace(scopes=msgspec.json.decode(row[5], type=list[str])) for row in rows]


def by_digest(db: sqlite3.Connection, digest: str) -> ShareCodeRow | None:
    row = db.execute(f"{_ROWS} WHERE share_codes.digest = ?", (digest,)).fetchone()
    return None if row is None else _row(row)


def moved_in(db: sqlite3.Connection, hint: str) -> list[str]:
    """The digests of the codes that begin so and came from another hub, 200 at most."""
    rows = db.execute(
        "SELECT digest FROM share_codes WHERE hint = ? AND hint != '' ORDER BY position LIMIT 200", (hint,)
    ).fetchall()
    return [digest for (digest,) in rows]


def by_number(db: sqlite3.Connection, number: int) -> ShareCodeRow | None:
    row = db.execute(f"{_ROWS} WHERE share_codes.position = ?", (number,)).fetchone()
    return None if row is None else _row(row)


def ids_on(db: sqlite3.Connection, server_id: str) -> list[str]:
    rows = db.execute(
        "SELECT id FROM share_codes WHERE server = ? ORDER BY position", (server_id,)
    ).fetchall()
    return [code_id for (code_id,) in rows]


def of_owner(db: sqlite3.Connection, user_id: str) -> list[tuple[str, str]]:
    """The id of each code on a server of this user, and the server's."""
    return db.execute(
        "SELECT id, server FROM share_codes WHERE owner = ? ORDER BY position", (user_id,)
    ).fetchall()
