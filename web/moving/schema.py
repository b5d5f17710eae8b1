"""The tables of JupyterHub 6: what it expects to find, with the revision that says so.

Source: a database that JupyterHub 6.1.1 has made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

REVISION = "f460b0348206"  # of alembic, which brings older ones up

_USER = "user_id INTEGER REFERENCES users (id) ON DELETE CASCADE"
_OWNER = "owner_id INTEGER REFERENCES users (id) ON DELETE CASCADE"
_SPAWNER = "spawner_id INTEGER REFERENCES spawners (id) ON DELETE CASCADE"
_CLIENT = "VARCHAR(255) REFERENCES oauth_clients (identifier) ON DELETE"
_KEY = "id INTEGER NOT NULL PRIMARY KEY"


def _map(one: str, other: str, *more: str) -> tuple[str, ...]:
    """A table that says which of one kind have which of another."""
    kinds = (one, other)
    columns = [f"{kind}_id INTEGER NOT NULL REFERENCES {kind}s (id) ON DELETE CASCADE" for kind in kinds]
    return (*columns, *more, f"PRIMARY KEY ({one}_id, {other}_id)")


_BY_AUTHENTICATOR = "managed_by_auth BOOLEAN NOT NULL"

TABLES: Mapping[str, Sequence[str]] = {
    "alembic_version": ("version_num VARCHAR(32) NOT NULL PRIMARY KEY",),
    "servers": (
        _KEY,
        "proto VARCHAR(15)",
        "ip VARCHAR(255)",
        "port INTEGER",
        "base_url VARCHAR(255)",
        "cookie_name VARCHAR(255)",
    ),
    "roles": (
        _KEY,
        "name VARCHAR(255) UNIQUE",
        "description VARCHAR(1023)",
        "scopes TEXT",
        _BY_AUTHENTICATOR,
    ),
    "groups": (_KEY, "name VARCHAR(255) UNIQUE", "properties TEXT"),
    "users": (
        _KEY,
        "name VARCHAR(255) UNIQUE",
        "user_info TEXT",
        "admin BOOLEAN",
        "created DATETIME",
        "last_activity DATETIME",
        "cookie_id VARCHAR(255) NOT NULL UNIQUE",
        "state TEXT",
        "encrypted_auth_state BLOB",
    ),
    "oauth_clients": (
        _KEY,
        "identifier VARCHAR(255) UNIQUE",
        "description VARCHAR(1023)",
        "secret VARCHAR(255)",
        "redirect_uri VARCHAR(1023)",
        "allowed_scopes TEXT",
    ),
    "user_role_map": _map("user", "role", _BY_AUTHENTICATOR),
    "group_role_map": _map("group", "role", _BY_AUTHENTICATOR),
    "service_role_map": _map("service", "role", _BY_AUTHENTICATOR),
    "user_group_map": _map("user", "group"),
    "spawners": (
        _KEY,
        _USER,
        "server_id INTEGER REFERENCES servers (id) ON DELETE SET NULL",
        "state TEXT",
        "name VARCHAR(255)",
        "display_name VARCHAR(255)",
        "started DATETIME",
        "last_activity DATETIME",
        "user_options TEXT",
        f"oauth_client_id {_CLIENT} SET NULL",
    ),
    "services": (
        _KEY,
        "name VARCHAR(255) UNIQUE",
        "admin BOOLEAN",
        "url VARCHAR(2047)",
        "oauth_client_allowed_scopes TEXT",
        "info TEXT",
        "display BOOLEAN",
        "oauth_no_confirm BOOLEAN",
        "command TEXT",
        "cwd VARCHAR(4095)",
        "environment TEXT",
        "user VARCHAR(255)",
        "timeout INTEGER NOT NULL",
        "from_config BOOLEAN",
        "_server_id INTEGER REFERENCES servers (id) ON DELETE SET NULL",
        "pid INTEGER",
        f"oauth_client_id {_CLIENT} SET NULL",
    ),
    "oauth_codes": (
        _KEY,
        f"client_id {_CLIENT} CASCADE",
        "code VARCHAR(36)",
        "expires_at INTEGER",
        "redirect_uri VARCHAR(1023)",
        "session_id VARCHAR(255)",
        _USER,
        "scopes TEXT",
        "code_challenge VARCHAR(255)",
        "code_challenge_method VARCHAR(64)",
    ),
    "shares": (
        _KEY,
        _USER,
        "group_id INTEGER REFERENCES groups (id) ON DELETE CASCADE",
        "created_at DATETIME NOT NULL",
        "scopes TEXT",
        "expires_at DATETIME",
        _OWNER,
        _SPAWNER,
    ),
    "share_codes": (
        _KEY,
        "hashed VARCHAR(255) UNIQUE",
        "prefix VARCHAR(16)",
        "exchange_count INTEGER",
        "last_exchanged_at DATETIME",
        "created_at DATETIME NOT NULL",
        "scopes TEXT",
        "expires_at DATETIME",
        _OWNER,
        _SPAWNER,
    ),
    "api_tokens": (
        _KEY,
        _USER,
        "service_id INTEGER REFERENCES services (id) ON DELETE CASCADE",
        "hashed VARCHAR(255) UNIQUE",
        "prefix VARCHAR(16)",
        f"client_id {_CLIENT} CASCADE",
        "session_id VARCHAR(255)",
        "created DATETIME",
        "expires_at DATETIME",
        "last_activity DATETIME",
        "note VARCHAR(1023)",
        "scopes TEXT",
    ),
}
INDEXES = ("share_codes", "api_tokens")  # by prefix


def create(db: sqlite3.Connection) -> None:
    for table, columns in TABLES.items():
        db.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    for table in INDEXES:
        db.execute(f"CREATE INDEX ix_{table}_prefix ON {table} (prefix)")
    insert(db, "alembic_version", {"version_num": REVISION})


def insert(db: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
