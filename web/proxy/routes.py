"""The table of routes, and which of them a request belongs to. Pure: no sockets, no clock."""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from web.proxy.target import Target


class Route(Struct, frozen=True):
    """`spec` is the hub's name for it: `/user/alice/`, or `alice.hub.example/user/alice/` with hosts."""

    spec: str
    target: Target
    is_hub: bool = False


class Routes:
    """Finds the longest prefix, on segment borders, of the decoded path.

    With routes that begin with a host, the request's host counts as the first segment; paths without
    such a route are looked up without the host.
    """

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes: dict[bytes, Route] = {}
        self._deepest = 0
        self._has_hosts = False
        self.replace(routes)

    def __len__(self) -> int:
        return len(self._routes)

    def replace(self, routes: Iterable[Route]) -> None:
        self._routes, self._deepest, self._has_hosts = {}, 0, False
        self.change(routes)

    def change(self, routes: Iterable[Route], removed: Iterable[str] = ()) -> None:
        for spec in removed:
            self._routes.pop(key_of(spec), None)
        for route in routes:
            self._add(key_of(route.spec), route)

    def find(self, host: bytes, path: bytes) -> Route | None:
        """`host` as in the Host header; `path` as sent, without the query."""
        decoded = decode_path(path)
        if self._has_hosts and (name := host_name(host)):
            found = self._longest(name + decoded)
            if found is not None:
                return found
        return self._longest(decoded)

    def _longest(self, key: bytes) -> Route | None:
        # Cutting at the deepest route first bounds the work for a path of ten thousand slashes.
        segments = key.split(b"/", self._deepest)[: self._deepest]
        while segments:
            found = self._routes.get(b"/".join(segments))
            if found is not None:
                return found
            segments.pop()
        return None

    def _add(self, key: bytes, route: Route) -> None:
        self._routes[key] = route
        self._deepest = max(self._deepest, key.count(b"/") + 1)
        self._has_hosts = self._has_hosts or not (key == b"" or key.startswith(b"/"))


def lacks_final_slash(route: Route, path: bytes) -> bool:
    """Whether `path` is the route itself but for its last slash."""
    if path.endswith(b"/") or path.startswith(b"//"):
        return False
    key = key_of(route.spec)
    return decode_path(path) == key[key.find(b"/") :]


def key_of(spec: str) -> bytes:
    return decode_path(spec.encode()).removesuffix(b"/")


def decode_path(path: bytes) -> bytes:
    return unquote_to_bytes(path) if b"%" in path else path


def host_name(host: bytes) -> bytes:
    """Without the port, in lower case."""
    if host.startswith(b"["):
        return host.partition(b"]")[0].lower() + b"]"
    return host.partition(b":")[0].lower()
