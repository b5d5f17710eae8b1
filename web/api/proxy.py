"""The routes, as administrators see them and as the proxy follows them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import trio
from msgspec import Struct
from quart import Response, request

from projections import routes
from projections.routes import Route
from web.access import THE_PROXY, needs
from web.answers import empty, encode
from web.context import body, database, hub
from web.event_stream import KEEP_ALIVE, KEEP_ALIVE_INTERVAL, event_stream
from web.hub import Hub
from web.paging import argument, page, paged
from web.routing import Noun
from web.timestamps import parse_timestamp

noun = Noun("proxy")

TOO_FAR_BEHIND = 10_000  # positions; a proxy further behind is given the whole table


class AppliedBody(Struct, frozen=True):
    proxy: str
    position: int


class ActivityBody(Struct, frozen=True):
    routes: dict[str, str]


@noun.get("/proxy", access=needs("proxy"))
async def table() -> Response:
    """The routes the hub keeps, by routespec."""
    asked = page()
    whole = sorted(await all_routes(hub()))
    shown = whole[asked.offset : asked.offset + asked.limit]
    models = {spec: {"routespec": spec, **route} for spec, route in shown}
    return paged(models, asked, len(whole))


@noun.get("/proxy/stream", access=THE_PROXY, streams=True)
async def stream() -> Response:
    """The whole table, or what changed after `Last-Event-ID`; then every change, as it is committed."""
    return event_stream(_follow(hub(), argument("proxy"), request.headers.get("Last-Event-ID", "")))


@noun.post("/proxy/applied", access=THE_PROXY)
async def applied() -> Response:
    """How far a proxy has come: a start waits for it."""
    told = await body(AppliedBody)
    hub().proxies.applied(told.proxy, told.position)
    return empty(200)


@noun.post("/proxy/activity", access=THE_PROXY)
async def activity() -> Response:
    """When servers were last talked to, through the proxy."""
    told = await body(ActivityBody)
    gathered, db = hub().activity, database()
    for spec, text in told.routes.items():
        route = routes.by_spec(db, spec)
        if route is not None:
            at = parse_timestamp(text)
            gathered.saw_server(route.server, at)
            gathered.saw_user(route.user, at)
    return empty(200)


def hub_route(hub: Hub) -> tuple[str, dict[str, Any]]:
    return hub.base_url, {"target": hub.address, "data": {"hub": True, "jupyterhub": True}}


def as_json(route: Route) -> dict[str, Any]:
    return {
        "target": route.target,
        "data": {"user": route.user_name, "server_name": route.server_name, "jupyterhub": True},
    }


async def all_routes(hub: Hub) -> list[tuple[str, dict[str, Any]]]:
    db, after = hub.store.db, ""
    found = [hub_route(hub)]
    while chunk := routes.live(db, after):
        found += [(route.spec, as_json(route)) for route in chunk]
        after = chunk[-1].server
        await trio.lowlevel.checkpoint()
    return found


async def _follow(the_hub: Hub, proxy: str, last_seen: str) -> AsyncIterator[bytes]:
    db = the_hub.store.db
    the_hub.proxies.connect(proxy)
    try:
        position = int(last_seen) if last_seen.isascii() and last_seen.isdigit() else -1
        head = the_hub.store.head
        if not head - TOO_FAR_BEHIND <= position <= head:
            table = dict(await all_routes(the_hub))
            yield _event(head, "routes", {"routes": table})
            position = head
        else:
            spec, route = hub_route(the_hub)
            yield _event(position, "change", {"set": {spec: route}, "remove": []})
        while True:
            head = the_hub.store.head
            while changes := routes.changed(db, position):
                position = changes[-1].position
                yield _event(position, "change", _changes(changes))
            position = max(position, head)
            with trio.move_on_after(KEEP_ALIVE_INTERVAL) as quiet:
                await the_hub.store.wait_any()
            if quiet.cancelled_caught:
                yield KEEP_ALIVE
    finally:
        the_hub.proxies.disconnect(proxy)


def _changes(changes: list[Route]) -> dict[str, Any]:
    latest = {route.spec: route for route in changes}  # in the order of the log: a later one counts
    return {
        "set": {spec: as_json(route) for spec, route in latest.items() if route.target is not None},
        "remove": [spec for spec, route in latest.items() if route.target is None],
    }


def _event(position: int, kind: str, data: Any) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (position, kind.encode(), encode(data))
