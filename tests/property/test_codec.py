"""Whatever can happen can be written down and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import Event, codec
from core.events.codec import UnknownEventError
from tests.property.events import KINDS, events, struct


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__struct_config__.tag)
@given(data=st.data())
def test_what_is_read_is_what_was_written(kind: type, data: st.DataObject) -> None:
    event = data.draw(struct(kind))
    payload = codec.encode(event)
    assert codec.decode(payload) == event
    assert codec.decode(payload.decode()) == event
    assert f'"type":"{codec.tag_of(event)}"'.encode() in payload


@given(events())
def test_writing_what_was_read_gives_the_same_bytes(event: Event) -> None:
    """So a payload stays what its digest says, however often it is copied."""
    payload = codec.encode(event)
    assert codec.encode(codec.decode(payload)) == payload


@given(st.binary(max_size=200))
def test_bytes_that_are_no_event_are_one_line(payload: bytes) -> None:
    with pytest.raises(UnknownEventError) as caught:
        codec.decode(payload)
    assert "\n" not in str(caught.value)


@given(events(), st.integers(0), st.integers(0, 7))
def test_an_event_with_a_flipped_bit_is_read_or_refused_and_nothing_else(
    event: Event, where: int, bit: int
) -> None:
    payload = bytearray(codec.encode(event))
    payload[where % len(payload)] ^= 1 << bit
    try:
        read = codec.decode(bytes(payload))
    except UnknownEventError:
        return
    assert isinstance(read, KINDS)
