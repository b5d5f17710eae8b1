"""One at a time works at an attempt: starts, ends or drops it, in this process or another."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from spawners.pauses import pauses


@asynccontextmanager
async def held(path: Path) -> AsyncIterator[None]:
    """Wait for one's turn. The file stays: whoever removed it would let two in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for pause in pauses():
            if _has_locked(descriptor):
                break
            await trio.sleep(pause)
        yield
    finally:
        os.close(descriptor)


def _has_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
