"""What the proxy asks and tells: the routes as they change, how far it has come, and which routes are in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import trio
from msgspec import Struct
from quart import Response

from web.hub.hub import Hub
from web.presentation.away import SERVER_AWAY, away_page
from web.proxies.table import as_change
from web.request.access import THE_PROXY
from web.request.answers import empty, encode
from web.request.context import asked, body, hub
from web.request.event_stream import KEEP_ALIVE, KEEP_ALIVE_INTERVAL, event_stream
from web.request.routing import RouteGroup
from web.request.sent.numerals import whole_number
from web.request.sent.paging import argument
from web.request.sent.timestamps import parse_timestamp

endpoints = RouteGroup("route-stream")

LONGEST_NAME = 100  # of a proxy
TOO_FAR_BEHIND = 10_000  # positions; a proxy further behind is given the whole table


class AppliedBody(Struct, frozen=True):
    """`leaves`: it is about to end, and will not be missed."""

    proxy: str
    position: int
    leaves: bool = False


class ActivityBody(Struct, frozen=True):
    routes: dict[str, str]


@endpoints.get("/proxy/stream", access=THE_PROXY, streams=True)
async def stream() -> Response:
    """The whole table, or what changed after `Last-Event-ID`; then every change, as it is committed."""
    last_seen, name = asked().headers.get("Last-Event-ID", ""), argument("name")[:LONGEST_NAME]
    return event_stream(_follow(hub(), argument("proxy"), last_seen, name))


@endpoints.post("/proxy/applied", access=THE_PROXY)
async def applied() -> Response:
    """How far a proxy has come: a start waits for it."""
    told = await body(AppliedBody)
    hub().proxies.applied(told.proxy, told.position)
    if told.leaves:
        hub().proxies.leaves(told.proxy)
    return empty(200)


@endpoints.post("/proxy/activity", access=THE_PROXY)
async def activity() -> Response:
    """When each route was last used, as far as the hub keeps it: by now, whatever a clock that is ahead has told."""
    told, began, now = await body(ActivityBody), perf_counter(), datetime.now(UTC)
    used = {spec: min(parse_timestamp(text), now) for spec, text in told.routes.items()}
    hub().route_table.note_use(used, hub().activity, hub().proxies)
    hub().metrics.use_of_routes_told(perf_counter() - began)
    return empty(200)


async def _follow(the_hub: Hub, proxy: str, last_seen: str, name: str = "") -> AsyncIterator[bytes]:
    table = the_hub.route_table
    the_hub.proxies.connect(proxy, name)
    try:
        if away := away_page(the_hub.presentation, the_hub.base_url):
            server = away_page(the_hub.presentation, the_hub.base_url, SERVER_AWAY)
            yield _event(table.head, "away", {**away, "server": server})
        position = whole_number(last_seen)
        head = table.head
        if position is None or not head - TOO_FAR_BEHIND <= position <= head:
            every = await table.every()
            yield _event(head, "routes", {"routes": every})
            position = head
        else:
            yield _event(position, "change", {"set": table.hub(), "remove": []})
        while True:
            head = table.head
            while found := table.changes(position):
                position, changed = found
                to_set, to_remove = as_change(changed)
                yield _event(position, "change", {"set": to_set, "remove": to_remove})
            position = max(position, head)
            with trio.move_on_after(KEEP_ALIVE_INTERVAL) as quiet:
                await table.wait()
            if quiet.cancelled_caught:
                yield KEEP_ALIVE
    finally:
        the_hub.proxies.disconnect(proxy)


def _event(position: int, kind: str, data: Any) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (position, kind.encode(), encode(data))
