"""How much happened when: what a picture of a busy hub is made of, whose events are too many to be sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct
from quart import Response

from core.errors import InvalidError
from projections.tallies import seconds
from web.history.density import Density, Spans, counted, counted_one_by_one, density
from web.history.reach import reach_of
from web.history.viewer import Viewer
from web.history.wanted import Wanted
from web.request.access import IDENTIFIED, needs
from web.request.answers import reply
from web.request.context import caller, database, hub, scopes
from web.request.routing import RouteGroup
from web.request.sent.paging import argument, number
from web.request.sent.timestamps import parse_timestamp
from web.request.sent.wanted import wanted_events, wanted_of

endpoints = RouteGroup("density")

MOST = 1000  # spans in one answer
USUAL = 100  # spans, unless a step is asked for
WEEK = timedelta(days=7)


class DensityOfUserQuery(Struct, frozen=True):
    """`since` and `until`: moments, of which whole seconds count; the last week. `step`: seconds of a span."""

    since: str = ""
    until: str = ""
    step: int | None = None
    type: list[str] = []
    server: list[str] = []


class DensityQuery(DensityOfUserQuery, frozen=True):
    user: list[str] = []
    group: list[str] = []
    role: list[str] = []
    token: list[str] = []


@endpoints.get(
    "/events/density", access=IDENTIFIED, query=DensityQuery, answers={200: Density}, refusals=(400,)
)
async def of_all() -> Response:
    """How many events there were in each span of time, of those the caller may see, and how many of them were failures.

    What is counted is chosen as in `/events`. Whoever may see all events of the types asked for gets exact counts of
    any time, however long the log is; so does whoever asks for what is about something, up to 20,000 events. Where more
    would have to be looked at one by one, `counted_from` says how far back they were counted.
    """
    return await _answer(wanted_events())


@endpoints.get(
    "/users/<user>/events/density",
    access=needs("read:users"),
    query=DensityOfUserQuery,
    answers={200: Density},
    refusals=(400,),
)
async def of_user(user: str) -> Response:
    """The same as `/events/density` of this user alone, with their servers, tokens and shares."""
    return await _answer(wanted_of(user))


async def _answer(wanted: Wanted) -> Response:
    spans, reach = _spans(), reach_of(scopes())
    asked_for = wanted.tags()
    if wanted.found(database()) is None and reach.partly.isdisjoint(asked_for):
        return reply(density(counted(database(), reach.whole & asked_for, spans), spans))
    viewer = Viewer(caller(), hub().feed.names, hub().rights.memberships)
    async with hub().feed.catching_up:
        found = await counted_one_by_one(hub().store, wanted, viewer, spans)
    return reply(density(found, spans))


def _spans() -> Spans:
    now = datetime.now(UTC)
    until = _second("until", now + timedelta(seconds=1))
    since = min(_second("since", now - WEEK), until)
    step = number("step", max(1, -(-(until - since) // USUAL)))
    if not 0 < until - since <= step * MOST:
        raise InvalidError(
            f"Ask for between one and {MOST} spans of time, not for {since}..{until} by {step} seconds."
        )
    return Spans(since, until, step)


def _second(name: str, default: datetime) -> int:
    text = argument(name)
    return seconds(parse_timestamp(text) if text else default)
