"""A log that is kept elsewhere, and the file that is a copy of it: what fails and is killed between their commits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import projections
from core.errors import RepeatedError
from core.events.file.database import DatabaseError
from core.events.file.place import LogLostError
from core.events.file.verify import verify
from core.events.file.writer import Writer
from core.events.log.append_request import AppendRequest, Write
from core.events.log.protocol import Batch, LogUnreachableError, Unit
from core.events.log.side_tables import SideTableChange
from core.events.user import UserDeleted
from projections import auth_states
from projections.rebuild import drift
from tests.failing_log import FailingLog, PowerCut
from tests.json_lines import JsonLines
from tests.logs import BY, Disk, commit, created, idempotency_record, rows, said

NO_EVENTS = AppendRequest((), BY, changes=[auth_states.kept("u1", b"sealed")])


class House:
    """A file and a log, and hubs one after the other on them."""

    def __init__(self, folder: Path) -> None:
        self.file = str(folder / "log.sqlite")
        self.lines = str(folder / "log.jsonl")
        self.disk = Disk()
        self._writers: list[Writer] = []

    def open(self) -> Writer:
        self.log = FailingLog(JsonLines(self.lines))
        try:
            writer = Writer(self.file, projections.ALL, connect=self.disk.connect, log=self.log)
        except BaseException:
            self.log.close()
            raise
        self._writers.append(writer)
        return writer

    def reopen(self) -> Writer:
        """Another hub, after the one before was killed."""
        self.close()
        return self.open()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    def forget_file(self) -> None:
        self.close()
        for name in os.listdir(os.path.dirname(self.file)):
            if name.startswith("log.sqlite"):
                os.unlink(os.path.join(os.path.dirname(self.file), name))

    def batches(self) -> list[Batch]:
        log = JsonLines(self.lines)
        try:
            return list(log.read(0, 1000))
        finally:
            log.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def check_same(house: House, writer: Writer) -> None:
    """The file has what the log has, and its tables are what that says."""
    logged = [row for batch in house.batches() for unit in batch.units for row in unit.rows]
    assert writer.connection.execute("SELECT * FROM events ORDER BY position").fetchall() == logged
    assert drift(writer.connection, projections.ALL) == []
    verify(house.file)


def errors(units: list[AppendRequest]) -> list[str | None]:
    return [None if unit.error is None else type(unit.error).__name__ for unit in units]


# --- killed between the commits ---


@pytest.mark.parametrize("cut", ["before", "after"])
def test_what_the_log_took_is_there_after_a_power_cut_and_nothing_else(house: House, cut: str) -> None:
    writer = house.open()
    commit(writer, created(1), said("a", 0))
    setattr(house.log, cut, PowerCut())
    with pytest.raises(PowerCut):
        commit(
            writer, AppendRequest([created(2)], BY, idempotency_record("key"), [auth_states.kept("u2", b"s")])
        )
    writer = house.reopen()
    assert [row[1] for row in rows(writer.connection)][2:] == (["user/u2"] if cut == "after" else [])
    assert auth_states.sealed(writer.connection, "u2") == (b"s" if cut == "after" else None)
    (again,) = commit(writer, AppendRequest([created(3)], BY, idempotency_record("key")))
    assert isinstance(again.error, RepeatedError) == (cut == "after")
    check_same(house, writer)


def test_a_power_cut_when_a_log_is_begun_leaves_one_log(house: House) -> None:
    real, JsonLines.append = JsonLines.append, cut_off(JsonLines.append)  # type: ignore[method-assign]
    try:
        with pytest.raises(PowerCut):
            house.open()
    finally:
        JsonLines.append = real  # type: ignore[method-assign]
    writer = house.open()
    (first,) = house.batches()
    (salt,) = writer.connection.execute("SELECT value FROM log_facts WHERE name = 'salt'").fetchone()
    assert first.units[0].changes == (SideTableChange("log_facts", "salt", salt.encode()),)


def cut_off(append: Callable[[JsonLines, Batch], None]) -> Callable[[JsonLines, Batch], None]:
    def append_and_die(log: JsonLines, batch: Batch) -> None:
        append(log, batch)
        raise PowerCut

    return append_and_die


def test_a_line_that_was_cut_short_is_none(house: House) -> None:
    commit(house.open(), created(1))
    with open(house.lines, "ab") as lines:
        lines.write(b'{"number":3,"uni')
    writer = house.reopen()
    assert errors(commit(writer, created(2))) == [None]
    check_same(house, writer)


def test_order_within_a_commit_is_kept_where_it_matters(house: House) -> None:
    """A secret that came with a user, and went with the user in the same commit, does not come back."""
    writer = house.open()
    secret = [auth_states.kept("u1", b"s")]
    house.log.after = PowerCut()
    with pytest.raises(PowerCut):
        commit(
            writer,
            AppendRequest([created(1)], BY, changes=secret),
            AppendRequest([Write("user/u1", 1, [UserDeleted()])], BY),
        )
    writer = house.reopen()
    assert auth_states.sealed(writer.connection, "u1") is None
    check_same(house, writer)


# --- failing, while the hub lives ---


@pytest.mark.parametrize("fails", ["COMMIT", "done COMMIT"])
@pytest.mark.parametrize("unit", [created(2), NO_EVENTS], ids=["events", "no events"])
def test_a_file_that_fails_behind_the_log_does_not_undo_it(house: House, fails: str, unit: object) -> None:
    writer = house.open()
    commit(writer, created(1))
    house.disk.fails = {fails}
    reopened = house.disk.opened
    (made,) = commit(writer, unit)  # type: ignore[arg-type]
    assert errors([made]) == ["UnavailableError"]
    assert "not known" in str(made.error)
    assert house.disk.opened > reopened
    house.disk.fails = set()
    assert errors(commit(writer, created(3))) == [None]
    found = [row[1] for row in rows(writer.connection)]
    assert found == ["user/u1", *(["user/u2"] if unit is not NO_EVENTS else []), "user/u3"]
    check_same(house, writer)


@pytest.mark.parametrize("is_kept", [False, True], ids=["lost", "kept"])
def test_who_appends_is_answered_by_the_log(house: House, is_kept: bool) -> None:
    writer = house.open()
    commit(writer, created(1))
    setattr(house.log, "after" if is_kept else "before", LogUnreachableError("the line broke"))
    (made,) = commit(writer, created(2))
    assert errors([made]) == ([None] if is_kept else ["UnavailableError"])
    assert is_kept or "the line broke. Nothing was changed." in str(made.error)
    assert errors(commit(writer, created(3))) == [None]
    assert [row[1] for row in rows(writer.connection)].count("user/u2") == is_kept
    check_same(house, writer)


def test_while_the_log_cannot_be_asked_nobody_knows_and_nothing_is_appended(house: House) -> None:
    writer = house.open()
    house.log.after = house.log.on_read = LogUnreachableError("the line broke")
    (made,) = commit(writer, created(1))
    assert "Whether this was carried out is not known." in str(made.error)
    (early,) = commit(writer, created(2))
    assert "Nothing was changed." in str(early.error)
    assert writer.trouble == "the line broke"
    house.log.on_read = None
    assert errors(commit(writer, created(3))) == [None]
    assert writer.trouble == ""
    assert [row[1] for row in rows(writer.connection)] == ["user/u1", "user/u3"]
    check_same(house, writer)


def test_a_hub_that_another_has_taken_over_from_appends_nothing_more(house: House, tmp_path: Path) -> None:
    first = house.open()
    commit(first, created(1))
    (tmp_path / "elsewhere").mkdir()
    other = Writer(str(tmp_path / "elsewhere" / "copy.sqlite"), projections.ALL, log=JsonLines(house.lines))
    assert errors(commit(other, created(2))) == [None]
    for number in (3, 4):
        (late,) = commit(first, created(number))
        assert isinstance(late.error, LogLostError)
    assert "another hub" in first.lost
    assert errors(commit(other, created(5))) == [None]
    assert [row[1] for row in rows(other.connection)] == ["user/u1", "user/u2", "user/u5"]
    other.close()


def test_what_changes_nothing_is_no_batch(house: House) -> None:
    writer = house.open()
    before = house.batches()
    unmet = auth_states.kept("u1", b"new", replaces=b"something else")
    commit(writer, AppendRequest((), BY, changes=[unmet]), AppendRequest([Write("user/u1", 0, [])], BY))
    assert house.batches() == before


def test_a_hub_does_not_begin_while_the_log_cannot_be_asked(house: House) -> None:
    log = FailingLog(JsonLines(house.lines))
    log.on_read = LogUnreachableError("the line broke")
    with closing(log), pytest.raises(DatabaseError, match="cannot be opened: the line broke"):
        Writer(house.file, projections.ALL, log=log)


# --- the file ---


def test_a_file_that_is_lost_is_made_anew_from_the_log(house: House) -> None:
    writer = house.open()
    commit(writer, created(1), created(2))
    commit(
        writer, AppendRequest([said("a", 0)], BY, idempotency_record("key"), [auth_states.kept("u1", b"s")])
    )
    before = writer.connection.execute("SELECT * FROM log_facts ORDER BY name").fetchall()
    house.forget_file()
    writer = house.open()
    assert writer.connection.execute("SELECT * FROM log_facts ORDER BY name").fetchall() == before
    assert auth_states.sealed(writer.connection, "u1") == b"s"
    assert errors(commit(writer, AppendRequest([created(3)], BY, idempotency_record("key")))) == [
        "RepeatedError"
    ]
    check_same(house, writer)


def test_a_file_that_is_no_copy_of_this_log_is_refused(house: House, tmp_path: Path) -> None:
    alone = Writer(house.file, projections.ALL)
    commit(alone, created(1))
    alone.close()
    with pytest.raises(DatabaseError, match="no copy"):
        house.open()


@pytest.mark.parametrize("other", ["shorter", "another"])
def test_a_file_that_is_ahead_of_the_log_is_refused(house: House, other: str) -> None:
    writer = house.open()
    commit(writer, created(1))
    commit(writer, created(2))
    house.close()
    log = Path(house.lines)
    lines = log.read_bytes().splitlines(keepends=True)
    if other == "shorter":
        log.write_bytes(b"".join(lines[:2]))
    else:
        log.unlink()
        strange = House(log.parent / "strange")
        Path(strange.file).parent.mkdir()
        other_writer = strange.open()
        commit(other_writer, created(3))
        commit(other_writer, created(4))
        strange.close()
        Path(strange.lines).rename(log)
    with pytest.raises(DatabaseError, match="copy of another log"):
        house.open()


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda lines: [*lines[:2], *lines[3:]], "Batch 3 is missing"),
        (lambda lines: [*lines[:2], lines[2].replace(b"user2", b"userX"), *lines[3:]], "does not follow"),
    ],
    ids=["a line less", "a name changed"],
)
def test_a_log_that_was_tampered_with_is_not_copied(
    house: House, spoil: Callable[[list[bytes]], list[bytes]], match: str
) -> None:
    writer = house.open()
    for number in (1, 2, 3):
        commit(writer, created(number))
    house.forget_file()
    log = Path(house.lines)
    log.write_bytes(b"".join(spoil(log.read_bytes().splitlines(keepends=True))))
    with pytest.raises(DatabaseError, match=match):
        house.open()


def test_a_newer_log_is_refused_by_an_older_program(house: House) -> None:
    writer = house.open()
    commit(writer, created(1))
    house.close()
    log = JsonLines(house.lines)
    shape = SideTableChange("event_shapes", "user.created", b"name something_new")
    log.append(Batch(3, (Unit((), (shape,)),)))
    log.close()
    with pytest.raises(DatabaseError, match="newer Callboard"):
        house.open()
