"""Server-sent events out of the lines they come in."""

from __future__ import annotations

from web.client.steps import Event


class EventReader:
    """Comments, keep-alives and fields of no use here are left out."""

    def __init__(self, last_id: str = "") -> None:
        self._id = last_id
        self._data: list[str] = []

    def line(self, line: str) -> Event | None:
        """The event that this line completes, if it does. `line`: without its end."""
        if not line:
            if not self._data:
                return None
            event = Event(self._id, "\n".join(self._data))
            self._data = []
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        return None
