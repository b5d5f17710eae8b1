"""Whatever a cell holds, an import says in a line what stays or why it refuses; all else comes as before."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.moving import moved
from tests.moving.moved import VERSIONS, kept, move
from web.moving.plan import KINDS, Tally
from web.moving.rows import MovingError
from web.moving.sound_rows import SHAPES, SoundRows
from web.moving.source import LATER_OR_EARLIER, TABLES, Source, open_source
from web.moving.whole import Target, move_in

NONSENSE = (None, "", "nonsense", -1, b"\xff\x00", "9" * 40, "[1]", "2021-13-45 99:99:99", 3.5, "\x1b[2J\x00")
DATABASE = sqlite3.connect(f"file:{kept('5.4')}?mode=ro", uri=True)


def columns(table: str) -> list[str]:
    return [column[1] for column in DATABASE.execute(f"PRAGMA table_info({table})")]


PLACES = [(table, column) for table in TABLES for column in columns(table)]


def unguarded() -> sqlite3.Connection:
    """A copy of the database whose tables take anything."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    DATABASE.backup(copy)
    for table in filter(columns, TABLES):
        copy.execute(f'CREATE TABLE loose AS SELECT * FROM "{table}"')
        copy.execute(f'DROP TABLE "{table}"')
        copy.execute(f'ALTER TABLE loose RENAME TO "{table}"')
    return copy


def moved_from(database: sqlite3.Connection, folder: Path) -> Tally:
    target = Target(":memory:", folder, bytes(32), for_sure=False)
    with Source(database, "damaged") as source:
        return move_in(source, target, moved.settings(), "command-line/test", lambda _: None)


def with_nonsense(place: tuple[str, str], nonsense: object) -> sqlite3.Connection:
    table, column = place
    database = unguarded()
    last = f'(SELECT max(rowid) FROM "{table}")'
    database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = {last}', (nonsense,))
    return database


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    return moved_from(unguarded(), tmp_path_factory.mktemp("whole"))


@given(place=st.sampled_from(PLACES), nonsense=st.sampled_from(NONSENSE))
@settings(max_examples=60, deadline=None)
def test_a_damaged_cell_costs_its_row_and_what_hangs_on_it_at_most(
    tmp_path_factory: pytest.TempPathFactory, whole: Tally, place: tuple[str, str], nonsense: object
) -> None:
    tally = moved_from(with_nonsense(place, nonsense), tmp_path_factory.mktemp("damaged"))
    for kind in ("users", "groups", "roles", "services"):
        assert whole.came[kind] - 1 <= tally.came[kind] <= whole.came[kind] + 1
    assert set(tally.stayed) <= set(KINDS), "each is in the table"


@pytest.mark.parametrize(
    ("table", "column", "nonsense", "kind", "why"),
    [
        ("users", "name", b"\xff", "users", "is damaged: its name makes no sense"),
        ("users", "cookie_id", None, "users", "is damaged: its cookie_id makes no sense"),
        ("groups", "name", None, "groups", "is damaged: its name makes no sense"),
        ("servers", "port", "none", "running servers", "is damaged: its port makes no sense"),
        ("api_tokens", "expires_at", "tomorrow", "tokens", "is damaged: its expires_at makes no sense"),
        ("api_tokens", "expires_at", "", "tokens", "is damaged: its expires_at makes no sense"),
        ("share_codes", "expires_at", 7, "share codes", "is damaged: its expires_at makes no sense"),
        ("roles", "name", "admin", "roles", "is damaged: another has the same name"),
        ("users", "id", 1, "users", "is damaged: another has the same id"),
        ("spawners", "name", b"\xff", "named servers", "is damaged: its name makes no sense"),
    ],
)
def test_what_is_said_of_a_damaged_row(
    tmp_path: Path, table: str, column: str, nonsense: Any, kind: str, why: str
) -> None:
    tally = moved_from(with_nonsense((table, column), nonsense), tmp_path)
    assert tally.why[kind][why] == 1


