"""The progress of a start or a stop, as a stream of events that any client may join, leave and resume."""

from __future__ import annotations

import html
import math
from collections.abc import AsyncIterator
from typing import Any

import trio
from msgspec import UNSET, Struct, UnsetType
from quart import Response

from core.errors import HubError, InvalidError, NotFoundError
from core.events.log.tables import Tables
from core.events.server import server_stream
from core.queue.spawn_limits import SpawnLimits, Wait, in_words
from projections.servers import progress, servers
from projections.servers.progress import SPAWN, STOP, Message
from projections.servers.servers import ServerRow
from web.hub.hub import Hub
from web.request.access import needs
from web.request.answers import encode
from web.request.context import asked, database, hub
from web.request.declared import Events
from web.request.event_stream import KEEP_ALIVE, KEEP_ALIVE_INTERVAL, event_stream
from web.request.known import known_server, known_user
from web.request.routing import RouteGroup
from web.request.sent.numerals import whole_number

endpoints = RouteGroup("progress")

LOOK_INTERVAL = 1.0  # seconds between looks at the place in the queue


class QueueEvent(Struct, frozen=True):
    """`place`: 1 for the next one, of so many that wait for their turn to start. `estimate`: seconds, if known."""

    place: int
    length: int
    estimate: int | None


class ProgressEvent(Struct, frozen=True):
    """`progress`: 0 to 100. `ready` with `url`, `failed` or `stopped` are in the last event only.

    `queue`: while the server waits for its turn to start.
    """

    message: str
    progress: float | UnsetType = UNSET
    html_message: str | UnsetType = UNSET
    ready: bool | UnsetType = UNSET
    failed: bool | UnsetType = UNSET
    stopped: bool | UnsetType = UNSET
    url: str | UnsetType = UNSET
    queue: QueueEvent | UnsetType = UNSET


@endpoints.get(
    "/users/<user>/servers/<maybe:server>/progress",
    "/users/<user>/server/progress",
    access=needs("read:servers"),
    answers={200: Events(ProgressEvent)},
    refusals=(400,),
)
async def follow(user: str, server: str = "") -> Response:
    """The progress of a start or a stop, until its end.

    The last event says how it ended: `ready` with the `url`, `failed`, or that the server has stopped.
    """
    found = known_server(known_user(user), server)
    match found.state:
        case "ready" | "check":
            return event_stream(_one(await _missed(user, found) or await _ready_line(user, found)))
        case "spawn":
            return event_stream(_follow(hub(), user, found, SPAWN, _resume_after()))
        case "stop":
            return event_stream(_follow(hub(), user, found, STOP, _resume_after()))
    failure = found.failed()
    if failure is None:
        raise _nothing_to_follow(found)
    said = _as_line(encode(progress.failure(failure.reason, failure.html_message)))
    return event_stream(_one(await _missed(user, found) or said))


async def _missed(user: str, server: ServerRow) -> bytes:
    """What a reader who comes back has not seen of a start that is over; empty for who begins, or has seen it all."""
    after = _resume_after()
    messages = progress.messages(database(), server.id, SPAWN, after) if after else []
    return b"".join([await _line(hub(), message, user, server) for message in messages])


async def _ready_line(user: str, server: ServerRow) -> bytes:
    return _as_line(await ready_event(hub(), user, server))


def _nothing_to_follow(server: ServerRow) -> HubError:
    """Source of the statuses: JupyterHub, which forgets a server that has stopped, and knows one that was just made."""
    if server.name and not server.spawn_id:
        return InvalidError("This server has never been started.")
    return NotFoundError("This server is neither starting nor running.")


async def ready_event(the_hub: Hub, user: str, server: ServerRow) -> bytes:
    """What ends the stream of a start that went well, as `progress_ready_hook` leaves it."""
    url = the_hub.hosts.url(server.prefix)
    shown = html.escape(url)
    event = {
        "progress": 100,
        "ready": True,
        "message": f"Server ready at {url}",
        "html_message": f'Server ready at <a href="{shown}">{shown}</a>',
        "url": url,
    }
    return encode(await the_hub.launch.ready_event(user, server, event))


def _resume_after() -> int:
    """The position of the last event the client has seen, 0 if it begins."""
    return whole_number(asked().headers.get("Last-Event-ID", "")) or 0


async def _one(lines: bytes) -> AsyncIterator[bytes]:
    yield lines


def _as_line(data: bytes) -> bytes:
    return b"data: %b\n\n" % data


async def _follow(the_hub: Hub, user: str, server: ServerRow, phase: str, after: int) -> AsyncIterator[bytes]:
    """What there is of the phase, then what comes, until its last event."""
    store, db = the_hub.store, the_hub.store.db
    stream = server_stream(server.id)
    yield KEEP_ALIVE
    queue = QueueNews(the_hub.limits, server.id)
    while True:
        messages = progress.messages(db, server.id, phase, after)
        if messages:
            yield b"".join([await _line(the_hub, message, user, server) for message in messages])
            after = messages[-1].position
            if messages[-1].is_last:
                return
            continue
        if _is_over(db, server, phase):
            return
        if news := queue.news():
            yield news
        with trio.move_on_after(queue.interval) as quiet:
            await store.wait_stream(stream)
        if quiet.cancelled_caught and queue.is_quiet():
            yield KEEP_ALIVE


async def _line(the_hub: Hub, message: Message, user: str, server: ServerRow) -> bytes:
    data = message.data.encode() if message.data else await ready_event(the_hub, user, server)
    return b"id: %d\ndata: %b\n\n" % (message.position, data)


def _is_over(db: Tables, server: ServerRow, phase: str) -> bool:
    """The server has moved on to another start, or is gone: nothing more will come of this phase."""
    now = servers.by_id(db, server.id)
    return now is None or now.spawn_id != server.spawn_id or now.state != phase


class QueueNews:
    """What a reader is told while the server waits for its turn: its place, whenever that has changed.

    It is looked up, not recorded, so these lines have no id; a reader who comes back is told the place of then.
    """

    def __init__(self, limits: SpawnLimits, server_id: str) -> None:
        self._limits = limits
        self._server_id = server_id
        self._told: int | None = None
        self._quiet_since = trio.current_time()

    @property
    def interval(self) -> float:
        """Seconds until something is to be said again, if only that the connection lives."""
        return KEEP_ALIVE_INTERVAL if self._limits.wait_of(self._server_id) is None else LOOK_INTERVAL

    def news(self) -> bytes:
        """A line to send; empty where there is nothing new."""
        wait = self._limits.wait_of(self._server_id)
        if wait is None or wait.place == self._told:
            return b""
        self._told = wait.place
        self._quiet_since = trio.current_time()
        return b"data: %b\n\n" % encode(_waiting(wait))

    def is_quiet(self) -> bool:
        """Whether a sign of life is due; called when nothing else has been sent."""
        if trio.current_time() - self._quiet_since < KEEP_ALIVE_INTERVAL and self._told is not None:
            return False
        self._quiet_since = trio.current_time()
        return True


def _waiting(wait: Wait) -> dict[str, Any]:
    estimate = None if wait.seconds is None else math.ceil(wait.seconds)
    when = "" if estimate is None else f", in about {in_words(estimate)}"
    return {
        "progress": 0,
        "message": f"Waiting for a turn to start: number {wait.place} of {wait.waiting}{when}",
        "queue": {"place": wait.place, "length": wait.waiting, "estimate": estimate},
    }
