"""Events out of a stream's bytes, or its lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.http1.server_sent_events import EventReader, LineReader, ServerSentEvent


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"id: 7\nevent: routes\ndata: {}\n\n", [ServerSentEvent("7", "{}", "routes")]),
        (b"id:7\r\nevent:change\r\ndata:{}\r\n\r\n", [ServerSentEvent("7", "{}", "change")]),
        (b"data: a\ndata: b\n\n", [ServerSentEvent("", "a\nb", "message")]),
        (b": keep-alive\n\n\n\n", []),
        (b"event: routes\n\ndata: x\n\n", [ServerSentEvent("", "x", "message")]),
        (b"retry: 5\nunknown\ndata: x\n\n", [ServerSentEvent("", "x", "message")]),
        (b"data: unfinished\n", []),
        (
            b"id: 1\ndata: a\n\ndata: b\n\n",
            [ServerSentEvent("1", "a", "message"), ServerSentEvent("1", "b", "message")],
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
    assert events == [ServerSentEvent(str(number), text, "change") for number, text in enumerate(texts)]


def test_what_is_not_text_is_refused() -> None:
    with pytest.raises(ValueError):
        EventReader().feed(b"data: \xff\n\n")


def test_lines_go_on_after_the_last_event_seen() -> None:
    reader = LineReader("3")
    lines = [": a comment", "", "", "data: {", "data: }", "", "id: 7", "event: x", "data:one", ""]
    assert [event for line in lines if (event := reader.line(line))] == [
        ServerSentEvent("3", "{\n}"),
        ServerSentEvent("7", "one", "x"),
    ]
