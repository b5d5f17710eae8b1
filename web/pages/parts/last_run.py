"""How a server came to be as it is, told to its user: who stopped it, how it died, what it wrote last."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from core.events.file.reading import read_stream, version_of
from core.events.record import By, Record
from core.events.server import (
    ServerDied,
    ServerLost,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    StopRequested,
    server_stream,
)
from projections import tokens, users
from projections.servers import ServerRow
from web.request.context import caller, database, hub
from web.starts.output import last_lines

LOOKED_AT = 12  # events: what ended a run is among its last ones
SHOWN_LINES = 20


class LastRun(Struct, frozen=True):
    """`why`: a sentence; `""` where there is nothing to tell. `lines`: its last output, where it ended badly.

    `ended`: how, in words, where that is known. `request`: the number of the request that had asked for it.
    """

    why: str = ""
    at: datetime | None = None
    is_bad: bool = False
    lines: tuple[str, ...] = ()
    ended: str = ""
    request: str = ""


async def last_run(server: ServerRow) -> LastRun:
    if server.state != "stopped":
        return LastRun()
    records = _last_events(server)
    for record in reversed(records):
        match record.event:
            case ServerDied(exit_status=status, trouble=trouble):
                why = f"It ended by itself{_with_status(status)}. {trouble}"
                return await _badly(server, records, record, why.rstrip(), status)
            case ServerLost(exit_status=status, trouble=trouble):
                why = f"It was gone when the hub came back{_with_status(status)}. {trouble}"
                return await _badly(server, records, record, why.rstrip(), status)
            case SpawnFailed(reason=reason, exit_status=status):
                return await _badly(server, records, record, f"It could not be started: {reason}", status)
            case StopRequested(why=why) | SpawnCancelled(why=why):
                return LastRun(f"Stopped by {_who(record.by)}. {why}".strip(), record.at)
            case SpawnRequested():
                break
    return LastRun()


def started_by(server: ServerRow) -> str:
    """Who started the run that goes on now, where that was not the user."""
    for record in reversed(_last_events(server)):
        if isinstance(record.event, SpawnRequested):
            who = _who(record.by)
            return "" if who == "you" or record.by.principal == f"user/{server.user}" else who
    return ""


def entered_by(server: ServerRow) -> list[str]:
    """Others than its user who have been in the server since it started, by name."""
    found = tokens.visitors(database(), server.id, f"user/{server.user}")
    return [_who(By(principal)) for principal in found]


def _last_events(server: ServerRow) -> list[Record]:
    db, stream = database(), server_stream(server.id)
    return read_stream(db, stream, max(0, version_of(db, stream) - LOOKED_AT), LOOKED_AT)


def stopping_since(server: ServerRow) -> datetime | None:
    """When its stop was asked for, while it goes on."""
    for record in reversed(_last_events(server)):
        if isinstance(record.event, StopRequested | SpawnCancelled):
            return record.at
    return None


async def _badly(
    server: ServerRow, records: Sequence[Record], record: Record, why: str, status: int | None
) -> LastRun:
    lines = await last_lines(hub().spawner, server.spawn_id)
    asked = [one.by.request for one in records if isinstance(one.event, SpawnRequested)]
    ended = "" if status is None else _with_status(status).removeprefix(": ").strip()
    return LastRun(
        why,
        record.at,
        is_bad=True,
        lines=tuple(lines[-SHOWN_LINES:]),
        ended=ended,
        request=asked[-1] if asked else "",
    )


def _with_status(status: int | None) -> str:
    """As in a shell: from 128 on, or below 0, it is a signal."""
    if status is None:
        return ", and nobody knows how"
    number = -status if status < 0 else status - 128
    if number > 0:
        try:
            name = signal.Signals(number).name
        except ValueError:
            return f" with exit status {status}"
        return f": killed by {name}" + (", as systems do that run out of memory" if name == "SIGKILL" else "")
    return f" with exit status {status}"


def _who(by: By) -> str:
    kind, _, key = by.principal.partition("/")
    if by.principal == f"user/{caller().id}":
        return "you"
    if kind == "user":
        row = users.by_id(database(), key)
        return row.name if row else "somebody who is gone"
    return "the hub" if kind == "hub" else f"the {kind} {key}"
