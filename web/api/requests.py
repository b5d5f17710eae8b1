"""What came of a request, by its number: what was recorded, and how the starts went that it asked for."""

from __future__ import annotations

from typing import Literal, assert_never

from msgspec import Struct
from quart import Response

from core.events.record import Record, utc_text
from core.events.server import ServerLost, SpawnCancelled, SpawnFailed, SpawnSucceeded
from core.naming.ids import moment_of_request
from core.scopes import Answer, check
from web.history.catching_up import read_apart
from web.history.model import Event
from web.history.of_request import End, story_of
from web.history.viewer import Viewer
from web.models.models import shown
from web.request.access import needs
from web.request.answers import reply
from web.request.context import caller, hub, scopes
from web.request.routing import RouteGroup
from web.starts.output import last_lines

endpoints = RouteGroup("requests")

Outcome = Literal["under way", "running", "failed", "cancelled", "lost"]

MOST_LINES = 20
MOST_OUTPUTS = 3  # starts whose output is asked for: each may take seconds


class Start(Struct, frozen=True):
    """A start that was asked for. `reason`: why it failed. `lines`: what it has written last, for who may see that."""

    user: str
    server: str
    spawn_id: str
    outcome: Outcome
    reason: str
    exit_status: int | None
    lines: list[str]


class OfRequest(Struct, frozen=True):
    """`at`: when the request came, where its number tells. `more`: there are more events than these."""

    request: str
    at: str | None
    events: list[Event]
    starts: list[Start]
    more: bool


@endpoints.get("/requests/<request>", access=needs("admin-ui"), answers={200: OfRequest})
async def read(request: str) -> Response:
    """What came of a request, as far as the caller may see it.

    It is called by the number that its answer had in the header X-Request-Id, and that pages of errors show. What the
    hub did because of it belongs to it, such as the end of a start. A request that recorded nothing has no events.
    """
    the_hub = hub()
    async with the_hub.feed.catching_up:
        story = await read_apart(the_hub.store, lambda db: story_of(db, request, the_hub.store.head))
    viewer = Viewer(caller(), the_hub.feed.names, the_hub.rights.memberships)
    seen = [(one.record, viewer.event(*one)) for one in story.happenings]
    starts = [
        (record, event, story.ends[record.position])
        for record, event in seen
        if event is not None and record.position in story.ends
    ]
    told = [
        await _start(record, event, end, with_lines=number < MOST_OUTPUTS)
        for number, (record, event, end) in enumerate(starts)
    ]
    events = [event for _, event in seen if event is not None]
    return reply(OfRequest(request, _moment(request), events, told, story.is_cut))


def _moment(request: str) -> str | None:
    moment = moment_of_request(request)
    return None if moment is None else shown(utc_text(moment))


async def _start(record: Record, event: Event, end: End | None, *, with_lines: bool) -> Start:
    outcome, reason, status = _told(end)
    spawn_id = str(event.data["spawn_id"])
    may_read = with_lines and _may_read_output(record.stream)
    lines = await last_lines(hub().spawner, spawn_id) if may_read else []
    return Start(event.user or "", event.server or "", spawn_id, outcome, reason, status, lines[-MOST_LINES:])


def _told(end: End | None) -> tuple[Outcome, str, int | None]:
    match end:
        case None:
            return "under way", "", None
        case SpawnSucceeded():
            return "running", "", None
        case SpawnFailed(reason=reason, exit_status=status):
            return "failed", reason, status
        case SpawnCancelled(why=why):
            return "cancelled", why, None
        case ServerLost(exit_status=status, trouble=trouble):
            return "lost", trouble, status
        case _:
            assert_never(end)


def _may_read_output(server: str) -> bool:
    """`server`: its stream. Who reads it otherwise: web/api/servers/logs.py."""
    resource = hub().feed.names.resource(server)
    return check(scopes(), "servers", resource, hub().rights.memberships) is Answer.ALLOWED
