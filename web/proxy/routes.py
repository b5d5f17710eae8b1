"""The table of routes, and which of them a request belongs to. Pure: no sockets, no clock."""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from msgspec import Struct
from msgspec.structs import replace

from web.proxy.target import Target


class Route(Struct, frozen=True):
    """`spec` is the hub's name for it: `/user/alice/`, or `alice.hub.example/user/alice/` with hosts.

    `generation` is given by the table. What is told anew is another route, also where it leads to the same
    place: another's server may have the port by then. The hub's own is the same as long as it leads there.
    """

    spec: str
    target: Target
    is_hub: bool = False
    generation: int = 0


class Routes:
    """Finds the longest prefix, on segment borders, of the decoded path.

    With routes that begin with a host, the request's host counts as the first segment; paths without
    such a route are looked up without the host.
    """

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes: dict[bytes, Route] = {}
        self._deepest = 0
        self._has_hosts = False
        self._last_generation = 0
        self.replace(routes)

    def __len__(self) -> int:
        return len(self._routes)

    def replace(self, routes: Iterable[Route]) -> list[Route]:
        """The routes that are no more."""
        former = self._routes
        self._routes, self._deepest, self._has_hosts = {}, 0, False
        for route in routes:
            self._add(key := key_of(route.spec), route, former.get(key))
        return [route for route in former.values() if not self.is_current(route)]

    def change(self, routes: Iterable[Route], removed: Iterable[str] = ()) -> list[Route]:
        """The routes that are no more, those included that others have taken the place of."""
        former = [self._routes.pop(key_of(spec), None) for spec in removed]
        for route in routes:
            former.append(before := self._routes.get(key := key_of(route.spec)))
            self._add(key, route, before)
        return [route for route in former if route is not None and not self.is_current(route)]

    def is_current(self, route: Route) -> bool:
        """Whether a route that was found before is one still."""
        held = self._routes.get(key_of(route.spec))
        return held is not None and held.generation == route.generation

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

    def _add(self, key: bytes, route: Route, former: Route | None) -> None:
        """`former`: the one that it takes the place of."""
        if former is not None and _is_same_hub(former, route):
            self._routes[key] = former
        else:
            self._last_generation += 1
            self._routes[key] = replace(route, generation=self._last_generation)
        self._deepest = max(self._deepest, key.count(b"/") + 1)
        self._has_hosts = self._has_hosts or not (key == b"" or key.startswith(b"/"))


def _is_same_hub(former: Route, route: Route) -> bool:
    """A hub says where it is each time that it is followed anew, also while requests are on their way to it."""
    return former.is_hub and route.is_hub and former.target == route.target


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