@pytest.mark.parametrize(
    ("table", "column"),
    [("users", "created"), ("users", "last_activity"), ("spawners", "user_options")],
)
def test_nonsense_that_one_can_do_without_costs_nothing(
    tmp_path: Path, whole: Tally, table: str, column: str
) -> None:
    tally = moved_from(with_nonsense((table, column), b"\xff"), tmp_path)
    assert (tally.came, tally.stayed) == (whole.came, whole.stayed)


def test_nonsense_makes_nobody_an_administrator(tmp_path: Path) -> None:
    database = with_nonsense(("users", "admin"), "yes")
    (name,) = database.execute(
        "SELECT name FROM users WHERE rowid = (SELECT max(rowid) FROM users)"
    ).fetchone()
    with Source(database, "damaged") as source:
        [row] = [row for row in SoundRows(source).rows("users") if row["name"] == name]
    assert not row["admin"]


@pytest.mark.parametrize("table", sorted(TABLES.keys() - LATER_OR_EARLIER - {"users", "roles"}))
def test_a_table_that_is_missing_is_missed(tmp_path: Path, table: str) -> None:
    database = unguarded()
    database.execute(f'DROP TABLE "{table}"')
    with pytest.raises(MovingError, match=f"is not whole: it has no table {table}"):
        moved_from(database, tmp_path)


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_column_that_is_missing_is_missed_or_not_needed(tmp_path: Path, place: tuple[str, str]) -> None:
    table, column = place
    database = unguarded()
    database.execute(f'ALTER TABLE "{table}" DROP COLUMN "{column}"')
    is_needed = column in SHAPES[table].columns
    with (
        Source(database, "damaged") as source,
        pytest.raises(MovingError) if is_needed else nullcontext(),
    ):
        list(source.rows(table))


@pytest.mark.parametrize("version", VERSIONS)
def test_of_a_whole_database_nothing_is_damaged(version: str) -> None:
    with open_source(str(kept(version))) as source:
        sound = SoundRows(source)
        for table in TABLES:
            assert list(sound.rows(table)) == list(source.rows(table))
        assert sound.damaged == []


# --- files ---


def pages_of(path: Path) -> Iterator[int]:
    yield from range(4096, path.stat().st_size, 4096)


def test_a_file_with_holes_is_refused_in_a_line_or_read(tmp_path: Path) -> None:
    """Page by page: nothing else comes of it than a refusal that says what to do."""
    said = set()
    for place in pages_of(kept("5.4")):
        shutil.copyfile(kept("5.4"), tmp_path / "holed.sqlite")
        with (tmp_path / "holed.sqlite").open("r+b") as file:
            file.seek(place)
            file.write(b"\xa5" * 4096)
        try:
            with open_source(str(tmp_path / "holed.sqlite")) as source:
                moved_tables = {table: len(list(source.rows(table))) for table in TABLES}
        except MovingError as error:
            said.add("`sqlite3" in error.message and ".recover`" in error.message)
        else:
            assert moved_tables["users"] <= 5
    assert said == {True}


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "half.sqlite").write_bytes(kept("5.4").read_bytes()[:70_000])
    with pytest.raises(MovingError, match="cannot be read"):
        move(tmp_path / "half.sqlite", tmp_path / "callboard.sqlite")


def test_a_database_that_nobody_may_write_to_is_read(tmp_path: Path) -> None:
    """As from a backup."""
    shutil.copyfile(kept("5.4"), tmp_path / "jupyterhub.sqlite")
    (tmp_path / "jupyterhub.sqlite").chmod(0o400)
    assert move(tmp_path / "jupyterhub.sqlite", tmp_path / "callboard.sqlite").came["users"] == 5


def test_a_database_that_is_being_written_to_is_refused(tmp_path: Path) -> None:
    shutil.copyfile(kept("5.4"), tmp_path / "jupyterhub.sqlite")
    with closing(sqlite3.connect(tmp_path / "jupyterhub.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(MovingError, match=r"cannot be read: database is locked\. Stop the hub"):
            open_source(str(tmp_path / "jupyterhub.sqlite"))
