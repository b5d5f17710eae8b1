"""What can happen to an engine: a place in which this hub runs servers. Stream: `engine/{name}`.

The name is that of its spawner, as recorded with each start.
"""

from __future__ import annotations

from datetime import datetime

from core.events.stop_reason import StopReason
from core.events.urgency import Ordinary, Urgent


def engine_stream(name: str) -> str:
    return f"engine/{name}"


class EngineSilent(Ordinary, frozen=True, tag="engine.silent"):
    """It does not answer any more, and nothing is asked of it but whether it does. `since`: when it last did."""

    since: datetime


class EngineAnswered(Ordinary, frozen=True, tag="engine.answered"):
    """It answers again."""


class StrayFound(Ordinary, frozen=True, tag="engine.stray-found"):
    """It runs something that this log has started, and that no server knows any more.

    `user_name`, `server_name`: whose it was when it was started.
    """

    spawn_id: str
    user_name: str
    server_name: str


class StrayEnded(Urgent, frozen=True, tag="engine.stray-ended"):
    """It is gone. `why`: for people. `reason`: for programs; `""` where it went by itself."""

    spawn_id: str
    why: str
    reason: StopReason = ""
    exit_status: int | None = None


EngineEvent = EngineSilent | EngineAnswered | StrayFound | StrayEnded
