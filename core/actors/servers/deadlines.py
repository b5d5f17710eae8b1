"""How long a state of a server may last, and the news that ends one whose work does not. Pure."""

from __future__ import annotations

from msgspec import Struct

from core.events.server import ServerStopped, SpawnFailed
from core.server import News, Queued, Server, Spawning, Stopping

NEVER = float("inf")
TOO_MANY = 429  # HTTP's status for what has waited for its turn in vain
GRACE = 15.0  # seconds after which a state is ended whose own deadlines have not ended it


class Deadlines(Struct, frozen=True):
    """Seconds. `stop` covers a spawner's whole escalation, from asking to killing; `hook` what follows an end.

    `turn`: to wait for one's turn to start; `waiting`: in the queue of an engine.
    """

    start: float = 60
    answer: float = 30
    routed: float = 2
    stop: float = 70
    poll: float = 30
    hook: float = 0
    turn: float = 3600
    waiting: float = 86_400


def last_resort(server: Server, deadlines: Deadlines) -> tuple[float, News | None]:
    """How long a state may last, in seconds, and the news that ends it then.

    The work of a state has deadlines of its own; this is for work that does not heed them.
    """
    match server:
        case Queued(spawn_id=spawn_id):
            reason = "The start was given up: its turn to start has not come."
            return deadlines.turn + GRACE, SpawnFailed(spawn_id, reason, TOO_MANY)
        case Spawning(spawn_id=spawn_id):
            timeout = deadlines.start + deadlines.answer + deadlines.routed + deadlines.stop + deadlines.hook
            reason = "The start was given up: the spawner did not do so in time."
            return timeout + GRACE, SpawnFailed(spawn_id, reason, leftover=True)
        case Stopping(spawn_id=spawn_id):
            return deadlines.stop + deadlines.hook + GRACE, ServerStopped(spawn_id, leftover=True)
        case _:
            return NEVER, None
