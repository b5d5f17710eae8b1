"""The tokens that count now: issued and not revoked, and those of servers that are not gone."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlite_utils import Database

from core.events.activity import ActivityRecorded
from core.events.hub import ClockCorrected
from core.events.record import Record, utc_text
from core.events.server import (
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnFailed,
    SpawnRequested,
)
from core.events.service import ServiceRemoved
from core.events.session import SessionEnded
from core.events.token import TokenIssued, TokenRevoked
from core.events.user import UserDeleted, user_stream
from projections.moments import take_back

NAME = "tokens"
VERSION = 4
TABLES = ("tokens",)
EVENTS = (
    TokenIssued,
    TokenRevoked,
    UserDeleted,
    ServiceRemoved,
    SessionEnded,
    SpawnRequested,
    SpawnFailed,
    ServerStopped,
    ServerDied,
    ServerLost,
    ActivityRecorded,
    ClockCorrected,
)


class TokenRow(NamedTuple):
    """`owner`: `user/{id}` or `service/{name}`. `server`: the id of the server whose own token it is, or `""`.

    `client`: `jupyterhub`, or the OAuth client that it was given to, as `server/{id}` or `service/{name}`. `created`:
    by this hub or by that from which it was moved in. `prefix`: its first characters, where they were kept.
    """

    position: int
    id: str
    owner: str
    digest: str
    hint: str
    scopes: str
    note: str
    created: str
    expires_at: str | None
    last_activity: str | None
    client: str
    session_id: str | None
    server: str
    prefix: str

    def raw_scopes(self) -> list[str]:
        return msgspec.json.decode(self.scopes, type=list[str])


_ALL = f"SELECT {', '.join(TokenRow._fields)} FROM tokens "  # noqa: S608


def create(db: Database) -> None:
    db.table("tokens").create(
        {
            "position": int,
            "id": str,
            "owner": str,
            "digest": str,
            "hint": str,
            "scopes": str,
            "note": str,
            "created": str,
            "expires_at": str,
            "last_activity": str,
            "client": str,
            "session_id": str,
            "server": str,
            "prefix": str,
        },
        pk="position",
        strict=True,
    )
    for column in ("id", "digest"):
        db.table("tokens").create_index([column], unique=True)
    db.table("tokens").create_index(["owner"])
    db.execute("CREATE INDEX tokens_of_sessions ON tokens (session_id) WHERE session_id IS NOT NULL")
    db.execute("CREATE INDEX tokens_of_clients ON tokens (client) WHERE client != 'jupyterhub'")
    db.execute("CREATE INDEX tokens_hint ON tokens (hint) WHERE hint != ''")
    db.execute("CREATE INDEX tokens_expiring ON tokens (expires_at) WHERE expires_at IS NOT NULL")


_INSERT = f"INSERT INTO tokens VALUES ({', '.join('?' * len(TokenRow._fields))})"  # noqa: S608


def project(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    match record.event:
        case TokenIssued() as token:
            db.execute(_INSERT, _issued(record, token))
        case SpawnRequested() as spawn:
            db.execute(_INSERT, _of_server(record, spawn))
        case TokenRevoked():
            db.execute("DELETE FROM tokens WHERE id = ?", (entity,))
        case (
            SpawnFailed(spawn_id=spawn_id)
            | ServerStopped(spawn_id=spawn_id)
            | ServerDied(spawn_id=spawn_id)
            | ServerLost(spawn_id=spawn_id)
        ):
            db.execute("DELETE FROM tokens WHERE id = ?", (spawn_id,))
            _drop_those_given_to(db, record.stream)
        case UserDeleted():
            db.execute("DELETE FROM tokens WHERE owner = ?", (record.stream,))
        case ServiceRemoved():
            db.execute("DELETE FROM tokens WHERE owner = ?", (record.stream,))
            _drop_those_given_to(db, record.stream)
        case SessionEnded():
            db.execute("DELETE FROM tokens WHERE session_id = ?", (entity,))
        case ActivityRecorded(tokens=tokens):
            rows = [(utc_text(at), token, utc_text(at)) for token, at in tokens.items()]
            db.executemany(
                "UPDATE tokens SET last_activity = ? WHERE id = ? AND coalesce(last_activity, '') < ?", rows
            )
        case ClockCorrected(after=after) as correction:
            take_back(db, correction, "tokens", "created", "expires_at")
            db.execute("UPDATE tokens SET last_activity = ?1 WHERE last_activity > ?1", (utc_text(after),))


def _issued(record: Record, token: TokenIssued) -> TokenRow:
    return TokenRow(
        position=record.position,
        id=record.key,
        owner=token.owner,
        digest=token.digest,
        hint=token.hint,
        scopes=msgspec.json.encode(token.scopes).decode(),
        note=token.note,
        created=_created(token.since, record),
        expires_at=None if token.expires_at is None else utc_text(token.expires_at),
        last_activity=None,
        client=token.client,
        session_id=token.session_id,
        server="",
        prefix=token.prefix or token.hint,
    )


def _of_server(record: Record, spawn: SpawnRequested) -> TokenRow:
    """The token of a server's own, which bears the id of the attempt."""
    return TokenRow(
        position=record.position,
        id=spawn.spawn_id,
        owner=user_stream(spawn.user),
        digest=spawn.token_digest,
        hint="" if spawn.since is None else spawn.token_prefix,
        scopes=msgspec.json.encode(spawn.token_scopes).decode(),
        note=f"Server at {spawn.prefix}",
        created=_created(spawn.since, record),
        expires_at=None,
        last_activity=None,
        client="jupyterhub",
        session_id=None,
        server=record.key,
        prefix=spawn.token_prefix,
    )


