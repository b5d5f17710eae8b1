"""Routes as another hub has them kept: by decoded path, with data of its own. Sources: configurable-http-proxy 5.3.0.

Times come in with the call: nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from web.proxy.routes import Route, Routes
from web.proxy.target import parse_target

LAST = "last_activity"


class Kept(Struct, frozen=True):
    """`data`: as it was sent, without when it was used last. `set_at`: which counts for a use."""

    spec: str
    data: dict[str, Any]
    set_at: datetime


class DrivenTable:
    """`used`: when the route of a spec was used last. `forget`: told of specs that are no more."""

    def __init__(
        self,
        routes: Routes,
        used: Callable[[str], datetime | None],
        forget: Callable[[list[Route], str], None],
        *,
        host_routing: bool = False,
    ) -> None:
        self._routes = routes
        self._used = used
        self._forget = forget
        self._host_routing = host_routing
        self._kept: dict[str, Kept] = {}

    def set(self, path: str, data: dict[str, Any], now: datetime) -> None:
        """`path`: decoded, as it is in the URL of a request. Raises ValueError for a target that cannot be one."""
        path = clean(path)
        spec = self._spec(path)
        route = Route(spec, parse_target(data["target"]), data.get("hub") is True)
        kept = {name: value for name, value in data.items() if name != LAST}
        if self._host_routing and path != "/":
            kept["host"] = path.split("/")[1]
        self._forget(self._routes.change([route]), spec)
        self._kept[path] = Kept(spec, kept, now)

    def remove(self, path: str) -> bool:
        """Whether there was one."""
        kept = self._kept.pop(clean(path), None)
        if kept is None:
            return False
        self._forget(self._routes.change([], [kept.spec]), kept.spec)
        return True

    def one(self, path: str) -> dict[str, Any] | None:
        kept = self._kept.get(clean(path))
        return None if kept is None else self._shown(kept)

    def every(self, inactive_since: datetime | None = None) -> dict[str, dict[str, Any]]:
        """By path; only those that nobody has used since then."""
        return {
            path: self._shown(kept)
            for path, kept in self._kept.items()
            if inactive_since is None or self._last(kept) < inactive_since
        }

    def _shown(self, kept: Kept) -> dict[str, Any]:
        return {**kept.data, LAST: shown(self._last(kept))}

    def _last(self, kept: Kept) -> datetime:
        return max(kept.set_at, self._used(kept.spec) or kept.set_at)

    def _spec(self, path: str) -> str:
        """As routes are written: encoded, with a slash at the end; with hosts one in front of the path."""
        text = quote(path.strip("/"), safe="/@:~!$&'()*+,;=")
        if not text:
            return "/"
        return f"{text}/" if self._host_routing else f"/{text}/"


def clean(path: str) -> str:
    """With one slash in front, and none at the end."""
    return f"/{path.strip('/')}"


def shown(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
