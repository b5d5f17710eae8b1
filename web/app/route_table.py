"""From URLs to handlers.

Paths are matched as they were sent, still percent-encoded, and each segment is decoded by itself: so
`/servers//progress` is the default server's, and a name may hold an encoded slash without being two segments.

The routes form a tree of segments. What stands there in words comes before what may be anything, and a route with
another method goes on being looked for beside; so it is with werkzeug's map, which a test compares this with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, ItemsView, Mapping, Sequence
from urllib.parse import unquote

from msgspec import Struct

from core.share_code import CODE_PATTERN
from web.app.guard import guarded_handler
from web.request.routing import ANY, Found, Handler, NoRouteError, Route, RouteGroup

MAX_SEGMENT = 4096  # characters as sent: the longest name, each of its characters four bytes, has 3060

_PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")
_CODE = re.compile(CODE_PATTERN)


class _Leaf(Struct, frozen=True):
    route: Route
    handler: Handler
    names: tuple[str, ...]


class _Node:
    """`places`: what a segment may be, most particular first; `rests`: what all that is left of the path may be."""

    __slots__ = ("leaves", "places", "rests", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.places: list[tuple[str, _Node]] = []
        self.rests: list[tuple[str, _Node]] = []
        self.leaves: dict[str, _Leaf] = {}

    def child(self, segment: str) -> tuple[_Node, str]:
        """Where this segment of a declared path leads, and the name of what stands there, if any."""
        place = _PLACE.fullmatch(segment)
        if place is None:
            return self.words.setdefault(segment, _Node()), ""
        kind, name = place[1] or "segment", place[2]
        among = self.rests if kind in _REST else self.places
        for known, node in among:
            if known == kind:
                return node, name
        node = _Node()
        among.append((kind, node))
        among.sort(key=lambda one: _ORDER.index(one[0]))
        return node, name

    def leaf(self, method: str, allowed: set[str]) -> _Leaf | None:
        """What answers here. `allowed`: is told of the methods there are instead."""
        found = self.leaves.get(method) or self.leaves.get(ANY)
        if found is None:
            allowed.update(self.leaves)
        return found


# --- what may stand in a place: its value, None where this is none ---


def _segment(text: str) -> str | None:
    """One segment, decoded. Bytes that are not UTF-8, or too many, name nothing."""
    return _maybe(text) if text else None


def _maybe(text: str) -> str | None:
    """A segment that may be empty: the name of the default server is."""
    if len(text) > MAX_SEGMENT:
        return None
    if "%" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None


def _code(text: str) -> str | None:
    """A segment that looks like a share code; tried before any other."""
    return text if _CODE.fullmatch(text) else None


def _rest(text: str) -> str | None:
    """All the rest of a path, decoded, slashes and all."""
    return unquote(text)


def _path(text: str) -> str | None:
    """The rest of a path as it was sent, unless there is none or it begins with a slash."""
    return text if text and not text.startswith("/") else None


_PLACES: Mapping[str, Callable[[str], str | None]] = {"code": _code, "segment": _segment, "maybe": _maybe}
_REST: Mapping[str, Callable[[str], str | None]] = {"rest": _rest, "path": _path}
_ORDER = (*_PLACES, *_REST)


class RouteTable:
    """What is served where. Applications may share one: it knows of no hub."""

    def __init__(self) -> None:
        self._root = _Node()
        self._declared: dict[str, Route] = {}

    def add(self, groups: Sequence[RouteGroup], prefix: str) -> None:
        """The routes of these groups below `prefix` (without a slash at its end)."""
        for route in (route for group in groups for route in group.routes):
            self._add(f"{prefix}{route.path}", route)
            self._declared[f"{prefix}:{route.method}:{route.path}"] = route

    def _add(self, path: str, route: Route) -> None:
        node, names = self._root, []
        for segment in path.split("/"):
            node, name = node.child(segment)
            names += [name] if name else []
        assert route.method not in node.leaves, f"two routes for {route.method} {path}"
        node.leaves[route.method] = _Leaf(route, guarded_handler(route), tuple(names))

    def items(self) -> ItemsView[str, Route]:
        """Every route, with its prefix, method and path as one word."""
        return self._declared.items()

    def match(self, path: str, method: str) -> Found:
        """Raises NoRouteError. Slashes at the beginning are as good as one."""
        values: list[str] = []
        allowed: set[str] = set()
        segments = ["", *path.lstrip("/").split("/")]
        leaf = _find(self._root, segments, 0, method, values, allowed)
        if leaf is None:
            raise NoRouteError(frozenset(allowed))
        return Found(leaf.route, leaf.handler, dict(zip(leaf.names, values, strict=True)))

    def methods(self, path: str) -> frozenset[str]:
        """Those that this path has; none where it takes all."""
        try:
            self.match(path, "")
        except NoRouteError as none:
            return none.allowed
        return frozenset()  # of all


def _find(
    node: _Node, segments: list[str], at: int, method: str, values: list[str], allowed: set[str]
) -> _Leaf | None:
    """The leaf that these segments lead to. `values`: what stood in the places on the way, when it is found."""
    if at == len(segments):
        return node.leaf(method, allowed)
    segment = segments[at]
    if (child := node.words.get(segment)) is not None:
        leaf = _find(child, segments, at + 1, method, values, allowed)
        if leaf is not None:
            return leaf
    for kind, child in node.places:
        if (value := _PLACES[kind](segment)) is not None:
            values.append(value)
            leaf = _find(child, segments, at + 1, method, values, allowed)
            if leaf is not None:
                return leaf
            values.pop()
    return _find_rest(node, segments, at, method, values, allowed) if node.rests else None


def _find_rest(
    node: _Node, segments: list[str], at: int, method: str, values: list[str], allowed: set[str]
) -> _Leaf | None:
    rest = "/".join(segments[at:])
    for kind, child in node.rests:
        if (value := _REST[kind](rest)) is not None:
            leaf = child.leaf(method, allowed)
            if leaf is not None:
                values.append(value)
                return leaf
    return None