def _created(since: datetime | None, record: Record) -> str:
    return utc_text(record.at if since is None else since)


def _drop_those_given_to(db: sqlite3.Connection, client: str) -> None:
    """What visitors let a server or service do in their name ends with it."""
    db.execute("DELETE FROM tokens WHERE client = ? AND client != 'jupyterhub'", (client,))


# --- queries ---


def _row(values: tuple[object, ...] | None) -> TokenRow | None:
    return None if values is None else TokenRow(*values)  # type: ignore[arg-type]


def by_digest(db: sqlite3.Connection, digest: str) -> TokenRow | None:
    return _row(db.execute(_ALL + "WHERE digest = ?", (digest,)).fetchone())


def by_id(db: sqlite3.Connection, token_id: str) -> TokenRow | None:
    return _row(db.execute(_ALL + "WHERE id = ?", (token_id,)).fetchone())


def has_hint(db: sqlite3.Connection, hint: str) -> bool:
    """Whether some token begins so that people chose, or that another hub has digested."""
    return db.execute("SELECT 1 FROM tokens WHERE hint = ? AND hint != ''", (hint,)).fetchone() is not None


def with_hint(db: sqlite3.Connection, hint: str) -> list[TokenRow]:
    """Those tokens, 200 at most."""
    rows = db.execute(_ALL + "WHERE hint = ? AND hint != '' ORDER BY position LIMIT 200", (hint,)).fetchall()
    return [TokenRow(*row) for row in rows]


def after(db: sqlite3.Connection, position: int) -> list[TokenRow]:
    """The next tokens, by position."""
    rows = db.execute(_ALL + "WHERE position > ? ORDER BY position LIMIT 200", (position,)).fetchall()
    return [TokenRow(*row) for row in rows]


def expired(db: sqlite3.Connection, now: datetime) -> list[TokenRow]:
    """The first of those whose time is over."""
    rows = db.execute(
        _ALL + "WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT 200",
        (utc_text(now),),
    ).fetchall()
    return [TokenRow(*row) for row in rows]


def visitors(db: sqlite3.Connection, server_id: str, but: str) -> list[str]:
    """Who, besides `but`, was let into a server that runs: owners of tokens, as `user/{id}`; 20 at most."""
    rows = db.execute(
        "SELECT DISTINCT owner FROM tokens WHERE client = ? AND client != 'jupyterhub' AND owner != ? "
        "ORDER BY position LIMIT 20",
        (f"server/{server_id}", but),
    ).fetchall()
    return [owner for (owner,) in rows]


def of_owner(db: sqlite3.Connection, owner: str) -> list[TokenRow]:
    rows = db.execute(
        _ALL + "WHERE owner = ? ORDER BY last_activity, position LIMIT 1000", (owner,)
    ).fetchall()
    return [TokenRow(*row) for row in rows]
