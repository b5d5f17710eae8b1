"""A database that no JupyterHub has written: any value in any cell comes in, stays, or is refused in one line."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import HubError
from core.events.file.database import MEMORY
from tests.moving.moved import kept, settings
from web.moving.sound_rows import SoundRows
from web.moving.source import TABLES, open_source
from web.moving.whole import Target, move_in

VALUES: dict[str, object] = {
    "nothing": None,
    "a text": "garbage",
    "bytes": b"\xff\xfe\x00",
    "a large number": 2**62,
    "a fraction": 1.5,
    "an object": '{"pid": "x", "port": -1}',
    "endless JSON": "[" * 4000,
    "no zone": "2026-01-01 00:00:00+99:99",
}


def columns(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        return [
            (table, column[1]) for table in TABLES for column in db.execute(f"PRAGMA table_info({table!r})")
        ]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(kept("5.4"), tmp_path / "jupyterhub.sqlite"))


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(sql, values)


def come_to(path: Path, folder: Path) -> str:
    """Nothing, or why it is refused."""
    target = Target(MEMORY, folder, bytes(32), False)
    try:
        with open_source(str(path)) as source:
            move_in(source, target, settings(), "command-line/test", lambda _: None)
    except HubError as refused:
        return refused.message
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_any_value_in_any_cell_is_borne(tmp_path: Path, value: object) -> None:
    tried = 0
    for table, column in columns(kept("5.4")):
        path = Path(shutil.copyfile(kept("5.4"), tmp_path / "jupyterhub.sqlite"))
        rows = f'rowid = (SELECT min(rowid) FROM "{table}")'
        try:
            change(path, f'UPDATE "{table}" SET "{column}" = ? WHERE {rows}', value)
        except sqlite3.Error:
            continue  # its own table has refused it
        assert "\n" not in come_to(path, tmp_path), (table, column)
        tried += 1
    assert tried > 50


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("users", "name", b"\xff"),
        ("users", "name", "x" * 256),
        ("groups", "name", b"\xff"),
        ("api_tokens", "expires_at", "yesterday"),
        ("share_codes", "spawner_id", "many"),
    ],
)
def test_what_stays_names_the_cell_and_not_what_is_in_it(
    database: Path, table: str, column: str, value: object
) -> None:
    change(database, f'UPDATE "{table}" SET "{column}" = ? WHERE id = 1', value)
    with open_source(str(database)) as source:
        sound = SoundRows(source)
        assert 1 not in [row["id"] for row in sound.rows(table)]
        [damaged] = sound.damaged
    assert (damaged.name, damaged.why) == (f"row 1 of {table}", f"is damaged: its {column} makes no sense")


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("users", "last_activity", "yesterday"),
        ("groups", "properties", "[" * 200),
        ("spawners", "user_options", "[" * 200),
        ("share_codes", "exchange_count", "many"),
        ("api_tokens", "prefix", b"\xff"),
    ],
)
def test_what_one_can_do_without_is_taken_for_empty(
    database: Path, table: str, column: str, value: object
) -> None:
    change(database, f'UPDATE "{table}" SET "{column}" = ? WHERE id = 1', value)
    with open_source(str(database)) as source:
        sound = SoundRows(source)
        [first] = [row for row in sound.rows(table) if row["id"] == 1]
        assert first[column] is None
        assert sound.damaged == []


def test_of_two_rows_of_one_name_the_second_stays(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'UNIQUE (name)', 'CHECK (1)') WHERE name = 'roles'"
        )
        db.execute("DELETE FROM sqlite_master WHERE name LIKE 'sqlite_autoindex_roles_%'")
    change(database, "UPDATE roles SET name = 'same'")
    with open_source(str(database)) as source:
        sound = SoundRows(source)
        assert [row["id"] for row in sound.rows("roles")] == [1]
        assert sound.damaged[0].name == "row 2 of roles"
        assert sound.damaged[0].why == "is damaged: another has the same name"
