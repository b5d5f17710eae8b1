"""Processes of this machine that another hub has started as servers: which one is meant, by more than its pid."""

from __future__ import annotations

from datetime import timedelta

from core.errors import SpawnError
from core.machine.process_identity import Identity, began, identify, read_stat
from core.plugins.spawner import PREFIX_VARIABLE, Elsewhere

EARLIER, LATER = (
    timedelta(seconds=5),
    timedelta(minutes=10),
)  # of a start, between which its process has begun


def process_meant(found: Elsewhere) -> Identity:
    """The process whose pid the other hub has kept. Raises SpawnError where it has ended, or is another by now.

    Another one was begun at another time, or, where its environment may be read, says that it serves somebody else.
    """
    pid = found.state.get("pid")
    stat = read_stat(pid) if type(pid) is int and pid > 0 else None
    if stat is None or stat.has_ended:
        raise SpawnError("its process has ended")
    identity = identify(stat)
    if not -EARLIER <= began(identity) - found.started <= LATER:
        raise SpawnError(f"process {pid} was not begun when the server was: it is another")
    serves = _environment(stat.pid).get(PREFIX_VARIABLE)
    if serves is not None and serves != found.prefix:
        raise SpawnError(f"process {pid} serves {serves}: it is another")
    return identity


def _environment(pid: int) -> dict[str, str]:
    """Nothing where it may not be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            lines = file.read().decode("utf-8", "replace").split("\0")
    except OSError:
        return {}
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
