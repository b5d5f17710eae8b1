"""Who has used how much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import trio
from msgspec import Struct
from quart import Response

from core.errors import InvalidError
from core.scopes import Answer, User, check
from projections import metrics
from projections.usage import attempts
from projections.usage.attempt import microseconds, month_of
from projections.usage.servers import Among
from web.history.at_work import Page, ServersAtWork, servers_at_work
from web.history.starts import Hour, Hours
from web.history.usage import KINDS, Kind, Naming, Summing, Usage, as_csv
from web.request.access import IDENTIFIED, needs
from web.request.answers import reply
from web.request.context import database, hub, scopes
from web.request.declared import Text
from web.request.routing import RouteGroup
from web.request.sent.paging import argument, flag, number, page
from web.request.sent.timestamps import parse_timestamp
from web.request.sent.wanted import wanted_events

endpoints = RouteGroup("usage")

SCOPE = "read:servers"  # whose servers the caller may see, of those their use too
SECOND = 1_000_000  # microseconds
WEEK = timedelta(days=7)
MOST_SPANS, USUAL_SPANS = 1000, 100
MOST_SERVERS = 100  # of one page


class UsageQuery(Struct, frozen=True):
    """`since` and `until`: timestamps; from the beginning of the month, until now. `format`: `json` or `csv`."""

    since: str = ""
    until: str = ""
    by: Kind = "user"
    format: Literal["json", "csv"] = "json"


@endpoints.get(
    "/usage", access=IDENTIFIED, query=UsageQuery, answers={200: (Usage, Text("text/csv"))}, refusals=(400,)
)
async def read() -> Response:
    """Hours of use, starts and how long they took, of all whose servers the caller may see: people see their own.

    By user, server, profile or group, between any two moments. What goes on counts until `until`. Whoever is renamed
    counts under their present name, whoever is gone under their last; groups by who is in them now. Whole months (UTC),
    and this one until now, are kept for users and groups, and cost the same however often servers were started.
    """
    now = datetime.now(UTC)
    since = _moment("since", month_of(now))
    found = await _summed_up(_kind(), since, _moment("until", now), now)
    return _csv(found) if _format() == "csv" else reply(found)


class Servers(Struct, frozen=True):
    running: int
    starting: int
    waiting: int
    stopping: int


class Overview(Struct, frozen=True):
    """`today` and `week`: people seen within 24 hours, and within 7 days. `hours`: the last 24, the oldest first."""

    servers: Servers
    today: int
    week: int
    hours: list[Hour]


@endpoints.get("/usage/overview", access=needs("read:metrics"), answers={200: Overview})
async def overview() -> Response:
    """How the hub is used at the moment, and how starts went in the last 24 hours, in numbers alone."""
    now = datetime.now(UTC)
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    since, until = microseconds(end - timedelta(hours=24)), microseconds(end)
    hours = Hours(since, until)
    for chunk in attempts.in_use(database(), since, until):
        for attempt in chunk:
            hours.add(attempt)
        await trio.lowlevel.checkpoint()
    seen = metrics.active_users(database(), now)
    return reply(Overview(_servers(), seen["24h"], seen["7d"], hours.told()))


def _servers() -> Servers:
    states, waiting = metrics.servers_by_state(database()), len(hub().limits.queue)
    return Servers(
        running=states.get("ready", 0),
        starting=max(0, states.get("spawn", 0) - waiting),
        waiting=waiting,
        stopping=states.get("stop", 0),
    )


class ServersQuery(Struct, frozen=True):
    """`since` and `until`: moments; the last week. `step`: seconds. `user` and `server`: names, as of `/events`."""

    since: str = ""
    until: str = ""
    step: int | None = None
    user: list[str] = []
    server: list[str] = []
    failing: bool = False
    offset: int | None = None
    limit: int | None = None


@endpoints.get(
    "/usage/servers", access=IDENTIFIED, query=ServersQuery, answers={200: ServersAtWork}, refusals=(400,)
)
async def servers() -> Response:
    """What servers were at between two moments, of all that the caller may see, with how many ran at a time.

    Of each its last attempts, 20 or more. Those with failures come first (`failing=true`: none but these), then those
    that still run, then the others; of these the one that was started last. For pages that show a busy hub.
    """
    now, asked_for = datetime.now(UTC), page()
    since, until = microseconds(_moment("since", now - WEEK)), microseconds(_moment("until", now))
    step = SECOND * number("step", max(1, (until - since) // SECOND // USUAL_SPANS))
    if not 0 < until - since <= step * MOST_SPANS:
        raise InvalidError(f"Ask for between one and {MOST_SPANS} spans of time, with since before until.")
    seen, naming = _Seen(), Naming(database())
    may_see = None if seen.sees_all else lambda user: seen.may_see(naming.present(user))
    chosen = Page(step, asked_for.offset, min(asked_for.limit, MOST_SERVERS), flag("failing"))
    async with hub().feed.catching_up:
        found = await servers_at_work(hub().store, hub().feed.names, _among(since, until), chosen, may_see)
    return reply(found)


def _among(since: int, until: int) -> Among:
    """Users and servers that are named are those that bear, or bore, these names."""
    found = wanted_events().found(database())
    if found is None:
        return Among(since, until)
    by_kind = {"user": list[str](), "server": list[str]()}
    for thing in found:
        kind, _, key = thing.partition("/")
        by_kind.setdefault(kind, []).append(key)
    return Among(
        since, until, by_kind["user"] or None, by_kind["server"] or (None if by_kind["user"] else ())
    )


async def _summed_up(kind: Kind, since: datetime, until: datetime, now: datetime) -> Usage:
    summing = Summing(database(), kind, since, until, now, _Seen().may_see)
    for _ in summing.steps():
        await trio.lowlevel.checkpoint()
    return summing.usage()


class _Seen:
    """Whose use the caller may see: asked once for each user."""

    def __init__(self) -> None:
        self.sees_all = SCOPE in scopes().everywhere
        self._known: dict[str, bool] = {}

    def may_see(self, user: str | None) -> bool:
        """None: who is gone is seen by those who see everybody."""
        if self.sees_all or user is None:
            return self.sees_all
        if user not in self._known:
            answer = check(scopes(), SCOPE, User(user), hub().rights.memberships)
            self._known[user] = answer is Answer.ALLOWED
        return self._known[user]


def _csv(found: Usage) -> Response:
    response = Response(as_csv(found), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = "attachment; filename=usage.csv"
    return response


def _moment(name: str, default: datetime) -> datetime:
    text = argument(name)
    return parse_timestamp(text) if text else default


def _kind() -> Kind:
    text = argument("by", "user")
    for kind in KINDS:
        if text == kind:
            return kind
    raise InvalidError(f"by is one of {', '.join(KINDS)}, not {text[:40]!r}.")


def _format() -> str:
    text = argument("format", "json")
    if text not in ("json", "csv"):
        raise InvalidError(f"The format is json or csv, not {text[:40]!r}.")
    return text
