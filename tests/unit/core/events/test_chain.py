"""The digest chain as it is written, and what `verify` makes of a log that somebody has changed."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from core.events.file import verify as verifying
from core.events.file.chain import GENESIS, digest_of, netstring
from core.events.file.verify import BrokenLogError, Head, verify
from core.events.log.append_request import AppendRequest
from tests.logs import BY, commit, created, said
from tests.unit.conftest import OpenWriter

COUNT = 40


@pytest.fixture(params=[7, 5000], ids=["small chunks", "one chunk"])
def log(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_writer: OpenWriter
) -> str:
    """A log of forty events that is not in use."""
    monkeypatch.setattr(verifying, "CHUNK", request.param)
    path = str(tmp_path / "log.sqlite")
    writer = open_writer(path, ())
    commit(writer, created(1, "Zoë"), said("a", 0, 9), AppendRequest([said("b", 0), said("a", 9)], BY))
    commit(writer, said("c", 0, COUNT - writer.position))
    writer.close()
    return path


def tamper(path: str, *statements: str) -> None:
    """What somebody with the file, and with SQLite, could do to it."""
    db = sqlite3.connect(path, isolation_level=None)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        db.execute(statement)
    db.close()


def broken(path: str, noted: Head | None = None) -> tuple[int, str]:
    with pytest.raises(BrokenLogError) as caught:
        verify(path, *([noted] if noted else []))
    assert "\n" not in str(caught.value)
    return caught.value.position, caught.value.what


def test_a_netstring_counts_bytes_and_nothing_is_the_empty_text() -> None:
    assert [netstring(value) for value in ("abc", "ë", "", None, 12)] == [
        "3:abc,",
        "2:ë,",
        "0:,",
        "0:,",
        "2:12,",
    ]


def test_no_two_rows_have_the_same_columns_in_a_digest() -> None:
    assert netstring("a") + netstring("bc") != netstring("ab") + netstring("c")


def test_the_digest_covers_the_payload_by_its_own_digest() -> None:
    """So a payload could be erased, its SHA-256 kept, and the chain would still hold."""
    whole = GENESIS + "1:1," + hashlib.sha256(b"{}").hexdigest()
    assert digest_of(GENESIS, "1:1,", b"{}") == hashlib.sha256(whole.encode()).hexdigest()


def test_a_log_as_it_was_written_is_whole(log: str) -> None:
    head = verify(log)
    assert head.position == COUNT
    assert verify(log, head) == head


def test_an_empty_log_is_whole(tmp_path: Path, open_writer: OpenWriter) -> None:
    path = str(tmp_path / "empty.sqlite")
    open_writer(path, ()).close()
    assert verify(path) == Head(0, GENESIS)


def test_a_log_in_use_can_be_verified(log: str, open_writer: OpenWriter) -> None:
    writer = open_writer(log, ())
    commit(writer, created(2))
    assert verify(log).position == COUNT + 1
    writer.close()


FLIPS = {
    "stream": "stream = 'server/x'",
    "type": "type = 'user.renamed'",
    "payload": "payload = replace(payload, 'message', 'massage')",
    "at": "at = replace(at, 'Z', 'z')",
    "principal": "principal = 'user/u2'",
    "via": "via = 't2'",
    "request": "request = ''",
    "cause": "cause = 8",
    "no cause": "cause = NULL",
    "bytes that are no text": "principal = CAST(x'ff7573' AS TEXT)",
    "version": "version = version + 1000",
}


@pytest.mark.parametrize("position", [2, 20, COUNT])
@pytest.mark.parametrize("change", FLIPS.values(), ids=FLIPS)
def test_a_changed_column_is_found_where_it_is(log: str, change: str, position: int) -> None:
    tamper(log, f"UPDATE events SET {change} WHERE position = {position}")
    where, what = broken(log)
    assert where == position
    assert "changed" in what
    if position != COUNT:
        assert what == "one of its columns was changed"


@pytest.mark.parametrize(
    "column", ["stream", "type", "payload", "at", "principal", "via", "request", "digest"]
)
def test_a_single_flipped_bit_is_found(log: str, column: str) -> None:
    db = sqlite3.connect(log)
    (raw,) = db.execute(f"SELECT CAST({column} AS BLOB) FROM events WHERE position = 17").fetchone()
    db.close()
    flipped = (bytes([raw[0] ^ 1]) + raw[1:]).hex()
    tamper(log, f"UPDATE events SET {column} = CAST(x'{flipped}' AS TEXT) WHERE position = 17")
    assert broken(log)[0] == 17


@pytest.mark.parametrize("position", [1, 20])
def test_a_changed_digest_is_found_where_it_is(log: str, position: int) -> None:
    tamper(log, f"UPDATE events SET digest = '{64 * 'a'}' WHERE position = {position}")
    assert broken(log) == (position, "its digest was changed")


def test_a_removed_event_is_found(log: str) -> None:
    tamper(log, "DELETE FROM events WHERE position = 20")
    assert broken(log) == (20, "it was removed")


def test_removed_events_are_counted(log: str) -> None:
    tamper(log, "DELETE FROM events WHERE position BETWEEN 1 AND 5")
    assert broken(log) == (1, "events 1 to 5 were removed")


def test_a_removed_event_whose_place_was_taken_by_the_next_is_found(log: str) -> None:
    shift = [f"UPDATE events SET position = {n} WHERE position = {n + 1}" for n in range(20, COUNT)]
    tamper(log, "DELETE FROM events WHERE position = 20", *shift)
    where, what = broken(log)
    assert where == 20
    assert "removed" in what


def test_an_inserted_event_is_found(log: str) -> None:
    shift = [f"UPDATE events SET position = {n + 1} WHERE position = {n}" for n in range(COUNT, 19, -1)]
    insert = (
        "INSERT INTO events SELECT 20, 'server/x', 1, type, payload, at, principal, via, request, cause, digest "
        "FROM events WHERE position = 19"
    )
    tamper(log, *shift, insert)
    where, what = broken(log)
    assert where == 20
    assert "now: events were inserted" in what


@pytest.mark.parametrize("position", [0, -5])
def test_an_event_inserted_before_the_first_is_found(log: str, position: int) -> None:
    tamper(
        log,
        f"INSERT INTO events SELECT {position}, 'server/x', 1, type, payload, at, principal, via, request, "
        "cause, digest FROM events WHERE position = 19",
    )
    assert broken(log) == (position, "there is no such position: it was inserted")


def test_an_event_added_at_the_end_is_found(log: str) -> None:
    tamper(
        log,
        f"INSERT INTO events SELECT {COUNT + 1}, 'server/x', 1, type, payload, at, principal, via, request, "
        f"cause, digest FROM events WHERE position = {COUNT}",
    )
    assert broken(log)[0] == COUNT + 1


def test_events_that_changed_places_are_found(log: str) -> None:
    tamper(
        log,
        "UPDATE events SET position = -1 WHERE position = 20",
        "UPDATE events SET position = 20 WHERE position = 21",
        "UPDATE events SET position = 21 WHERE position = -1",
    )
    where, what = broken(log)
    assert where == 20
    assert "is event 21 now" in what


def test_a_tail_that_was_cut_off_is_found_by_a_head_noted_earlier(log: str) -> None:
    head = verify(log)
    tamper(log, "DELETE FROM events WHERE position > 35")
    assert verify(log).position == 35
    assert broken(log, head) == (36, f"the log once reached event {COUNT}, and its tail was cut off")


def test_a_log_written_anew_is_found_by_a_head_noted_earlier(log: str) -> None:
    head = verify(log)
    noted = Head(30, GENESIS)
    assert broken(log, noted)[0] == 30
    assert verify(log, head) == head


def rechain(path: str) -> None:
    """Digests that fit again: what only somebody who knows how they are made can do."""
    db = sqlite3.connect(path, isolation_level=None)
    previous = GENESIS
    for values in db.execute("SELECT * FROM events ORDER BY position").fetchall():
        position, stream, version, tag, payload, at, *origin, _ = values
        columns = "".join(map(netstring, (position, stream, version, tag, at, *origin)))
        previous = digest_of(previous, columns, payload.encode())
        db.execute("UPDATE events SET digest = ? WHERE position = ?", (previous, position))
    db.close()


REWRITTEN: dict[str, tuple[str, int, Callable[[str], bool]]] = {
    "a version that is missing": (
        "UPDATE events SET version = version + 1 WHERE stream = 'server/a' AND version = 10",
        12,
        lambda what: what == "it is version 11 of stream server/a, not 10",
    ),
    "a time that goes back": (
        "UPDATE events SET at = '2020-01-01T00:00:00.000000Z' WHERE position = 20",
        20,
        lambda what: "before the event that precedes it" in what,
    ),
}


@pytest.mark.parametrize(("change", "position", "says"), REWRITTEN.values(), ids=REWRITTEN)
def test_what_no_writer_would_have_written_is_found_though_the_digests_fit(
    log: str, change: str, position: int, says: Callable[[str], bool]
) -> None:
    head = verify(log)
    tamper(log, change)
    rechain(log)
    where, what = broken(log)
    assert (where, says(what)) == (position, True), what
    assert "rewritten" in broken(log, head)[1] or where < head.position


def test_a_damaged_file_is_told_in_one_line(log: str) -> None:
    size = Path(log).stat().st_size
    with open(log, "r+b") as file:
        file.seek(size // 2)
        file.write(bytes(size - size // 2))
    where, what = broken(log)
    assert 1 <= where <= COUNT
    assert "cannot be read" in what


def test_verify_shares_nothing_with_the_code_that_writes() -> None:
    source = Path(verifying.__file__).read_text()
    imports = [
        line for line in source.splitlines() if "import" in line.split()[:1] or line.startswith("from ")
    ]
    assert not [line for line in imports if "core" in line or "projections" in line]
