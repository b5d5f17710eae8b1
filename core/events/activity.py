"""When people, servers and tokens were last seen: one batch now and then. Stream: `activity`."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

STREAM = "activity"


class ActivityRecorded(Struct, frozen=True, tag="activity.recorded"):
    """Ids to moments. Only ever later than what was recorded before."""

    users: dict[str, datetime] = {}
    servers: dict[str, datetime] = {}
    tokens: dict[str, datetime] = {}


ActivityEvent = ActivityRecorded
