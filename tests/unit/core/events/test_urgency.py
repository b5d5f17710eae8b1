"""Which events a full disk still takes: every type says so, and the writer goes by it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from core.errors import UnavailableError
from core.events import Event, codec
from core.events.file import room
from core.events.file.store import EventStore
from core.events.log.append_request import AppendRequest, Write
from core.events.log.side_tables import SideTableChange
from core.events.record import HUB
from core.events.server import SpawnFailed, SpawnProgressed
from core.events.urgency import Ordinary, Urgent
from tests.logs import BY, FullDisk, commit, ended, idempotency_record
from tests.unit.conftest import OpenWriter

KINDS = get_args(Event)
SAMPLES = Path(__file__).parents[2] / "event_samples"
ENDS = re.compile(
    r"(revoked|removed|deleted|ended|left|withdrawn|narrowed|stopped|exited|died|lost|failed|cancelled)$"
)
WISHES = re.compile(r"(removal|deletion|stop)-requested$")


def tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def sample(kind: Any) -> Any:
    return codec.decode(json.dumps(json.loads((SAMPLES / f"{tag(kind)}.json").read_text())[-1]))


@pytest.mark.parametrize("kind", KINDS, ids=tag)
def test_every_event_says_whether_it_is_urgent(kind: type) -> None:
    assert [base for base in (Urgent, Ordinary) if issubclass(kind, base)] in ([Urgent], [Ordinary]), (
        f"decide in core/events/ which of the two {kind.__name__} is"
    )


@pytest.mark.parametrize("kind", KINDS, ids=tag)
def test_what_is_told_in_words_of_ending_is_urgent(kind: type) -> None:
    """The words in use; another event that only takes away is urgent whatever it is called."""
    if ENDS.search(tag(kind)) or WISHES.search(tag(kind)):
        assert issubclass(kind, Urgent)


@pytest.mark.parametrize("kind", KINDS, ids=tag)
def test_on_the_last_room_there_are_urgent_events_only(
    kind: type, tmp_path: Path, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "log.sqlite")
    disk = FullDisk(path)
    writer = open_writer(path, (), connect=disk.connect)
    disk.fill()
    monkeypatch.setattr(room, "has_room", lambda _: False)
    for stream in ("before the last room is used", "after that"):
        (unit,) = commit(writer, Write(stream, 0, [sample(kind)]))
        assert (unit.error is None) is issubclass(kind, Urgent), stream
        assert unit.error is None or isinstance(unit.error, UnavailableError)
        assert commit(writer, ended(stream, 0))[0].error is None


def test_what_is_recorded_with_an_urgent_event_is_recorded_with_it() -> None:
    last_words, end = SpawnProgressed("s1", "no memory"), SpawnFailed("s1", "it ended")
    assert not AppendRequest([Write("server/v1", 0, [last_words])], BY).is_urgent
    assert AppendRequest([Write("server/v1", 0, [last_words, end])], BY).is_urgent
    assert AppendRequest([Write("server/v1", 0, [last_words]), Write("server/v2", 0, [end])], BY).is_urgent


def test_a_key_alone_is_not_urgent() -> None:
    assert not AppendRequest([Write("user/u1", 1, [])], BY, idempotency_record("key")).is_urgent
    assert not AppendRequest((), HUB, changes=[SideTableChange("log_facts", "a", b"b")]).is_urgent


async def test_callers_cannot_make_their_append_more_urgent_than_it_is() -> None:
    store = EventStore(":memory:", threaded=False)
    with pytest.raises(TypeError):
        await store.append(by=HUB, urgent=True)  # type: ignore[call-arg]
