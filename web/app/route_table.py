"""From URLs to handlers.

Paths are matched as they were sent, still percent-encoded, and each segment is decoded by itself: so
`/servers//progress` is the default server's, and a name may hold an encoded slash without being two segments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import unquote

from quart import Quart
from quart.routing import QuartMap, QuartRule
from werkzeug.routing import BaseConverter, Rule, ValidationError

from core.share_code import CODE_PATTERN
from web.app.guard import guarded_handler
from web.request.routing import ANY, ROUTES, Handler, Noun, Route

MAX_SEGMENT = 4096  # characters as sent: the longest name, each of its characters four bytes, has 3060


class Segment(BaseConverter):
    """One segment of a path, decoded. Bytes that are not UTF-8, or too many, name nothing."""

    regex = "[^/]+"
    part_isolating = True

    def to_python(self, value: str) -> str:
        if len(value) > MAX_SEGMENT:
            raise ValidationError
        try:
            return unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise ValidationError from None


class MaybeSegment(Segment):
    """A segment that may be empty: the name of the default server is."""

    regex = "[^/]*"


class CodeSegment(Segment):
    """A segment that looks like a share code; tried before any other."""

    regex = CODE_PATTERN
    weight = Segment.weight - 1


class Rest(BaseConverter):
    """All the rest of a path, decoded, slashes and all."""

    regex = ".*"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return unquote(value)


class RouteTable:
    """What is served where. Applications may share one: it knows of no hub."""

    def __init__(self) -> None:
        self._urls = QuartMap(
            converters={"default": Segment, "maybe": MaybeSegment, "code": CodeSegment, "rest": Rest},
            merge_slashes=False,
        )
        self._handlers: dict[str, Handler] = {}
        self._routes: dict[str, Route] = {}

    def add(self, nouns: Sequence[Noun], prefix: str) -> None:
        """The routes of these nouns below `prefix` (without a slash at its end)."""
        for route in (route for noun in nouns for route in noun.routes):
            endpoint = f"{prefix}:{route.method}:{route.path}"
            assert endpoint not in self._routes, f"two routes for {endpoint}"
            self._urls.add(_rule(f"{prefix}{route.path}", endpoint, route.method))
            self._handlers[endpoint] = guarded_handler(route)
            self._routes[endpoint] = route

    def install(self, app: Quart) -> None:
        app.url_map = self._urls
        app.view_functions = dict(self._handlers)
        app.extensions[ROUTES] = self._routes


class MatchedRule(QuartRule):
    """A rule that URLs are matched with and none are built from: preparing for that takes a millisecond a rule."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _never_built


def _never_built(*_: object) -> tuple[str, str]:
    raise NotImplementedError


def _rule(path: str, endpoint: str, method: str) -> Rule:
    methods = None if method == ANY else [method]
    rule = MatchedRule(path, endpoint=endpoint, methods=methods, strict_slashes=True)
    rule.provide_automatic_options = False
    if rule.methods is not None and method == "GET":
        rule.methods.discard("HEAD")
    return rule
