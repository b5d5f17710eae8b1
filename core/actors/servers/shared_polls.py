"""Polls that are asked for at the same moment, put to the spawner as one question."""

from __future__ import annotations

from collections.abc import Callable, Collection
from time import perf_counter

import trio

from core.actors.asking import root_cause
from core.errors import UnreachableError
from core.plugins.spawner import Running, Spawner, Status


class _Answer:
    """To all who have asked after one attempt."""

    __slots__ = ("error", "known", "status")

    def __init__(self) -> None:
        self.known = trio.Event()
        self.status: Status | None = None
        self.error: Exception | None = None

    async def wait(self) -> Status:
        await self.known.wait()
        if self.status is None:
            assert self.error is not None
            raise self.error
        return self.status


class SharedPolls:
    """`poll` may be called once `run` has begun.

    `observe`: told of each poll that was answered, with how many seconds that took and whether the server runs.
    """

    def __init__(self, spawner: Spawner, observe: Callable[[float, bool], None]) -> None:
        self._spawner = spawner
        self._observe = observe
        self._gathered: dict[str, _Answer] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    async def poll(self, spawn_id: str) -> Status:
        assert self._nursery is not None, "nobody asks"
        if not self._gathered:
            self._nursery.start_soon(self._ask)
        return await self._gathered.setdefault(spawn_id, _Answer()).wait()

    async def _ask(self) -> None:
        await trio.lowlevel.checkpoint()  # whoever wakes up with the first one asks as well
        asked, self._gathered = self._gathered, {}
        began = perf_counter()

        def tell(spawn_id: str, status: Status) -> None:
            self._observe(perf_counter() - began, isinstance(status, Running))
            asked[spawn_id].status = status
            asked[spawn_id].known.set()

        error: Exception = UnreachableError("The spawner does not tell.")
        try:
            await self._spawner.poll_many(asked.keys(), tell)
        except Exception as failure:
            error = root_cause(failure)
        _tell_the_rest(asked.values(), error)


def _tell_the_rest(answers: Collection[_Answer], error: Exception) -> None:
    for answer in answers:
        if not answer.known.is_set():
            answer.error = error
            answer.known.set()
