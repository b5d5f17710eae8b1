"""A thread, what was built in it, and the calls that are under way there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from inspect import isawaitable
from typing import Any, Generic, TypeVar

from core.asyncio_thread.call import Call
from core.asyncio_thread.loop_thread import LoopThread

T = TypeVar("T")
World = TypeVar("World")


class Generation(Generic[World]):
    """Made in trio. `build`: makes the world, over there, before the first call; if it fails, before the next."""

    def __init__(
        self,
        name: str,
        build: Callable[[], World | Awaitable[World]],
        on_end: Callable[[Generation[World]], None],
    ) -> None:
        self.thread = LoopThread(name, lambda: on_end(self))
        self.calls: dict[Call[Any], Callable[[World], Coroutine[Any, Any, Any]]] = {}
        self._build = build
        self._building = asyncio.Lock()
        self._built: list[World] = []  # one at most
        self._asked_at: float | None = None

    # --- in trio ---

    def take(self, call: Call[T], work: Callable[[World], Coroutine[Any, Any, T]]) -> bool:
        """Have it run here. False: it has begun elsewhere."""
        if not call.post(self.thread, partial(self._run, work)):
            return False
        self.calls[call] = work
        return True

    def is_silent(self, now: float, longest: float) -> bool:
        """Whether its loop has not come round for `longest` seconds. To be asked now and then; `now`: trio's clock."""
        if self._asked_at is None:
            self._asked_at = now
            self.thread.post(self.thread.post_to_hub, self._answered)
        return now - self._asked_at > longest

    def _answered(self) -> None:
        self._asked_at = None

    # --- in the thread ---

    async def _run(self, work: Callable[[World], Coroutine[Any, Any, T]]) -> T:
        return await work(await self._world())

    async def _world(self) -> World:
        async with self._building:
            if not self._built:
                world = self._build()
                self._built.append(await world if isawaitable(world) else world)
            return self._built[0]
