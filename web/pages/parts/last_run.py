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
from projections.servers.servers import ServerRow
from web.request.context import caller, database, hub
from web.starts.output import last_lines
from web.texts.translate import _, told

LOOKED_AT = 12  # events: what ended a run is among its last ones
SHOWN_LINES = 20
_SIGNALS = {one.value: one.name for one in signal.Signals}


class LastRun(Struct, frozen=True):
    """`why`: a sentence; `""` where there is nothing to tell. `lines`: its last output, where it ended badly.

    `ended`: how, in a sentence, where that is known. `request`: the number of the request that had asked for it.
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
                why = " ".join((_("It ended by itself."), how_it_ended(status), told(trouble)))
                return await _badly(server, records, record, why.rstrip(), status)
            case ServerLost(exit_status=status, trouble=trouble):
                why = " ".join(
                    (_("It was gone when the hub came back."), how_it_ended(status), told(trouble))
                )
                return await _badly(server, records, record, why.rstrip(), status)
            case SpawnFailed(reason=reason, exit_status=status):
                why = _("It could not be started: {reason}").format(reason=told(reason))
                return await _badly(server, records, record, why, status)
            case StopRequested(why=why) | SpawnCancelled(why=why):
                return LastRun(f"{_stopped_by(record.by)} {told(why)}".strip(), record.at)
            case SpawnRequested():
                break
    return LastRun()


def started_by(server: ServerRow) -> str:
    """Who started the run that goes on now, where that was not the user."""
    for record in reversed(_last_events(server)):
        if isinstance(record.event, SpawnRequested):
            is_own = record.by.principal in (_caller(), f"user/{server.user}")
            return "" if is_own else _who(record.by)
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
    return LastRun(
        why,
        record.at,
        is_bad=True,
        lines=tuple(lines[-SHOWN_LINES:]),
        ended="" if status is None else how_it_ended(status),
        request=asked[-1] if asked else "",
    )


def how_it_ended(status: int | None) -> str:
    """As in a shell: from 128 on, or below 0, it is a signal."""
    if status is None:
        return _("It is not known why.")
    number = -status if status < 0 else status - 128
    name = _SIGNALS.get(number, "") if number > 0 else ""
    if name == "SIGKILL":
        return _("It was killed (SIGKILL): most likely it needed more memory than there is.")
    if name:
        return _("It was killed by {signal}.").format(signal=name)
    return _("Its exit status was {status}.").format(status=status)


def _stopped_by(by: By) -> str:
    if by.principal == _caller():
        return _("Stopped by you.")
    return _("Stopped by {who}.").format(who=_who(by))


def _caller() -> str:
    return f"user/{caller().id}"


def _who(by: By) -> str:
    """For the end of a phrase, behind "by"."""
    kind, _slash, key = by.principal.partition("/")
    match kind:
        case "user" if by.principal == _caller():
            return _("you")
        case "user":
            row = users.by_id(database(), key)
            return row.name if row else _("somebody who is gone")
        case "hub":
            return _("the hub")
        case "service":
            return _("the service {name}").format(name=key)
        case _:
            return f"{kind} {key}"
