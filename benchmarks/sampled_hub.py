"""The hub's own command, looked at every millisecond of its CPU: where it was is written down when it ends.

python -m benchmarks.sampled_hub STACKS [the hub's options]
"""

from __future__ import annotations

import collections
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from web.cli import main as command

EVERY = 0.001  # seconds of CPU


def sampled(file: str, arguments: list[str]) -> None:
    seen: collections.Counter[str] = collections.Counter()

    def look(_: int, frame: FrameType | None) -> None:
        seen[";".join(reversed(list(_names(frame))))] += 1

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        command(arguments)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(file).write_text("".join(f"{stack} {count}\n" for stack, count in seen.items()))


def _names(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        yield f"{module}.{frame.f_code.co_name}"
        frame = frame.f_back


if __name__ == "__main__":
    sampled(sys.argv[1], sys.argv[2:])
