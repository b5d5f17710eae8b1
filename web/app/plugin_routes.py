"""The paths of plug-ins: they come before the hub's own, for an authenticator may have a `/login` of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from quart import Response

from web.app.guard import on_the_hubs_host
from web.pages import plugin
from web.request.access import OPEN
from web.request.context import asked, hub, kept
from web.request.routing import ANY, Found, Route, Routes

ROUTE = Route("plugin.serve", ANY, "", OPEN, plugin.serve, {}, page=True)


class PluginRoutes:
    """`patterns`: of the paths, as things are now; tornado's regular expressions."""

    def __init__(self, own: Routes, patterns: Callable[[], Sequence[str]]) -> None:
        self._own = own
        self._patterns = patterns

    def match(self, path: str, method: str) -> Found:
        """Raises NoRouteError."""
        if any(_compiled(pattern).match(path) for pattern in self._patterns()):
            return Found(ROUTE, _guarded, {})
        return self._own.match(path, method)

    def methods(self, path: str) -> frozenset[str]:
        return self._own.methods(path)


async def _guarded() -> Response:
    """Who may is for the handler to say; who somebody is, and what they may, it is told."""
    if hub().hosts.is_below(asked().host):
        return on_the_hubs_host()
    kept().route = ROUTE
    return await plugin.serve()


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
