"""What somebody can do about a start that failed: by how it ended, for people who know nothing of the hub."""

from __future__ import annotations

from core.events.server import SpawnFailed
from web.texts.translate import N_

REFUSED = N_("What was asked for is not to be had. Choose something else, and try again.")
TELL = N_("Try once more. If it fails again, tell whoever runs this hub the number below.")
MEMORY = N_(
    "It may have needed more memory than there is. Ask for more, or for less to be loaded at its start."
)
NOT_THERE = N_("The program that it should run was not found. Tell whoever runs this hub the number below.")
SLOW = N_(
    "It may only have been slow: try once more. What it has written last may say what it was waiting for."
)

_NOT_FOUND = (126, 127)
_KILLED = (-9, 137)


def advice(failure: SpawnFailed) -> str:
    """In English."""
    if failure.status < 500:
        return REFUSED
    if failure.exit_status in _KILLED:
        return MEMORY
    if failure.exit_status in _NOT_FOUND:
        return NOT_THERE
    if "in time" in failure.reason or "timed out" in failure.reason.lower():
        return SLOW
    return TELL
