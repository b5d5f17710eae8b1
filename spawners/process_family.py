"""The processes that a server has started: found by descent while it lives, by a mark in their environment later."""

from __future__ import annotations

import os
from pathlib import Path

import trio

from core.machine.process_identity import Identity, identify, read_stat

MARK = "CALLBOARD_SPAWN_ID"


def descendants(pid: int) -> set[Identity]:
    """Of this process, down all generations: children of its kernels and shells as well, in any session."""
    found: set[Identity] = set()
    seen = {pid}
    parents = [pid]
    while parents:
        for child in _children(parents.pop()):
            if child in seen:
                continue
            seen.add(child)
            parents.append(child)
            stat = read_stat(child)
            if stat is not None and not stat.has_ended:
                found.add(identify(stat))
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    except OSError:
        pass  # it has ended meanwhile, or this kernel does not tell
    return found


def session_members(session: int) -> set[Identity]:
    """Those that live in this session: only who is born there can be in it. Looks at every process."""
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]
    stats = [stat for stat in map(read_stat, pids) if stat is not None and not stat.has_ended]
    return {identify(stat) for stat in stats if stat.session == session}


def marked(spawn_ids: set[str]) -> dict[str, set[Identity]]:
    """The processes that carry the mark of one of these attempts. Looks at every process: some 20 us each."""
    found: dict[str, set[Identity]] = {spawn_id: set() for spawn_id in spawn_ids}
    for entry in os.listdir("/proc"):
        if not entry.isdecimal() or (spawn_id := _mark(entry)) not in found:
            continue
        stat = read_stat(int(entry))
        if stat is None or stat.has_ended or stat.pid == os.getpid():
            continue
        if _mark(entry) == spawn_id:  # again: the pid may have changed hands before its stat was read
            found[spawn_id].add(identify(stat))
    return found


class Census:
    """Finds marked processes for many attempts at once: who asks while one look is on shares the next."""

    def __init__(self) -> None:
        self._one_at_a_time = trio.Lock()
        self._next = _Look()

    async def marked(self, spawn_id: str) -> set[Identity]:
        """Those that live now: the look begins after this call."""
        look = self._next
        look.spawn_ids.add(spawn_id)
        async with self._one_at_a_time:
            if look.found is None:
                if self._next is look:
                    self._next = _Look()
                look.found = await trio.to_thread.run_sync(marked, look.spawn_ids)
        return look.found[spawn_id]


class _Look:
    def __init__(self) -> None:
        self.spawn_ids: set[str] = set()
        self.found: dict[str, set[Identity]] | None = None


def _mark(pid: str) -> str:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return ""  # it has ended, or belongs to somebody whose processes this hub cannot have started
    label = f"\0{MARK}=".encode()
    return (b"\0" + environment).partition(label)[2].partition(b"\0")[0].decode("ascii", "replace")
