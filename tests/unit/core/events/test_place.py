"""A log that is deleted, moved or replaced under its writer: nothing is acknowledged that nobody would find."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

import projections
from core.errors import UnavailableError
from core.events.file.database import MEMORY, open_for_reading
from core.events.file.place import LogLostError, Place
from core.events.file.store import EventStore
from core.events.file.verify import verify
from tests.logs import BY, Disk, commit, created
from tests.unit.conftest import OpenWriter


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.old"))


def replace_by_a_copy(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    os.replace(path.with_name("copy"), path)


def replace_by_an_empty_file(path: Path) -> None:
    path.unlink()
    path.touch()


def move_the_directory(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def put_another_directory_in_its_place(path: Path) -> None:
    move_the_directory(path)
    path.parent.mkdir()


WAYS: list[Callable[[Path], None]] = [
    delete,
    move,
    replace_by_a_copy,
    replace_by_an_empty_file,
    move_the_directory,
    put_another_directory_in_its_place,
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place" / "log.sqlite"


@pytest.mark.parametrize("part", ["", "-wal"])
@pytest.mark.parametrize("away", WAYS)
def test_what_is_written_where_nobody_will_look_is_not_acknowledged(
    path: Path, part: str, away: Callable[[Path], None], open_writer: OpenWriter
) -> None:
    writer = open_writer(str(path), projections.ALL)
    assert [unit.error for unit in commit(writer, created(1), created(2))] == [None, None]
    away(path.with_name(path.name + part))
    units = commit(writer, created(3), created(4))
    assert all(isinstance(unit.error, LogLostError) and not unit.records for unit in units)
    assert "Whether this was carried out is not known" in str(units[0].error)
    assert path.name in writer.lost
    assert writer.trouble == writer.lost
    (later,) = commit(writer, created(5))
    assert isinstance(later.error, LogLostError)
    assert "Nothing was changed" in str(later.error)


def test_a_log_that_comes_back_is_not_trusted_again(path: Path, open_writer: OpenWriter) -> None:
    """Whoever moves it about may have changed it: the next hub looks it over."""
    writer = open_writer(str(path), projections.ALL)
    away = path.rename(path.with_name("old"))
    commit(writer, created(1))
    away.rename(path)
    assert isinstance(commit(writer, created(2))[0].error, LogLostError)


def test_what_was_acknowledged_is_in_the_file_that_was_moved(path: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(str(path), projections.ALL)
    commit(writer, created(1))
    moved = path.parent.with_name("elsewhere")
    move_the_directory(path)
    commit(writer, created(2))
    writer.close()
    assert verify(str(moved / path.name)).position >= 1


def test_another_log_put_in_its_place_is_left_alone(path: Path, open_writer: OpenWriter) -> None:
    other = open_writer(str(path.with_name("other")), projections.ALL)
    commit(other, created(10), created(11))
    writer = open_writer(str(path), projections.ALL)
    commit(writer, created(1))
    for part in ("", "-wal"):
        os.replace(path.with_name(f"other{part}"), path.with_name(path.name + part))
    content = path.with_name(f"{path.name}-wal").read_bytes()
    assert isinstance(commit(writer, created(2))[0].error, LogLostError)
    writer.close()
    assert path.with_name(f"{path.name}-wal").read_bytes() == content
    assert verify(str(path)).position == 2


@pytest.mark.parametrize("has_reader", [False, True])
def test_opening_it_again_after_trouble_is_no_loss(
    path: Path, has_reader: bool, open_writer: OpenWriter
) -> None:
    """Its WAL stays the same one, whether anybody else reads or not."""
    disk = Disk()
    writer = open_writer(str(path), projections.ALL, connect=disk.connect)
    reader = open_for_reading(str(path)) if has_reader else None
    for number in range(3):
        disk.fails, disk.is_gone = {"COMMIT"}, number == 1
        assert type(commit(writer, created(number))[0].error) is UnavailableError
        disk.fails, disk.is_gone = set(), False
        assert commit(writer, created(10 + number))[0].error is None
    assert not writer.lost
    if reader is not None:
        reader.close()


def test_after_trouble_no_other_file_is_taken_for_the_log(path: Path, open_writer: OpenWriter) -> None:
    disk = Disk()
    writer = open_writer(str(path), projections.ALL, connect=disk.connect)
    opened = disk.opened
    disk.fails = {"COMMIT"}
    replace_by_a_copy(path)
    assert isinstance(commit(writer, created(1))[0].error, LogLostError)
    assert disk.opened == opened


def test_a_log_in_memory_has_no_place(open_writer: OpenWriter) -> None:
    writer = open_writer(MEMORY, projections.ALL)
    assert commit(writer, created(1))[0].error is None
    assert not writer.look()


def test_a_place_that_cannot_be_looked_at_is_not_yet_lost(
    path: Path, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def deny(_: Place) -> None:
        raise PermissionError(13, "Permission denied")

    writer = open_writer(str(path), projections.ALL)
    monkeypatch.setattr(Place, "check", deny)
    assert not writer.look()
    assert "cannot be told" in caplog.text


@pytest.mark.parametrize("records", [False, True])
async def test_the_loss_is_told_once_even_if_nothing_is_recorded(path: Path, records: bool) -> None:
    told: list[str] = []
    store = EventStore(str(path), projections.ALL)
    store.on_lost = told.append
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        await store.append(created(1), by=BY)
        move(path)
        if records:
            with pytest.raises(LogLostError):
                await store.append(created(2), by=BY)
        for _ in range(2):
            await store.look()
        nursery.cancel_scope.cancel()
    assert told == [store.lost]
    assert "deleted or moved" in store.lost
    store.close()
