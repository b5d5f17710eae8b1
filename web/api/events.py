"""What has happened, and what happens: the log, to each caller as far as they may see it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from quart import Response

from core.errors import ConflictError, InvalidError
from core.events.file.reading import position_at
from core.events.record import utc_text
from web.api.following import Following
from web.history.model import Event, EventPage, Notice
from web.history.wanted import Wanted
from web.request.access import IDENTIFIED, needs
from web.request.answers import reply
from web.request.context import asked, database, hub
from web.request.declared import Events
from web.request.event_stream import event_stream
from web.request.routing import RouteGroup
from web.request.sent.numerals import whole_number
from web.request.sent.paging import argument, number, page, same_url
from web.request.sent.timestamps import parse_timestamp
from web.request.sent.wanted import wanted_events, wanted_of

endpoints = RouteGroup("events")


class HistoryQuery(Struct, frozen=True):
    """`after`: the position to go on behind, as the header Last-Event-ID. `limit` asks for a page.

    `names`: at most so many of each event's `users`, `groups` and `services`; its `more` is how many there are besides.
    `since` and `until`: moments to begin at instead, forwards and with `order=newest`.
    """

    after: str = ""
    since: str = ""
    until: str = ""
    type: list[str] = []
    server: list[str] = []
    limit: int | None = None
    order: Literal["oldest", "newest"] = "oldest"
    names: int | None = None


class EventsQuery(HistoryQuery, frozen=True):
    user: list[str] = []
    group: list[str] = []
    role: list[str] = []
    token: list[str] = []


@endpoints.get(
    "/events",
    access=IDENTIFIED,
    query=EventsQuery,
    answers={200: (Events(Event), Events(Notice), EventPage)},
    refusals=(400, 409),
)
async def follow() -> Response:
    """All events of everything the caller may see, from the first on or behind `after`, and then each as it happens.

    Each has its position in the log as its id, so a stream can be resumed with `Last-Event-ID`; an id without an event
    says how far the log was read. `user`, `server` (as `alice/lab`, or `alice/` for the default one), `group`, `role`,
    `token` (its id: also what was done with it) and `type` (as `server.ready`, or `server` for all of them) may be
    given several times: what is about any of the things, and of any of the types. What the caller may see is decided
    anew for each event. An event `resume` ends the stream of who reads too slowly, an event `ended` that of who is no
    longer known.

    With `limit`, or `Accept: application/json`, the answer is a page of the log; `order=newest` begins at its end.
    `since` (a timestamp) begins with what happened from then on, `until` with the newest of what happened up to then.
    """
    return await _answer(wanted_events())


@endpoints.get(
    "/users/<user>/events",
    access=needs("read:users"),
    query=HistoryQuery,
    answers={200: (Events(Event), Events(Notice), EventPage)},
    refusals=(400, 409),
)
async def history(user: str) -> Response:
    """The history of a user, with their servers, tokens and shares: what others did to them, too.

    The same as `/events` of this user alone; with `server` (by name, `""` for the default one) of those servers alone.
    An event `shares` tells users who follow their own that they may use somebody's server, or no longer, which may be
    through a group.
    """
    return await _answer(wanted_of(user))


async def _answer(wanted: Wanted) -> Response:
    following = Following(hub(), asked(), wanted, number("names", 0) if argument("names") else None)
    newest_first = _newest_first()
    if _wants_page():
        return await _page(following, newest_first)
    if newest_first:
        raise InvalidError("A stream goes forward: order=newest is for pages.")
    return event_stream(following.stream(_position(_since())))


async def _page(following: Following, newest_first: bool) -> Response:
    head = hub().store.head
    begin = _position(_until(head) if newest_first else _since())
    found = await following.page(begin, page().limit, newest_first=newest_first)
    url = None if found.is_last else same_url(after=found.reached)
    return reply(EventPage(found.items, found.reached, hub().store.head, url))


def _wants_page() -> bool:
    """Streams are for those who ask for nothing else."""
    if "limit" in asked().args:
        return True
    accepted = asked().headers.get("Accept", "").lower()
    return "application/json" in accepted and "text/event-stream" not in accepted


def _newest_first() -> bool:
    order = argument("order", "oldest")
    if order not in ("oldest", "newest"):
        raise InvalidError(f"The order is oldest or newest, not {order[:40]!r}.")
    return order == "newest"


def _since() -> int:
    """The position before all that happened from the moment `since` on."""
    text = argument("since")
    return position_at(database(), utc_text(parse_timestamp(text)), inclusive=False) if text else 0


def _until(head: int) -> int:
    """The position behind all that happened up to the moment `until`."""
    text = argument("until")
    return 1 + (position_at(database(), utc_text(parse_timestamp(text))) if text else head)


def _position(default: int) -> int:
    """Where to go on. Raises InvalidError for what is no position, ConflictError for one beyond this log's head."""
    text = asked().headers.get("Last-Event-ID") or argument("after")
    if not text:
        return default
    position, head = whole_number(text), hub().store.head
    if position is None:
        raise InvalidError(f"A position is a number, the id of an event, not {text[:40]!r}.")
    if position > max(head, default):
        raise ConflictError(
            f"The log ends at position {head}: {position} is of another log, or of one that was set back since. "
            "Begin again without a position."
        )
    return position
