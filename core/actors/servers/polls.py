"""When each ready server is to be polled: one heap of deadlines, not a timer for every server."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable

import trio

from core.actors.asking import root_cause
from core.actors.servers.deadlines import NEVER
from core.errors import UnreachableError

logger = logging.getLogger("callboard.server")

COMPLAIN_EVERY = 60.0  # seconds
SLACK = 0.25  # seconds that a look may come early, so that many of them share one awakening


class Polls:
    """`delay`: seconds until the next look, infinity for never. `look`: returns whether to look again."""

    def __init__(self, delay: Callable[[], float], look: Callable[[str, str], Awaitable[bool]]) -> None:
        self._delay = delay
        self._look = look
        self._heap: list[tuple[float, str, str]] = []
        self._looking: set[tuple[str, str]] = set()
        self._sooner = trio.Event()  # the first moment has moved
        self._unanswered = 0
        self._complain_at = 0.0

    def add(self, server_id: str, spawn_id: str) -> None:
        """Look at this attempt from now on, until `look` says that this is over."""
        at = trio.current_time() + self._delay()
        if at == NEVER:
            return
        heapq.heappush(self._heap, (at, server_id, spawn_id))
        if self._heap[0][0] == at:
            self._sooner.set()

    def begin_anew(self, watched: Iterable[tuple[str, str]]) -> None:
        """`delay` has become another. `watched`: server and attempt of all that are to be looked at, also until now."""
        self._heap.clear()
        for server_id, spawn_id in watched:
            if (server_id, spawn_id) not in self._looking:  # it is added once that look is over
                self.add(server_id, spawn_id)
        self._sooner.set()

    def __len__(self) -> int:
        return len(self._heap)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                with trio.move_on_at(self._heap[0][0] if self._heap else NEVER):
                    await self._sooner.wait()
                self._sooner = trio.Event()
                soon = trio.current_time() + SLACK
                while self._heap and self._heap[0][0] <= soon:
                    _, server_id, spawn_id = heapq.heappop(self._heap)
                    nursery.start_soon(self._poll, server_id, spawn_id)

    async def _poll(self, server_id: str, spawn_id: str) -> None:
        self._looking.add((server_id, spawn_id))
        try:
            goes_on = await self._look(server_id, spawn_id)
        except Exception as error:
            self._complain(error)
            goes_on = True
        finally:
            self._looking.discard((server_id, spawn_id))
        if goes_on:
            self.add(server_id, spawn_id)

    def _complain(self, error: Exception) -> None:
        """Now and then: where a backend is away, thousands of servers cannot be asked after."""
        self._unanswered += 1
        now = trio.current_time()
        if now >= self._complain_at:
            bug = None if isinstance(root_cause(error), UnreachableError) else error
            text = "cannot tell whether servers run (%d polls without an answer): %s"
            logger.warning(text, self._unanswered, root_cause(error), exc_info=bug)
            self._unanswered = 0
            self._complain_at = now + COMPLAIN_EVERY
