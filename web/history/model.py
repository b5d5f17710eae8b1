"""The JSON of events: part of the API, whatever the log's own shapes become."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class EventBy(Struct, frozen=True):
    """Who did it. `name`: null where the caller may not know, and for the hub."""

    kind: Literal["user", "service", "hub"]
    name: str | None


class Event(Struct, frozen=True):
    """Something that happened. Names are those of that time; `data` depends on `type`.

    `stream`: of the log, the same for all that ever happens to one thing, whatever it is called. `request`: the id
    of the HTTP request, its answer's X-Request-Id. `server`: a name, `""` for the default server; null: none.
    """

    position: int
    at: str
    type: str
    stream: str
    by: EventBy
    request: str | None
    user: str | None
    server: str | None
    group: str | None
    service: str | None
    role: str | None
    data: dict[str, Any]


class EventPage(Struct, frozen=True):
    """`after`: what to ask for events behind these; `next`: the URL that does, null where there are no more yet.

    A page may be short, even empty, with more to come: what the caller may not see is left out. `head`: the
    position of the last event there is.
    """

    items: list[Event]
    after: int
    head: int
    next: str | None


class Notice(Struct, frozen=True):
    """What a stream of events says of itself, or ends with: `after` is where to go on."""

    after: int
    message: str
