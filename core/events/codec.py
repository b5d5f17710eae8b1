"""Events to bytes and back. Old shapes come back as what they are called today."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast, get_args

import msgspec

from core.errors import InvalidError
from core.events import Event
from core.events.nesting import DEEPEST_EVENT, is_nested_too_deeply
from core.events.retired import SHAPES, Retired

_TOO_DEEP = "What is to be kept is nested too deeply."


class UnknownEventError(Exception):
    """The log holds an event this program does not know: it was written by a newer one."""


class Tagged(msgspec.Struct):
    """What every stored event begins with."""

    type: str


class Codec:
    """`events`: the union of the shapes in use. `retired`: those that are only read."""

    def __init__(self, events: Any, retired: tuple[type[Retired], ...]) -> None:
        self._retired = retired
        self._encode: Callable[[Event], bytes] = msgspec.json.Encoder().encode
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
            functools.reduce(operator.or_, retired, events)
        )
        self._any_event = msgspec.json.Decoder(Tagged)
        self._tags: dict[type, str] = {kind: _tag(kind) for kind in get_args(events)}
        self.fields: Mapping[str, frozenset[str]] = {
            _tag(kind): frozenset(_fields(kind)) for kind in (*get_args(events), *retired)
        }

    def encode(self, event: Event) -> bytes:
        """Raises InvalidError for what would be read in some places only."""
        try:
            payload = self._encode(event)
        except RecursionError:
            raise InvalidError(_TOO_DEEP) from None
        if is_nested_too_deeply(payload, DEEPEST_EVENT):
            raise InvalidError(_TOO_DEEP)
        return payload

    def tag_of(self, event: Event) -> str:
        return self._tags[type(event)]

    def tag_of_type(self, kind: type) -> str:
        return self._tags[kind]

    def decode(self, payload: bytes | str) -> Event:
        """Raises UnknownEventError for a tag or a shape this program has never written."""
        try:
            event = self._decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnknownEventError(self._why(payload, error)) from None
        while isinstance(event, self._retired):
            event = event.upcast()
        return cast(Event, event)

    def _why(self, payload: bytes | str, error: Exception) -> str:
        try:
            tag = self._any_event.decode(payload).type
        except (msgspec.DecodeError, UnicodeDecodeError):
            return f"The log holds something that is not an event ({error})."
        if tag in self.fields:
            return f"The log holds a {tag!r} event of a shape that this version does not know ({error})."
        return f"The log holds a {tag!r} event, which this version does not know: a newer one wrote it."


def _fields(kind: type) -> Iterator[str]:
    """The names of its fields, and of those of structs within it: `definition`, `definition.url`."""
    for field in msgspec.structs.fields(kind):
        yield field.name
        for part in (field.type, *get_args(field.type)):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                yield from (f"{field.name}.{name}" for name in _fields(part))


def _tag(kind: Any) -> str:
    return cast(str, kind.__struct_config__.tag)


_codec = Codec(Event, SHAPES)

FIELDS = _codec.fields  # of every shape that can be read, by its tag
tag_of = _codec.tag_of
tag_of_type = _codec.tag_of_type
encode = _codec.encode
decode = _codec.decode
