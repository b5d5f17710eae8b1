"""`callboard verify`: what it finds, that each of its checks is needed, and that it is right about sound logs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

import projections
import web.commands.upkeep.verify as command
from core.events.file import heads, verify
from core.events.file.database import open_for_writing
from core.events.file.heads import head_of, note_head
from core.events.file.verify import Head
from core.events.file.writer import Writer
from core.events.log.append_request import AppendRequest, Write
from core.events.server import OptionsStored
from projections.rebuild import rebuild
from tests.logs import BY, commit, created, said
from tests.unit.core.events.test_chain import rechain, tamper
from web.cli import main

COUNT = 30


def callboard(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A log of thirty events, with all tables, that is not in use. From the 14th on no table hears of any."""
    path = str(tmp_path / "log.sqlite")
    writer = Writer(path, projections.ALL)
    commit(writer, created(1, "alice"), created(2, "bob"), said("a", 0, 9))
    unheard = [OptionsStored({"number": number}) for number in range(COUNT - 13)]
    commit(writer, AppendRequest([said("b", 0), said("a", 9), Write("server/c", 0, unheard)], BY))
    writer.close()
    return path


def head(path: str) -> Head:
    with closing(sqlite3.connect(path)) as db, db:
        return head_of(db)


def test_a_sound_log(log: str) -> None:
    said = callboard("verify", "--db", log)
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        f"{log} is sound: events: {COUNT}, heads noted earlier: 0",
        f"head {head(log)}",
    ]
    said = callboard("verify", "--db", log, "--json", "--head", str(head(log)))
    assert json.loads(said.stdout) == {"sound": True, "head": head(log)._asdict(), "problems": []}


def test_what_is_no_head(log: str) -> None:
    assert callboard("verify", "--db", log, "--head", "7:abc").exit_code == 2


class Corruption(NamedTuple):
    """`by`: what somebody does to the file. `found_by`: where the one check is that finds it."""

    by: Callable[[str], None]
    found_by: tuple[object, str]
    says: str
    passing: Callable[..., object] = lambda *_: None


def run(*statements: str) -> Callable[[str], None]:
    return lambda path: tamper(path, *statements)


def run_and_rechain(*statements: str) -> Callable[[str], None]:
    def change(path: str) -> None:
        tamper(path, *statements)
        rechain(path)

    return change


def folded_anew(change: Callable[[str], None]) -> Callable[[str], None]:
    """With tables that are what the log says after it."""

    def by(path: str) -> None:
        change(path)
        db = open_for_writing(path)
        rebuild(db, projections.ALL)
        db.close()

    return by


def hide_a_row_from_an_index(path: str) -> None:
    """The last event of a stream: versions still count from one."""
    db = sqlite3.connect(path, isolation_level=None)
    ((name, sql),) = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'events' AND type = 'index'"
    )
    db.execute(f"DROP INDEX {name}")
    db.execute(f"{sql} WHERE position != {COUNT}")
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, name))
    db.close()


def cut_off(path: str) -> None:
    """Behind the head that was noted."""
    note_head(path, head(path), "backup")
    tamper(path, f"DELETE FROM events WHERE position = {COUNT}")


def rewrite(path: str) -> None:
    note_head(path, head(path), "backup")
    run_and_rechain(f"UPDATE events SET principal = 'user/u2' WHERE position = {COUNT}")(path)


