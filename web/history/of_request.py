"""What came of one HTTP request: the events it recorded, and what its starts and stops led to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from core.events.file.reading import position_at, positions_of_request, read_at, read_stream
from core.events.log.tables import Tables
from core.events.record import Record, utc_text
from core.events.server import ServerLost, SpawnCancelled, SpawnFailed, SpawnRequested, SpawnSucceeded
from core.naming.ids import moment_of_request
from projections.histories.about import about
from web.history.feed import Happening

CHUNK = 500
LED_TO = 200  # events of a server that are looked at behind one of the request's
MOST = 200  # events of a story
EARLIER = timedelta(minutes=1)  # than the number says: the clock may have been set back a little

End = SpawnSucceeded | SpawnFailed | SpawnCancelled | ServerLost


class Story(NamedTuple):
    """`ends`: how each start went that the request asked for, by its position; None while it is under way.

    `is_cut`: more happened than is told.
    """

    happenings: list[Happening]
    ends: Mapping[int, End | None]
    is_cut: bool


def story_of(db: Tables, request: str, upto: int) -> Story:
    records = list(islice(of_request(db, request, 0, upto), MOST + 1))
    told = records[:MOST]
    ends = {one.position: _end(db, one, one.event) for one in told if isinstance(one.event, SpawnRequested)}
    happenings = [Happening(record, about(db, record)) for record in told]
    return Story(happenings, ends, is_cut=len(records) > MOST)


def _end(db: Tables, asked: Record, start: SpawnRequested) -> End | None:
    """Whoever has brought it about."""
    for later in read_stream(db, asked.stream, asked.version, LED_TO):
        if isinstance(later.event, End) and later.event.spawn_id == start.spawn_id:
            return later.event
    return None


def of_request(db: Tables, request: str, after: int, upto: int) -> Iterator[Record]:
    """Those behind position `after` up to `upto`, in their order.

    Its number tells when it came, so what is older is looked at only where nothing is found since then.
    """
    begun = max(after, _begun(db, request))
    recorded = _recorded(db, request, begun, upto) or _recorded(db, request, after, min(begun, upto))
    found = {record.position: record for record in recorded}
    for record in recorded:
        found.update((led.position, led) for led in _led_to(db, record) if led.position <= upto)
    yield from (found[position] for position in sorted(found))


def _begun(db: Tables, request: str) -> int:
    """The position behind which the request's events are, if clocks can be trusted."""
    moment = moment_of_request(request)
    return 0 if moment is None else position_at(db, utc_text(moment - EARLIER))


def _recorded(db: Tables, request: str, after: int, upto: int) -> Sequence[Record]:
    found: list[Record] = []
    while after < upto and (positions := positions_of_request(db, request, after, upto, CHUNK)):
        found += read_at(db, positions)
        after = positions[-1] if len(positions) == CHUNK else upto
    return found


def _led_to(db: Tables, record: Record) -> Iterator[Record]:
    """What the hub recorded of a server because of this, and because of that in turn."""
    if record.kind != "server":
        return
    causes = {record.position}
    for later in read_stream(db, record.stream, record.version, LED_TO):
        if later.by.cause in causes:
            causes.add(later.position)
            yield later
