"""What a hub is built of, as flat data: to compare hubs that should be the same."""

from __future__ import annotations

import enum
import logging
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

import trio
from msgspec import Struct

OURS = ("core", "web", "spawners", "projections", "jinja2.loaders", "tests")
PLAIN = (str, bytes, int, float, bool, type(None), enum.Enum)


def parts(root: Any) -> dict[str, str]:
    """Where each value is, and what it is. One that was met before is named by where: so it shows who shares it."""
    return dict(_Walk().of("", root))


class _Walk:
    def __init__(self) -> None:
        self._met: dict[int, tuple[str, Any]] = {}  # with the object, so that no other gets its id

    def of(self, path: str, value: Any) -> Iterator[tuple[str, str]]:
        if isinstance(value, PLAIN):
            yield path, repr(value)
            return
        if id(value) in self._met:
            yield path, f"the same as {self._met[id(value)][0]}"
            return
        if _is_ours(value) and not isinstance(value, Struct):  # values are the same wherever they are
            self._met[id(value)] = path, value
        yield path, type(value).__name__
        for name, inner in _inside(value):
            yield from self.of(f"{path}.{name}", inner)


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case Mapping():
            yield from (
                sorted((_name(key), item) for key, item in value.items()) if _is_sortable(value) else ()
            )
        case set() | frozenset():
            yield "items", repr(sorted(map(repr, value)))
        case list() | tuple() | deque():
            yield from ((str(index), item) for index, item in enumerate(value))
        case FunctionType():
            yield "code", value.__code__.co_code
            yield "defaults", value.__defaults__
            names = value.__code__.co_freevars
            yield from (
                (name, cell.cell_contents) for name, cell in zip(names, value.__closure__ or (), strict=True)
            )
        case MethodType():
            yield "function", value.__func__.__qualname__
            yield "self", value.__self__
        case partial():
            yield from (("function", value.func), ("args", value.args), ("keywords", value.keywords))
        case BuiltinMethodType():
            yield "name", value.__qualname__
        case trio.CapacityLimiter():
            yield "tokens", value.total_tokens
        case logging.Handler():
            yield "file", getattr(value, "baseFilename", "")
            yield "formatter", type(value.formatter).__name__
            yield "format", getattr(value.formatter, "_fmt", "")
            yield "datefmt", getattr(value.formatter, "datefmt", "")
        case _ if _is_ours(value):
            yield from sorted(_attributes(value))


def _is_ours(value: Any) -> bool:
    return type(value).__module__.startswith(OURS)


def _is_sortable(value: Mapping[Any, Any]) -> bool:
    return all(isinstance(key, str | int | tuple | type) for key in value)


def _name(key: Any) -> str:
    return key if isinstance(key, str) else repr(key)


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Struct):
        names = set(value.__struct_fields__)
    else:
        slots = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
        names = set(getattr(value, "__dict__", {})) | {
            name for some in slots for name in ([some] if isinstance(some, str) else some)
        }
    for name in names - {"__dict__", "__weakref__"}:
        if hasattr(value, name):
            yield name, getattr(value, name)
