"""What a server has written: its last lines, or all of it as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec import Struct
from quart import Response

from core.errors import UnreachableError
from core.plugins.spawner import Spawner
from web.request.access import needs
from web.request.answers import encode, reply
from web.request.context import asked, hub
from web.request.declared import Events
from web.request.event_stream import event_stream
from web.request.known import known_server, known_user
from web.request.routing import RouteGroup
from web.request.sent.numerals import whole_number
from web.request.sent.paging import argument
from web.starts.output import last_lines

endpoints = RouteGroup("logs")


class Logs(Struct, frozen=True):
    """`exit_code`: of the last attempt, null while it runs or if it cannot be known."""

    logs: list[str]
    exit_code: int | None
    running: bool


class LogEvent(Struct, frozen=True):
    text: str


class LogsQuery(Struct, frozen=True):
    """`after`: the offset to go on behind, as the header Last-Event-ID, for those who cannot set it."""

    after: str = "0"


@endpoints.get(
    "/users/<user>/servers/<maybe:server>/logs",
    "/users/<user>/server/logs",
    access=needs("servers"),
    query=LogsQuery,
    answers={200: (Logs, Events(LogEvent))},
)
async def read(user: str, server: str = "") -> Response:
    """What a server has written: its last lines (at most 100).

    With `Accept: text/event-stream` whatever it writes until it ends. Each event of the stream has the offset behind
    it as its id, and may be resumed from there.
    """
    found = known_server(known_user(user), server)
    spawner = hub().spawner
    if "text/event-stream" not in asked().headers.get("Accept", ""):
        lines = await last_lines(spawner, found.spawn_id)
        return reply(Logs(lines, found.exit_status, found.is_active))
    last_seen = asked().headers.get("Last-Event-ID") or argument("after", "0")
    offset = whole_number(last_seen) or 0
    return event_stream(_follow(spawner, found.spawn_id, offset))


async def _follow(spawner: Spawner, spawn_id: str, offset: int) -> AsyncIterator[bytes]:
    if not spawn_id:
        return
    try:
        async for piece, behind in spawner.follow_output(spawn_id, offset):
            text = encode({"text": piece.decode(errors="replace")})
            yield b"id: %d\ndata: %b\n\n" % (behind, text)
    except UnreachableError:
        yield b"event: lost\ndata: {}\n\n"
