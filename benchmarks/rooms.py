"""How many rooms one start of a server walks through, on a hub in memory.

A room is a folder of the source. Prints the files that had a part in a start, their rooms, and how often the
next function called was in another room than the last one. What is done once, at the first start, is not counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import trio
from trio.testing import MockClock

from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory

ROOT = Path(__file__).resolve().parent.parent
OURS = tuple(f"{ROOT / name}/" for name in ("core", "projections", "spawners", "web"))


@contextmanager
def files_called() -> Iterator[list[str]]:
    """The file of each function of ours that is called in the body, in order."""
    called: list[str] = []
    begun: dict[FrameType, None] = {}  # a coroutine that goes on is not called anew

    def note(frame: FrameType, event: str, _: Any) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(OURS) and frame not in begun:
            begun[frame] = None
            called.append(path.removeprefix(f"{ROOT}/"))

    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(None)


def room(path: str) -> str:
    return path.rpartition("/")[0]


def changes(called: Sequence[str], of: Callable[[str], str] = room) -> int:
    rooms = [of(path) for path in called]
    return sum(one != other for one, other in pairwise(rooms))


async def one_start(client: Client, server: str) -> None:
    answer = await client.post(f"/users/alice/servers/{server}")
    assert answer.status_code in (201, 202), answer.text
    while not (await is_ready(client, server)):
        await trio.sleep(0.1)


async def is_ready(client: Client, server: str) -> bool:
    row = client.hub.store.db.execute("SELECT state FROM servers WHERE name = ?", (server,)).fetchone()
    return row is not None and row[0] == "ready"


async def walk() -> list[str]:
    """The files that a start passes through, in order: the request, the server's actor, the log, the spawner."""
    async with hub_in_memory() as hub, Client(hub, ADMIN_TOKEN) as client:
        await one_start(client, "first")
        with files_called() as called:
            await one_start(client, "second")
        return called


def main() -> None:
    called = trio.run(walk, clock=MockClock(autojump_threshold=0))
    files = set(called)
    print(f"files: {len(files)}, rooms: {len({room(path) for path in files})}, calls: {len(called)}")
    print(f"changes of room: {changes(called)}, changes of file: {changes(called, str)}")


if __name__ == "__main__":
    main()
