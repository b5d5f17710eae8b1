"""What a hub is doing right now, for whoever wonders: on SIGUSR1."""

from __future__ import annotations

import logging
import os
import resource
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import trio

SHOWN = 100  # groups of tasks, at most

logger = logging.getLogger("callboard.status")


def say_what_it_does() -> None:
    """To the log: the process, its tasks (those that wait at the same place counted together), its threads."""
    logger.warning("%s", "\n".join([_process(), *_tasks(), *_threads()]))


def _process() -> str:
    used = resource.getrusage(resource.RUSAGE_SELF)
    open_files = len(os.listdir("/proc/self/fd"))
    load = " ".join(f"{one:.2f}" for one in os.getloadavg())
    return (
        f"pid {os.getpid()}, {used.ru_maxrss // 1024} MiB at most, {used.ru_utime + used.ru_stime:.1f} s of processor "
        f"time, {open_files} open files, load {load}"
    )


def _tasks() -> Iterator[str]:
    root = trio.lowlevel.current_root_task()
    assert root is not None, "trio is running"
    places = Counter(map(_place, _below(root)))
    yield f"{places.total()} tasks:"
    for place, count in places.most_common(SHOWN):
        yield f"  {count:>6}  {place}"
    if len(places) > SHOWN:
        yield f"  and {len(places) - SHOWN} other places"


def _below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    waiting = [task]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += [child for nursery in found.child_nurseries for child in nursery.child_tasks]


def _place(task: trio.lowlevel.Task) -> str:
    """Its name, and the innermost line of ours that it has come to."""
    frames = [(Path(frame.f_code.co_filename), line) for frame, line in task.iter_await_frames()]
    ours = [(path, line) for path, line in frames if "site-packages" not in path.parts] or frames
    at = f" at {ours[-1][0].name}:{ours[-1][1]}" if ours else ""
    return f"{task.name.removeprefix('functools.partial')}{at}"


def _threads() -> Iterator[str]:
    for thread, frame in sys._current_frames().items():
        yield f"thread {thread}:"
        yield "".join(traceback.format_stack(frame, limit=8)).rstrip()
