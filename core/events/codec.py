"""Events to bytes and back. Old shapes come back as what they are called today."""

from __future__ import annotations

import functools
import operator
from typing import Any, cast

import msgspec

from core.events import Event
from core.events.retired import SHAPES


class UnknownEventError(Exception):
    """The log holds an event this program does not know: it was written by a newer one."""


_encoder = msgspec.json.Encoder(order=None)
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(functools.reduce(operator.or_, SHAPES, Event))


def tag_of(event: Event) -> str:
    return cast(str, type(event).__struct_config__.tag)


def encode(event: Event) -> bytes:
    return _encoder.encode(event)


def decode(payload: bytes) -> Event:
    """Raises UnknownEventError for a tag or a shape this program has never written."""
    try:
        event = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise UnknownEventError(f"The log holds an event this version does not know ({error}).") from None
    while isinstance(event, SHAPES):
        event = event.upcast()
    return cast(Event, event)
