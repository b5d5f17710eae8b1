"""`callboard backup` and `restore`."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import Any

import pytest

import projections
from core.events.file.backup import put_aside, restore
from core.events.file.database import LogLock
from core.events.file.heads import KEPT, note_head, noted_heads
from core.events.file.verify import Head
from core.events.file.writer import Writer
from tests.logs import commit, created, said
from tests.unit.core.events.test_chain import tamper
from tests.unit.web.commands.test_verify import callboard, head


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = str(tmp_path / "log.sqlite")
    writer = Writer(path, projections.ALL)
    commit(writer, created(1, "alice"), said("a", 0, 19))
    writer.close()
    return path


@pytest.fixture
def copy(tmp_path: Path) -> str:
    return str(tmp_path / "copy.sqlite")


def test_a_backup_of_a_log_in_use_is_a_log(log: str, copy: str) -> None:
    writer = Writer(log, projections.ALL)
    commit(writer, created(2, "bob"))
    told = callboard("backup", "--db", log, copy)
    commit(writer, created(3, "carol"))
    assert told.exit_code == 0
    assert told.stdout == f"{copy}: 21 events\nhead {head(copy)}\n"
    assert stat.S_IMODE(os.stat(copy).st_mode) == 0o600
    assert sorted(path.name for path in Path(copy).parent.glob("copy*")) == [
        "copy.sqlite",
        "copy.sqlite.heads",
    ]
    assert noted_heads(copy) == noted_heads(log) == [head(copy)]
    assert callboard("verify", "--db", copy).exit_code == 0
    assert callboard("verify", "--db", log).exit_code == 0
    writer.close()


def test_a_backup_replaces_nothing_unless_told_to(log: str, copy: str) -> None:
    Path(copy).write_text("mine")
    refused = callboard("backup", "--db", log, copy)
    assert (refused.exit_code, refused.stderr) == (1, f"callboard: {copy} is there already.\n")
    assert Path(copy).read_text() == "mine"
    assert callboard("backup", "--db", log, "--force", log).exit_code == 1
    told = callboard("backup", "--db", log, copy, "--force", "--json")
    assert json.loads(told.stdout) == {"file": copy, "head": head(log)._asdict()}


def test_a_backup_that_fails_leaves_nothing_behind(log: str, tmp_path: Path) -> None:
    refused = callboard("backup", "--db", log, str(tmp_path / "no" / "copy.sqlite"))
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "no").exists()
    assert noted_heads(log) == []


def test_a_restored_log_is_the_one_that_was_backed_up(log: str, copy: str) -> None:
    callboard("backup", "--db", log, copy)
    writer = Writer(log, projections.ALL)
    commit(writer, created(2, "bob"))
    note_head(log, Head(21, head(log).digest), "end of a hub")
    writer.close()
    refused = callboard("restore", "--db", log, copy)
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"callboard: {log} is there already: --force puts it aside.\n",
    )
    assert head(log).position == 21
    told = callboard("restore", "--db", log, copy, "--force", "--json")
    answer = json.loads(told.stdout)
    assert answer == {"log": log, "head": head(copy)._asdict(), "aside": answer["aside"]}
    assert (head(log), head(answer["aside"]).position) == (head(copy), 21)
    for path in (log, copy, answer["aside"]):
        assert callboard("verify", "--db", path).exit_code == 0
    Writer(log, projections.ALL).close()


def test_restoring_where_there_is_no_log(log: str, copy: str, tmp_path: Path) -> None:
    callboard("backup", "--db", log, copy)
    other = str(tmp_path / "other.sqlite")
    assert callboard("restore", "--db", other, copy).stdout == f"{other}: 20 events\nhead {head(copy)}\n"


def test_a_backup_that_is_not_sound_is_not_restored(log: str, copy: str) -> None:
    callboard("backup", "--db", log, copy)
    tamper(copy, "DELETE FROM events WHERE position = 20")  # the end: only the head beside it tells
    before = Path(log).read_bytes()
    refused = callboard("restore", "--db", log, copy, "--force")
    assert refused.exit_code == 1
    assert "is not sound, and nothing was changed" in refused.stderr
    assert "cut off" in refused.stderr
    assert Path(log).read_bytes() == before
    assert not list(Path(log).parent.glob("*.draft*"))


@pytest.mark.parametrize("command", [["rebuild"], ["restore", "--force"]], ids=lambda words: words[0])
def test_what_changes_the_log_refuses_while_a_hub_runs(log: str, copy: str, command: list[str]) -> None:
    callboard("backup", "--db", log, copy)
    lock = LogLock(log)
    refused = callboard(*command, "--db", log, *([copy] if command[0] == "restore" else []))
    lock.release()
    assert refused.exit_code == 1
    assert refused.stderr == f"callboard: A hub (pid {os.getpid()}) is running on {log}: stop it first.\n"


def test_a_wal_of_the_former_log_is_not_left_beside_the_restored_one(log: str, copy: str) -> None:
    """SQLite would take it for the restored log's own."""
    callboard("backup", "--db", log, copy)
    killed = sqlite3.connect(log)
    killed.execute("PRAGMA wal_autocheckpoint = 0")
    killed.execute("UPDATE log_facts SET value = 'x' WHERE name = 'y'")
    killed.commit()
    assert callboard("restore", "--db", log, copy, "--force").exit_code == 0
    assert not Path(f"{log}-wal").exists()
    killed.close()
    assert callboard("verify", "--db", log).exit_code == 0


