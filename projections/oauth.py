"""The OAuth clients that running servers are, and the authorization codes that may still be changed for a token.

Services are clients too: they are in their own table. A client here lives from the start of its server to its end;
what is given to one that has ended meanwhile is refused here, in the append.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import msgspec
from sqlite_utils import Database

from core.errors import ForbiddenError
from core.events.hub import ClockCorrected
from core.events.oauth import CodeIssued, CodeRedeemed
from core.events.record import Record, utc_text
from core.events.server import ServerDied, ServerLost, ServerStopped, SpawnFailed, SpawnRequested
from core.events.session import SessionEnded
from core.events.token import TokenIssued
from core.events.user import UserDeleted
from core.naming.names import server_client_id
from projections.moments import take_back

NAME = "oauth"
VERSION = 1
TABLES = ("oauth_clients", "oauth_codes")
EVENTS = (
    SpawnRequested,
    SpawnFailed,
    ServerStopped,
    ServerDied,
    ServerLost,
    CodeIssued,
    CodeRedeemed,
    TokenIssued,
    SessionEnded,
    UserDeleted,
    ClockCorrected,
)


class ClientRow(NamedTuple):
    """`server`, `user`: ids. `client_id`: need not be unique: `a-b` may be a user, or a server of the user `a`.

    `prefix`: of its URL. `scopes`: those it may be given besides access to itself, as a JSON list.
    """

    server: str
    user: str
    client_id: str
    prefix: str
    scopes: str

    def allowed_scopes(self) -> list[str]:
        return msgspec.json.decode(self.scopes, type=list[str])


class CodeRow(NamedTuple):
    """`token`: the id of the one that it was changed for, `""` until then. The rest: see CodeIssued."""

    id: str
    digest: str
    client: str
    user: str
    scopes: str
    expires_at: str
    redirect_uri: str
    challenge: str
    challenge_method: str
    session_id: str | None
    token: str

    def granted(self) -> list[str]:
        return msgspec.json.decode(self.scopes, type=list[str])


_CLIENTS = f"SELECT {', '.join(ClientRow._fields)} FROM oauth_clients "  # noqa: S608
_CODES = f"SELECT {', '.join(CodeRow._fields)} FROM oauth_codes "  # noqa: S608


def create(db: Database) -> None:
    db.table("oauth_clients").create(
        {"server": str, "user": str, "client_id": str, "prefix": str, "scopes": str}, pk="server", strict=True
    )
    db.table("oauth_clients").create_index(["client_id"])
    columns = dict.fromkeys(CodeRow._fields, str)
    db.table("oauth_codes").create(columns, pk="id", strict=True)
    db.table("oauth_codes").create_index(["digest"], unique=True)
    for column in ("expires_at", "session_id", "user"):
        db.table("oauth_codes").create_index([column])


def project(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    match record.event:
        case SpawnRequested() as spawn:
            row = ClientRow(
                entity,
                spawn.user,
                server_client_id(spawn.user_name, spawn.server_name),
                spawn.prefix,
                msgspec.json.encode(spawn.client_scopes).decode(),
            )
            db.execute("INSERT OR REPLACE INTO oauth_clients VALUES (?, ?, ?, ?, ?)", row)
        case SpawnFailed() | ServerStopped() | ServerDied() | ServerLost():
            db.execute("DELETE FROM oauth_clients WHERE server = ?", (entity,))
        case CodeIssued() as code:
            _add_code(db, record, entity, code)
        case CodeRedeemed(token=token):
            db.execute("UPDATE oauth_codes SET token = ? WHERE id = ?", (token, entity))
        case TokenIssued(client=client):
            _check_client(db, client)
        case SessionEnded():
            db.execute("DELETE FROM oauth_codes WHERE session_id = ?", (entity,))
        case UserDeleted():
            db.execute("DELETE FROM oauth_codes WHERE user = ?", (entity,))
            db.execute("DELETE FROM oauth_clients WHERE user = ?", (entity,))
        case ClockCorrected() as correction:
            take_back(db, correction, "oauth_codes", "expires_at")


def _add_code(db: sqlite3.Connection, record: Record, code_id: str, code: CodeIssued) -> None:
    """Those that have expired by then go: a code is of interest for minutes."""
    db.execute("DELETE FROM oauth_codes WHERE expires_at <= ?", (utc_text(record.at),))
    row = CodeRow(
        code_id,
        code.digest,
        code.client,
        code.user,
        msgspec.json.encode(code.scopes).decode(),
        utc_text(code.expires_at),
        code.redirect_uri,
        code.challenge,
        code.challenge_method,
        code.session_id,
        "",
    )
    db.execute(f"INSERT INTO oauth_codes VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


def _check_client(db: sqlite3.Connection, client: str) -> None:
    kind, _, server = client.partition("/")
    if kind == "server" and client_of_server(db, server) is None:
        raise ForbiddenError("This server has stopped meanwhile.")


# --- queries ---


def clients_called(db: sqlite3.Connection, client_id: str) -> list[ClientRow]:
    rows = db.execute(_CLIENTS + "WHERE client_id = ? LIMIT 20", (client_id,)).fetchall()
    return [ClientRow(*row) for row in rows]


def client_of_server(db: sqlite3.Connection, server: str) -> ClientRow | None:
    row = db.execute(_CLIENTS + "WHERE server = ?", (server,)).fetchone()
    return None if row is None else ClientRow(*row)


def code_by_digest(db: sqlite3.Connection, digest: str) -> CodeRow | None:
    row = db.execute(_CODES + "WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else CodeRow(*row)
