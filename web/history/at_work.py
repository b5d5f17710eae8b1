"""What servers were at between two moments: a page of them with their attempts, and how many ran at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

from msgspec import Struct

from core.events.file.store import EventStore
from core.events.record import utc_text
from core.events.server import server_stream
from core.events.user import user_stream
from projections.usage.attempt import NOT_YET, Attempt, Outcome, moment
from projections.usage.servers import Among, ServerAtWork, at_work, attempts_of, running
from web.history.catching_up import read_apart
from web.history.names import NameBook

MOST_ATTEMPTS = 1000  # of all servers of a page
LEAST_ATTEMPTS = 20  # of each, if there are as many


class AttemptAtWork(Struct, frozen=True):
    """`began`: when its turn had come. Null: not yet, or never. `outcome`: `""` while it goes on."""

    asked: str
    began: str | None
    ready: str | None
    ended: str | None
    outcome: Outcome


class ServerOfPage(Struct, frozen=True):
    """`failures`: starts that failed and ends by itself. `attempts`: the last ones, in their order.

    `more`: how many there are before them.
    """

    stream: str
    user: str
    server: str
    failures: int
    goes_on: bool
    attempts: list[AttemptAtWork]
    more: int


class ServersAtWork(Struct, frozen=True):
    """`failing`: of all, those with failures; `going_on`: those without, of which something has not ended.

    Pages have them in that order, then the others. `running`: how many ran at `since` and after each `step` seconds.
    """

    since: str
    until: str
    step: int
    count: int
    failing: int
    going_on: int
    running: list[int]
    items: list[ServerOfPage]


class Page(Struct, frozen=True):
    """`step`: microseconds."""

    step: int
    offset: int
    limit: int
    is_failing: bool = False


async def servers_at_work(
    store: EventStore, names: NameBook, among: Among, page: Page, may_see: Callable[[str], bool] | None
) -> ServersAtWork:
    """`may_see`: whose servers are shown, by id; None: everybody's."""
    found = await read_apart(store, lambda db: list(at_work(db, among)))
    if may_see is not None:
        found = [one for one in found if may_see(one.user)]
        among = among._replace(users=frozenset(one.user for one in found))
    if page.is_failing:
        found = [one for one in found if one.failures]
    chosen = sorted(found, key=_place)[page.offset : page.offset + page.limit]
    wanted = [one.server for one in chosen]
    most = max(LEAST_ATTEMPTS, MOST_ATTEMPTS // page.limit)
    attempts, at_a_time = await read_apart(
        store, lambda db: (attempts_of(db, among, wanted, most), running(db, among, page.step))
    )
    return ServersAtWork(
        since=utc_text(moment(among.since)),
        until=utc_text(moment(among.until)),
        step=page.step // 1_000_000,
        count=len(found),
        failing=sum(_place(one) == FAILING for one in found),
        going_on=sum(_place(one) == GOING_ON for one in found),
        running=at_a_time,
        items=_items(chosen, attempts, names, store.head),
    )


FAILING, GOING_ON, OTHERS = range(3)


def _place(one: ServerAtWork) -> int:
    """What needs a look comes first."""
    return FAILING if one.failures else GOING_ON if one.goes_on else OTHERS


def _items(
    servers: Sequence[ServerAtWork], attempts: Sequence[Attempt], names: NameBook, head: int
) -> list[ServerOfPage]:
    of_server = attrgetter("server")
    by_server = {
        server: list(map(_told, group))
        for server, group in groupby(sorted(attempts, key=of_server), of_server)
    }
    return [_item(one, by_server.get(one.server, []), names, head) for one in servers]


def _item(one: ServerAtWork, attempts: list[AttemptAtWork], names: NameBook, head: int) -> ServerOfPage:
    server = server_stream(one.server)
    return ServerOfPage(
        stream=server,
        user=names.at(user_stream(one.user), head),
        server=names.at(server, head),
        failures=one.failures,
        goes_on=one.goes_on,
        attempts=attempts,
        more=one.attempts - len(attempts),
    )


def _told(attempt: Attempt) -> AttemptAtWork:
    ended = None if attempt.ended == NOT_YET else attempt.ended
    asked = utc_text(moment(attempt.asked))
    return AttemptAtWork(asked, _text(attempt.began), _text(attempt.ready), _text(ended), attempt.outcome)


def _text(at: int | None) -> str | None:
    return None if at is None else utc_text(moment(at))
