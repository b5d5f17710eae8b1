"""Routes from a hub that sends them: nothing is asked of it."""

from __future__ import annotations

from datetime import UTC, datetime

import trio

from web.http1.connection import Connection
from web.http1.stream import Stream
from web.proxy.driven.api import RoutesAPI
from web.proxy.driven.connection import ApiConnection
from web.proxy.driven.table import DrivenTable
from web.proxy.parts import Parts
from web.proxy.relay.rewrite import Visitor
from web.proxy.routes import Route
from web.proxy.settings import ApiSettings


class DrivingHub:
    """`default_target` is there from the beginning. Raises ValueError where it cannot be one."""

    def __init__(self, settings: ApiSettings, token: str, parts: Parts) -> None:
        self._parts = parts
        parts.has_routes = True  # what there is, there is: nobody is asked for more
        table = DrivenTable(
            parts.routes, parts.activity.last, self._forget, host_routing=settings.host_routing
        )
        if settings.default_target:
            table.set("/", {"target": settings.default_target}, datetime.now(UTC))
        self._api = RoutesAPI(table, token)

    def connect(self, parts: Parts, stream: Stream, _: Visitor) -> Connection:
        """A connection of whoever drives us."""
        return ApiConnection(parts, stream, self._api)

    def _forget(self, ended: list[Route], spec: str) -> None:
        for route in ended:
            self._parts.upstreams.end(route.generation)
        self._parts.activity.forget(spec)

    async def run(self) -> None:
        await trio.sleep_forever()

    async def end(self) -> None:
        """It notices."""
