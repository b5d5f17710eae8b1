"""The table of routes leads where werkzeug's map of the same routes does, for any path and method."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Map, RequestRedirect, Rule, ValidationError

from core.share_code import CODE_PATTERN
from web.app.app import _routes
from web.app.route_table import MAX_SEGMENT
from web.request.routing import ANY, NoRouteError

BASES = ("/", "/base/")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")


class Segment(BaseConverter):
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
    regex = "[^/]*"


class CodeSegment(Segment):
    regex = CODE_PATTERN
    weight = Segment.weight - 1


class Rest(BaseConverter):
    regex = ".*"
    part_isolating = False

    def to_python(self, value: str) -> str:
        return unquote(value)


class Led(NamedTuple):
    """To a route and the names in the path, else to the methods that there are instead."""

    endpoint: str
    names: dict[str, str]
    allowed: frozenset[str]


@cache
def werkzeugs(base: str) -> Map:
    converters = {"default": Segment, "maybe": MaybeSegment, "code": CodeSegment, "rest": Rest}
    urls = Map(converters=converters, merge_slashes=False)
    for endpoint, route in _routes(base).items():
        prefix = endpoint.split(":", 1)[0]
        methods = None if route.method == ANY else [route.method]
        rule = Rule(f"{prefix}{route.path}", endpoint=endpoint, methods=methods, strict_slashes=True)
        if rule.methods is not None and route.method == "GET":
            rule.methods.discard("HEAD")  # as everything else it is declared, or is not there
        urls.add(rule)
    return urls


def led_by_werkzeug(base: str, path: str, method: str) -> Led:
    try:
        endpoint, names = werkzeugs(base).bind("hub.test").match("/" + path.lstrip("/"), method)
    except MethodNotAllowed as error:
        return Led("", {}, frozenset(error.valid_methods or ()))
    except (NotFound, RequestRedirect):  # the latter for `/base`: the pages answer that
        return Led("", {}, frozenset())
    return Led(endpoint, dict(names), frozenset())


def led(base: str, path: str, method: str) -> Led:
    try:
        found = _routes(base).match(path, method)
    except NoRouteError as error:
        return Led("", {}, error.allowed)
    endpoint = next(
        name for name, route in _routes(base).items() if is_at(name, path) and route is found.route
    )
    return Led(endpoint, found.names, frozenset())


def is_at(endpoint: str, path: str) -> bool:
    """The same routes are there twice, below two prefixes."""
    return ("/" + path.lstrip("/")).startswith(endpoint.split(":", 1)[0])


SEGMENTS = st.one_of(
    st.sampled_from(
        [
            "",
            ".",
            "..",
            "alice",
            "bob%2Flab",
            "%ff",
            "%C3%A9",
            "%",
            "%2",
            "a b",
            "user",
            "users",
            "hub",
            "api",
        ]
    ),
    st.sampled_from(
        ["server", "servers", "progress", "abcdef", "s" * 43, "x" * MAX_SEGMENT, "é" * 5, "?", ";a=b"]
    ),
    st.from_regex(CODE_PATTERN, fullmatch=True),
    st.text(st.characters(codec="latin-1", exclude_characters="/"), max_size=6),
)


@cache
def declared(base: str) -> list[str]:
    return sorted({f"{name.split(':', 1)[0]}{route.path}" for name, route in _routes(base).items()})


@st.composite
def paths(draw: st.DrawFn, base: str) -> str:
    """One that was declared, filled in, and then changed here and there."""
    path = draw(st.sampled_from(declared(base)))
    path = re.sub(r"<[^>]+>", lambda _: draw(SEGMENTS), path)
    parts = path.split("/")
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(parts)))
        match draw(st.sampled_from(["insert", "drop", "change", "cut"])):
            case "insert":
                parts.insert(at, draw(SEGMENTS))
            case "drop":
                parts = parts[:at] + parts[at + 1 :]
            case "change":
                parts[at : at + 1] = [draw(SEGMENTS)]
            case "cut":
                parts = parts[:at]
    return draw(st.sampled_from(["", "/", "//"])) + "/".join(parts)


@given(
    st.sampled_from(BASES).flatmap(lambda base: st.tuples(st.just(base), paths(base))),
    st.sampled_from(METHODS),
)
@example(("/", "/hub/api/users/alice/servers//progress"), "GET")
@example(("/", "/hub/api/users/a%2Fb/server"), "POST")
@example(("/base/", "/elsewhere"), "GET")
def test_it_leads_where_werkzeugs_map_does(asked: tuple[str, str], method: str) -> None:
    base, path = asked
    expected = led_by_werkzeug(base, path, method)
    if names_nothing(path) and expected.allowed:
        assert not led(base, path, method).endpoint  # werkzeug looks at a method before it looks at a name
        return
    assert led(base, path, method) == expected


def names_nothing(path: str) -> bool:
    """Whether a segment is too long or no text."""
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        return True
    return any(len(part) > MAX_SEGMENT for part in path.split("/"))


def test_every_route_is_found_at_its_own_path() -> None:
    """In both: none is hidden behind another."""
    for base in BASES:
        for endpoint, route in _routes(base).items():
            path = re.sub(
                r"<(?:(\w+):)?\w+>",
                lambda place: "a" if place[1] != "code" else "A" * 43,
                endpoint.split(":", 1)[0] + route.path,
            )
            method = "PROPFIND" if route.method == ANY else route.method
            assert led(base, path, method) == led_by_werkzeug(base, path, method), path
