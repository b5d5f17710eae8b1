"""Strategies for events: any at all, or such as could meet in one log because they share a few ids."""

from __future__ import annotations

from datetime import UTC, datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from core.events import Event

KINDS: tuple[type, ...] = get_args(Event)

moments = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
texts = st.text(st.characters(codec="utf-8"), max_size=20)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def events(text: st.SearchStrategy[str] = texts) -> st.SearchStrategy[Event]:
    """`text`: where the texts in them come from."""
    return st.one_of([struct(kind, text) for kind in KINDS])


def struct(kind: Any, text: st.SearchStrategy[str] = texts) -> st.SearchStrategy[Any]:
    return st.builds(
        kind, **{field.name: _values(field.type, text) for field in msgspec.structs.fields(kind)}
    )


def _values(wanted: Any, text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    parts = get_args(wanted)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return struct(wanted, text)
    if get_origin(wanted) in (Union, UnionType):
        return st.one_of([_values(part, text) for part in parts])
    if get_origin(wanted) is Literal:
        return st.sampled_from(parts)
    if get_origin(wanted) is dict:
        return st.dictionaries(text, _values(parts[1], text), max_size=3)
    if get_origin(wanted) is list:
        return st.lists(_values(parts[0], text), max_size=3)
    if get_origin(wanted) is tuple:
        return st.lists(_values(parts[0], text), max_size=3).map(tuple)
    return {
        Any: json,
        str: text,
        bool: st.booleans(),
        int: st.integers(-(2**31), 2**31),
        float: st.floats(allow_nan=False, allow_infinity=False),
        datetime: moments,
        type(None): st.none(),
    }[wanted]
