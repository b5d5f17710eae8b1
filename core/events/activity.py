"""When people, servers and tokens were last seen: one batch now and then. Stream: `activity`."""

from __future__ import annotations

from datetime import datetime

from core.events.urgency import Ordinary

STREAM = "activity"


class ActivityRecorded(Ordinary, frozen=True, tag="activity.recorded"):
    """Ids to moments. Only ever later than what was recorded before."""

    users: dict[str, datetime] = {}
    servers: dict[str, datetime] = {}
    tokens: dict[str, datetime] = {}


ActivityEvent = ActivityRecorded
