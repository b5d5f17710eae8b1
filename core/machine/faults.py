"""Points at which a test may kill the hub: `CALLBOARD_FAULT="after SpawnAnswered"` kills it there, at once.

`CALLBOARD_FAULT="after SpawnAnswered#2"` waits for the second time the point is passed.
"""

from __future__ import annotations

import os
import signal

_NAME, _, _COUNT = os.environ.get("CALLBOARD_FAULT", "").partition("#")
_passed = [0]
ARMED = bool(_NAME)


def point(name: str) -> None:
    """Name a moment between two steps. Does nothing unless a test has asked for an end exactly here."""
    if name == _NAME:
        _passed[0] += 1
        if _passed[0] >= int(_COUNT or 1):
            os.kill(os.getpid(), signal.SIGKILL)