CORRUPTIONS = {
    "flipped": Corruption(
        run("UPDATE events SET payload = replace(payload, '6', '7') WHERE position = 20"),
        (verify, "_check_digest"),
        "broken at event 20: one of its columns was changed",
    ),
    "digest": Corruption(
        run(f"UPDATE events SET digest = '{64 * 'a'}' WHERE position = {COUNT}"),
        (verify, "_check_digest"),
        f"broken at event {COUNT}",
    ),
    "position": Corruption(
        run_and_rechain(f"UPDATE events SET position = {COUNT + 1} WHERE position = {COUNT}"),
        (verify, "_check_position"),
        f"broken at event {COUNT}: it was removed",
    ),
    "time": Corruption(
        folded_anew(
            run_and_rechain("UPDATE events SET at = '2020-01-01T00:00:00.000000Z' WHERE position = 20")
        ),
        (verify, "_check_time"),
        "broken at event 20: it was recorded before",
    ),
    "version": Corruption(
        run_and_rechain("UPDATE events SET version = version + 1 WHERE stream = 'server/b'"),
        (verify, "_check_version"),
        "broken at event 12: it is version 2 of stream server/b, not 1",
    ),
    "file": Corruption(hide_a_row_from_an_index, (verify, "_check_file"), "the file is damaged"),
    "cut off": Corruption(folded_anew(cut_off), (verify, "_check_reached"), f"once reached event {COUNT}"),
    "rewritten": Corruption(rewrite, (verify, "_check_noted"), "the log was rewritten"),
    "noted heads": Corruption(
        folded_anew(cut_off), (heads, "noted_heads"), f"once reached event {COUNT}", lambda _: []
    ),
    "a row of a table": Corruption(
        run("UPDATE users SET admin = 1 WHERE name = 'bob'"),
        (command, "_tables"),
        "A table is not what the log says: users: only kept",
        lambda *_: ([], []),
    ),
    "a row that is gone": Corruption(
        run("DELETE FROM names WHERE name = 'bob'"),
        (command, "_tables"),
        "A table is not what the log says: names: only rebuilt",
        lambda *_: ([], []),
    ),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_each_corruption_is_found_by_the_one_check_for_it(
    log: str, corruption: Corruption, monkeypatch: pytest.MonkeyPatch
) -> None:
    corruption.by(log)
    found = callboard("verify", "--db", log)
    assert found.exit_code == 3
    assert corruption.says in found.stderr
    assert found.stdout == ""
    monkeypatch.setattr(*corruption.found_by, corruption.passing)
    assert callboard("verify", "--db", log).exit_code == 0, "another check finds it, too"


def test_every_check_of_the_verifier_is_removed_once() -> None:
    checks = {name for name in vars(verify) if name.startswith("_check_")}
    assert checks <= {corruption.found_by[1] for corruption in CORRUPTIONS.values()}


def test_problems_as_json(log: str) -> None:
    tamper(log, "DELETE FROM events WHERE position = 20")
    found = callboard("verify", "--db", log, "--json")
    assert found.exit_code == 3
    assert json.loads(found.stdout) == {
        "sound": False,
        "head": None,
        "problems": ["The log is broken at event 20: it was removed."],
    }


def test_many_rows_that_differ_are_not_all_told(log: str) -> None:
    tamper(log, "UPDATE progress SET data = 'x'")
    told = callboard("verify", "--db", log).stderr.splitlines()
    assert len(told) == command.SHOWN + 1
    assert "rows more" in told[-1]


def test_tables_of_another_version_are_left_to_the_next_hub(log: str) -> None:
    tamper(log, "UPDATE projections SET version = 0 WHERE name = 'users'", "DROP TABLE users")
    found = callboard("verify", "--db", log)
    assert found.exit_code == 0
    assert "makes them anew: users" in found.stdout


def test_rebuild_makes_tables_sound(log: str) -> None:
    tamper(log, "UPDATE users SET admin = 1", "DELETE FROM names")
    assert callboard("verify", "--db", log).exit_code == 3
    rebuilt = callboard("rebuild", "--db", log)
    assert (rebuilt.exit_code, rebuilt.stdout) == (0, f"rebuilt from {COUNT} events\n")
    assert json.loads(callboard("rebuild", "--db", log, "--json").stdout) == {"events": COUNT}
    assert callboard("verify", "--db", log).exit_code == 0


# --- logs that are not ours ---


def foreign(path: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE t (x)")


def newer(path: str) -> None:
    writer = Writer(path, ())
    writer.connection.execute("INSERT INTO event_shapes VALUES ('server.cloned', 'spawn_id')")
    writer.close()


def newer_schema(path: str) -> None:
    Writer(path, ()).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


NOT_OURS: dict[str, tuple[Callable[[str], object], str]] = {
    "none": (lambda _: None, "There is no log at"),
    "empty": (lambda path: Path(path).touch(), "it is empty"),
    "text": (lambda path: Path(path).write_text("hello"), "it is no SQLite file"),
    "another program's": (foreign, "an SQLite file of something else"),
    "a newer program's": (newer, "'server.cloned'"),
    "a newer schema": (newer_schema, "newer Callboard (schema 99)"),
}


@pytest.mark.parametrize(
    "arguments", [["verify"], ["rebuild"], ["backup", "copy.sqlite"]], ids=lambda it: it[0]
)
@pytest.mark.parametrize(("make", "says"), NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_no_log_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    make: Callable[[str], object],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    make("other.sqlite")
    before = Path("other.sqlite").read_bytes() if Path("other.sqlite").exists() else None
    said = callboard(*arguments, "--db", "other.sqlite")
    assert (said.exit_code, said.stdout) == (1, "")
    assert says in said.stderr
    assert said.stderr.count("\n") == 1
    after = Path("other.sqlite").read_bytes() if Path("other.sqlite").exists() else None
    assert after == before
    assert not Path("copy.sqlite").exists()