def test_the_oldest_heads_are_forgotten(log: str) -> None:
    for number in range(KEPT + 5):
        note_head(log, Head(number, 64 * "a"), "backup")
    assert [one.position for one in noted_heads(log)] == list(range(5, KEPT + 5))


def test_a_log_put_aside_keeps_all_it_holds(log: str) -> None:
    last = head(log)
    aside = put_aside(log)
    assert not os.path.exists(log)
    assert aside.startswith(f"{log}.20")
    assert head(aside) == last
    assert put_aside(log) == ""


def test_logs_put_aside_in_the_same_second_are_both_kept(log: str) -> None:
    kept = []
    for _ in range(3):
        kept.append(put_aside(log))
        Path(log).write_text(f"a later one, after {kept[-1]}")
    assert len({*kept}) == 3
    assert head(kept[0]).position == 20


def test_a_log_is_put_aside_where_there_are_no_links(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    last, aside = head(log), put_aside(log)
    assert head(aside) == last
    assert stat.S_IMODE(os.stat(aside).st_mode) == 0o600
    assert not os.path.exists(log)


class Killed(BaseException):
    """Nothing is tidied up after it."""


CHANGES = ("link", "rename", "replace", "unlink", "fsync")


@pytest.mark.parametrize("survived", range(14))
def test_a_restore_that_is_killed_leaves_the_former_log_or_the_restored_one(
    log: str, copy: str, survived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a log the next hub would begin one with nobody in it."""
    callboard("backup", "--db", log, copy)
    writer = Writer(log, projections.ALL)
    commit(writer, created(2, "bob"))
    writer.close()
    left = survived

    def until_killed(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*args: Any, **options: Any) -> Any:
            nonlocal left
            if not left:
                raise Killed
            left -= 1
            return change(*args, **options)

        return changed

    with monkeypatch.context() as world:
        for name in CHANGES:
            world.setattr(os, name, until_killed(getattr(os, name)))
        with contextlib.suppress(Killed):
            restore(copy, log, lambda _: None, replace=True)
    assert head(log).position in (20, 21)
    assert callboard("verify", "--db", log).exit_code == 0
    former = [
        path
        for path in (log, *glob(f"{log}.2*T*"))
        if not path.endswith(".heads") and head(path).position == 21
    ]
    assert former, "what was there is never lost"


def test_a_link_in_the_place_of_a_draft_leads_nowhere(log: str, copy: str, tmp_path: Path) -> None:
    """In a folder that others may write to, such as /tmp."""
    precious = tmp_path / "precious"
    precious.write_text("kept")
    for file in (copy, f"{copy}.heads", str(tmp_path / "users.jsonl")):
        os.symlink(precious, f"{file}.draft")
    assert callboard("backup", "--db", log, copy).exit_code == 0
    assert callboard("export", "users", "--db", log, "-o", str(tmp_path / "users.jsonl")).exit_code == 0
    assert precious.read_text() == "kept"
    assert head(copy).position == 20
