"""Events out of a stream's bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.proxy.sse import EventReader, ServerSentEvent


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"id: 7\nevent: routes\ndata: {}\n\n", [ServerSentEvent("7", "routes", "{}")]),
        (b"id:7\r\nevent:change\r\ndata:{}\r\n\r\n", [ServerSentEvent("7", "change", "{}")]),
        (b"data: a\ndata: b\n\n", [ServerSentEvent("", "message", "a\nb")]),
        (b": keep-alive\n\n\n\n", []),
        (b"event: routes\n\ndata: x\n\n", [ServerSentEvent("", "message", "x")]),
        (b"retry: 5\nunknown\ndata: x\n\n", [ServerSentEvent("", "message", "x")]),
        (b"data: unfinished\n", []),
        (
            b"id: 1\ndata: a\n\ndata: b\n\n",
            [ServerSentEvent("1", "message", "a"), ServerSentEvent("1", "message", "b")],
        ),
    ],
)
def test_events(stream: bytes, events: list[ServerSentEvent]) -> None:
    assert EventReader().feed(stream) == events


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), max_size=5),
    st.integers(1, 7),
)
def test_cuts_do_not_matter(texts: list[str], size: int) -> None:
    stream = "".join(
        f"id: {number}\nevent: change\ndata: {text}\n\n" for number, text in enumerate(texts)
    ).encode()
    reader = EventReader()
    events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    assert events == [ServerSentEvent(str(number), "change", text) for number, text in enumerate(texts)]


def test_what_is_not_text_is_refused() -> None:
    with pytest.raises(ValueError):
        EventReader().feed(b"data: \xff\n\n")
