from __future__ import annotations

from collections.abc import Iterator

_FIRST, _GROWTH, _LAST = 0.0005, 1.3, 0.05


def pauses() -> Iterator[float]:
    """How long to wait, in seconds, before looking at the disk again: for ever, growing."""
    pause = _FIRST
    while True:
        yield pause
        pause = min(_GROWTH * pause, _LAST)
