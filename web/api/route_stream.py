"""What the proxy asks and tells: the routes as they change, how far it has come, and which routes are in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import trio
from msgspec import Struct
from quart import Response

from projections import routes
from projections.routes import Route
from web.hub.hub import Hub
from web.presentation.away import away_page
from web.request.access import THE_PROXY
from web.request.answers import empty, encode
from web.request.context import asked, body, database, hub
from web.request.event_stream import KEEP_ALIVE, KEEP_ALIVE_INTERVAL, event_stream
from web.request.routing import RouteGroup
from web.request.sent.paging import argument
from web.request.sent.timestamps import parse_timestamp

endpoints = RouteGroup("route-stream")

TOO_FAR_BEHIND = 10_000  # positions; a proxy further behind is given the whole table


class AppliedBody(Struct, frozen=True):
    proxy: str
    position: int


class ActivityBody(Struct, frozen=True):
    routes: dict[str, str]


@endpoints.get("/proxy/stream", access=THE_PROXY, streams=True)
async def stream() -> Response:
    """The whole table, or what changed after `Last-Event-ID`; then every change, as it is committed."""
    return event_stream(_follow(hub(), argument("proxy"), asked().headers.get("Last-Event-ID", "")))


@endpoints.post("/proxy/applied", access=THE_PROXY)
async def applied() -> Response:
    """How far a proxy has come: a start waits for it."""
    told = await body(AppliedBody)
    hub().proxies.applied(told.proxy, told.position)
    return empty(200)


@endpoints.post("/proxy/activity", access=THE_PROXY)
async def activity() -> Response:
    """When each route was last used, as far as the hub keeps it: by now, whatever a clock that is ahead has told."""
    told, began, now = await body(ActivityBody), perf_counter(), datetime.now(UTC)
    db, proxies, gathered = database(), hub().proxies, hub().activity
    hub_spec, _ = hub().route
    for spec, text in told.routes.items():
        path = hub().hosts.path_of(spec)
        at, route = min(parse_timestamp(text), now), routes.by_spec(db, path)
        if route is not None and route.kind == "server":
            gathered.saw_server(route.holder_id, at)
            gathered.saw_user(route.user, at)
        elif route is not None or spec == hub_spec:
            proxies.seen[path] = at
    hub().metrics.use_of_routes_told(perf_counter() - began)
    return empty(200)


async def _follow(the_hub: Hub, proxy: str, last_seen: str) -> AsyncIterator[bytes]:
    db = the_hub.store.db
    the_hub.proxies.connect(proxy)
    try:
        if away := away_page(the_hub.presentation, the_hub.base_url):
            yield _event(the_hub.store.head, "away", away)
        position = int(last_seen) if last_seen.isascii() and last_seen.isdigit() else -1
        head = the_hub.store.head
        if not head - TOO_FAR_BEHIND <= position <= head:
            table = await _table(the_hub)
            yield _event(head, "routes", {"routes": table})
            position = head
        else:
            yield _event(position, "change", {"set": _hub_route(the_hub), "remove": []})
        while True:
            head = the_hub.store.head
            while changes := routes.changed(db, position):
                position = changes[-1].position
                yield _event(position, "change", _changes(the_hub, changes))
            position = max(position, head)
            with trio.move_on_after(KEEP_ALIVE_INTERVAL) as quiet:
                await the_hub.store.wait_any()
            if quiet.cancelled_caught:
                yield KEEP_ALIVE
    finally:
        the_hub.proxies.disconnect(proxy)


async def _table(the_hub: Hub) -> dict[str, Any]:
    found, after = _hub_route(the_hub), ""
    while chunk := routes.live(the_hub.store.db, after):
        found.update((the_hub.hosts.spec(route.spec), _told(route)) for route in chunk)
        after = chunk[-1].holder
        await trio.lowlevel.checkpoint()
    return found


def _hub_route(the_hub: Hub) -> dict[str, Any]:
    spec, target = the_hub.route
    return {spec: {"target": target, "data": {"hub": True, "jupyterhub": True}}}


def _changes(the_hub: Hub, changes: list[Route]) -> dict[str, Any]:
    latest = {
        the_hub.hosts.spec(route.spec): route for route in changes
    }  # in the order of the log: a later one counts
    return {
        "set": {spec: _told(route) for spec, route in latest.items() if route.target is not None},
        "remove": [spec for spec, route in latest.items() if route.target is None],
    }


def _told(route: Route) -> dict[str, Any]:
    return {"target": route.target, "data": {**route.data(), "jupyterhub": True}}


def _event(position: int, kind: str, data: Any) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (position, kind.encode(), encode(data))
