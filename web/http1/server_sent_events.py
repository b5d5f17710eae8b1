"""Server-sent events out of the lines or the bytes of a stream. Pure."""

from __future__ import annotations

from typing import NamedTuple

_LARGEST = 256 * 1024 * 1024  # a table of some hundred thousand routes


class ServerSentEvent(NamedTuple):
    """`id`: the latest that was told, be it by an earlier event. `name`: `message` unless it says otherwise."""

    id: str
    data: str
    name: str = "message"


class LineReader:
    """Other fields than id, event and data are ignored; comments only say that the peer lives."""

    def __init__(self, last_id: str = "") -> None:
        self._id = last_id
        self._name = ""
        self._data: list[str] = []

    def line(self, line: str) -> ServerSentEvent | None:
        """The event that this line completes, if it does. `line`: without its end."""
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            self._id = value
        elif field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        return ServerSentEvent(self._id, "\n".join(data), name or "message") if data else None


class EventReader:
    """The same out of pieces of the stream, wherever they are cut."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0
        self._lines = LineReader()

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Raises ValueError on what is not UTF-8, or never ends."""
        self._rest += data
        end = self._rest.rfind(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._rest)
            if self._searched > _LARGEST:
                raise ValueError("a line of an event stream is too long")
            return []
        lines = bytes(self._rest[:end]).split(b"\n")
        del self._rest[: end + 1]
        self._searched = 0
        return [event for line in lines if (event := self._lines.line(line.removesuffix(b"\r").decode()))]
