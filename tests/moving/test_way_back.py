"""A database moved in and out again is what it was, as far as JupyterHub can tell; the rest is said."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

import projections
from core.events import Event
from core.events.file.writer import Writer
from core.events.log.append_request import AppendRequest, Write
from core.events.record import HUB
from core.events.token import TokenIssued, token_stream
from core.token import prefix_of, quick_digest, slow_digest
from tests.moving.moved import kept, move, settings
from web.moving import schema
from web.moving.plan import Tally
from web.moving.rows import MovingError
from web.moving.whole import Target, move_out

CHANGED = {
    "users": {"cookie_id", "state", "user_info"},  # everybody logs in anew; the last is newer than 5.4
    "services": {
        "timeout",
        "oauth_client_allowed_scopes",
        "command",
        "environment",
        "display",
        "oauth_no_confirm",
    },
    "roles": {"id", "description", "scopes"},
    "spawners": {"id", "server_id", "state", "started", "oauth_client_id", "display_name", "last_activity"},
    "groups": {"id"},
    "shares": {"spawner_id", "group_id"},
    "share_codes": {"spawner_id"},
    "api_tokens": {"id", "session_id", "last_activity"},
}
"""By table that is compared: columns in which the same is said by another number, or in the configuration's words."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    move(kept("5.4"), tmp_path / "callboard.sqlite")
    return tmp_path / "callboard.sqlite"


def back(log: Path) -> tuple[Path, Tally]:
    target = log.with_name("back.sqlite")
    tally = move_out(
        Target(str(log), log.with_name("servers"), bytes(32), True), settings(), target, lambda _: None
    )
    return target, tally


def rows(path: Path, table: str) -> list[dict[str, Any]]:
    """With JSON as what it says."""
    with closing(sqlite3.connect(path)) as db:
        cursor = db.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, map(_plain, row), strict=True)) for row in cursor]
    return [{name: row[name] for name in sorted(row) if name not in CHANGED.get(table, ())} for row in found]


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("[", "{")):
        return msgspec.json.decode(value)
    return value


@pytest.mark.parametrize("table", ["users", "groups", "services", "spawners", "shares", "share_codes"])
def test_what_came_goes(log: Path, table: str) -> None:
    target, _ = back(log)
    there, here = rows(kept("5.4"), table), rows(target, table)
    assert sorted(map(str, here)) == sorted(map(str, there))


def test_tokens_go_but_for_what_stayed(log: Path) -> None:
    target, _ = back(log)
    gone = {"soon over", "Server at /user/alice/", "Server at /user/bob/lab/"}
    there = [
        row
        for row in rows(kept("5.4"), "api_tokens")
        if row["note"] not in gone and row["client_id"] != "jupyterhub-user-alice"
    ]
    assert rows(target, "api_tokens") == there


def test_everybody_is_a_user_and_administrators_are_administrators(log: Path) -> None:
    target, _ = back(log)
    with closing(sqlite3.connect(target)) as db:
        held = db.execute(
            "SELECT users.name, roles.name FROM user_role_map JOIN users ON users.id = user_id "
            "JOIN roles ON roles.id = role_id ORDER BY users.id, roles.name"
        ).fetchall()
    assert held == [
        ("admin", "admin"),
        ("admin", "user"),
        ("bob", "teacher"),
        ("bob", "user"),
        ("alice", "user"),
        ("carol", "user"),
        ("d@ve", "user"),
    ]


def test_it_is_a_database_of_version_6_and_sound(log: Path) -> None:
    target, _ = back(log)
    assert os.stat(target).st_mode & 0o077 == 0
    assert rows(target, "alembic_version") == [{"version_num": schema.REVISION}]
    with closing(sqlite3.connect(target)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_nothing_is_written_over(log: Path) -> None:
    target, _ = back(log)
    content = target.read_bytes()
    with pytest.raises(MovingError, match="is there already"):
        back(log)
    assert target.read_bytes() == content
    assert [path.name for path in log.parent.glob("*.draft")] == []


def test_a_database_that_cannot_be_finished_does_not_appear(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(schema, "insert", full)
    with pytest.raises(sqlite3.OperationalError):
        back(log)
    assert [path.name for path in log.parent.glob("back.sqlite*")] == []


# --- tokens made here ---


def test_tokens_made_here_go_with_how_they_begin(log: Path) -> None:
    with closing(sqlite3.connect(log)) as db:
        (alice,) = db.execute("SELECT id FROM users WHERE name = 'alice'").fetchone()
    owner, fresh = f"user/{alice}", "0123456789abcdef0123456789abcdef"
    older, chosen = quick_digest("older"), slow_digest("opensesame", "00" * 16)
    _append(
        log,
        TokenIssued(owner, quick_digest(fresh), ["inherit"], "fresh", prefix=prefix_of(fresh)),
        TokenIssued(owner, older, ["inherit"], "older"),
        TokenIssued(owner, chosen, ["inherit"], "chosen", hint="open"),
    )
    target, tally = back(log)
    found = {row["note"]: row for row in rows(target, "api_tokens")}
    assert found["fresh"]["hashed"] == f"sha256:1::{quick_digest(fresh)}"
    assert found["fresh"]["prefix"] == "0123"
    assert "older" not in found
    assert "chosen" not in found
    assert {tally.named["tokens", why] for why in tally.why["tokens"]} == {"older", "chosen"}


def _append(log: Path, *events: Event) -> None:
    writer = Writer(str(log), projections.ALL)
    try:
        writes = [Write(token_stream(f"t{number:025}"), 0, [event]) for number, event in enumerate(events)]
        unit = AppendRequest(writes, HUB)
        writer.commit([unit])
        assert unit.error is None
    finally:
        writer.close()
