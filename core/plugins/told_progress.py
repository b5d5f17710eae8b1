"""What hooks and plug-ins yield as progress: `{"progress": 30, "message": "Copying data"}`."""

from __future__ import annotations

from typing import Any

from core.plugins.spawner import Progress

LONGEST = 4096  # characters of a message
_OURS = frozenset(
    {"progress", "message", "html_message", "ready", "failed", "stopped"}
)  # the last three are not for them to say


def as_progress(message: Any) -> Progress | None:
    """None: there is nothing in it to show."""
    if not isinstance(message, dict) or not (message.get("message") or message.get("html_message")):
        return None
    percent = message.get("progress")
    is_number = isinstance(percent, int | float) and not isinstance(percent, bool) and 0 <= percent <= 100
    return Progress(
        str(message.get("message") or "")[:LONGEST],
        percent if is_number else None,
        str(message.get("html_message") or "")[:LONGEST],
        {str(key): value for key, value in message.items() if key not in _OURS},
    )
