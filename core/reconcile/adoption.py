"""Taking into a log what runs without it: an attempt that a later state of the log had started. Pure."""

from __future__ import annotations

from core.events.server import ServerEvent, ServerStopped
from core.server import Command, Report, Server, Start, Stop, Stopped, decide, evolve

WHY = "A later start of this server was found running."


def adopt(server: Server, start: Start) -> list[ServerEvent]:
    """The events after which the attempt of `start` is under way, as if it had just been asked for.

    The hub then joins it, as it joins any start after a crash. What the log takes for running becomes a leftover.
    """
    events: list[ServerEvent] = []
    while not isinstance(server, Stopped):
        for event in decide(server, _end(server)):
            events.append(event)
            server = evolve(server, event)
    return [*events, *decide(server, start)]


def _end(server: Server) -> Command:
    stopped = Report(ServerStopped(server.spawn_id, leftover=True))
    return stopped if decide(server, stopped) else Stop(WHY, reason="reconciler")
