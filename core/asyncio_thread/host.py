"""Calls code written for asyncio from trio, and survives whatever that code does.

It lives in a thread with a loop of its own. Every call has a deadline: it is cancelled over there, waited for a little
longer, and then abandoned, counted and told of. A loop that does not come round for seconds is named with its task and
stack, and left: what has not begun in it gets a fresh thread, and so does everything that comes later.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar, TypeVarTuple

import trio
from msgspec import Struct

from core.asyncio_thread.call import Call
from core.asyncio_thread.generation import Generation

logger = logging.getLogger("callboard.plugins")

T = TypeVar("T")
World = TypeVar("World")
Args = TypeVarTuple("Args")

MOST_LEFT = 8  # threads that were left and have not ended; while there are so many, no other is begun
AT_THE_END = 2.0  # seconds that threads have to end with the hub
_LATE = 1.0  # seconds: a watchdog that wakes later than this was itself held up, and says nothing


class Condition(Struct, frozen=True):
    """`threads`: made so far. `left`: blocked, and not ended yet. `abandoned`: calls that did not end when told."""

    threads: int
    left: int
    under_way: int
    abandoned: int


class AsyncioHost(Generic[World]):
    """Only plain data should cross. What is over there stays there, in a "world" that each new thread builds anew.

    `build`: makes it, over there. `patience`: seconds that a cancelled call has to end. `silent_for`: seconds after
    which a loop is left that does not come round.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], World | Awaitable[World]],
        *,
        patience: float = 1.0,
        silent_for: float = 5.0,
    ) -> None:
        self._name = name
        self._build = build
        self._patience = patience
        self._silent_for = silent_for
        self._alive: list[Generation[World]] = []
        self._current: Generation[World] | None = None
        self._threads = 0
        self._abandoned = 0
        self._is_closed = False

    @property
    def condition(self) -> Condition:
        left = len(self._alive) - (self._current is not None)
        under_way = sum(len(generation.calls) for generation in self._alive)
        return Condition(self._threads, left, under_way, self._abandoned)

    async def call(
        self,
        function: Callable[[World, *Args], Coroutine[Any, Any, T]],
        *args: *Args,
        within: float,
        what: str,
    ) -> T:
        """What `function(world, *args)` returns or raises, over there. `what`: names it in the log.

        Raises trio.TooSlowError after `within` seconds, and PluginError where it ended without an answer.
        """
        with trio.fail_after(within):
            async with trio.open_nursery() as asked_meanwhile:
                call: Call[T] = Call(what, asked_meanwhile, self._forget)
                self._begin(call, lambda world: function(world, *args))
                try:
                    await self._wait_end(call)
                finally:
                    call.leave()
                asked_meanwhile.cancel_scope.cancel()
        return call.result()

    async def run(self) -> None:
        """Watch over the loop, for as long as the hub lives."""
        pause = min(1.0, self._silent_for / 5)
        while True:
            began = trio.current_time()
            await trio.sleep(pause)
            if trio.current_time() - began < pause + _LATE:
                self._look()

    async def close(self) -> None:
        """End the threads. One that will not end is left behind: it does not keep the process from ending."""
        self._is_closed = True
        alive = list(self._alive)
        for generation in alive:
            generation.thread.end()
        with trio.move_on_after(AT_THE_END, shield=True):
            for generation in alive:
                await generation.thread.ended.wait()
        for generation in self._alive:
            logger.warning("%s does not end, in %s", generation.thread.name, generation.thread.doing())

    # --- calls ---

    def _begin(self, call: Call[T], work: Callable[[World], Coroutine[Any, Any, T]]) -> None:
        generation = self._usable()
        if generation is None:
            why = "the hub is ending" if self._is_closed else f"{self._name}: all its threads are blocked"
            call.give_up(why)
        else:
            generation.take(call, work)

    async def _wait_end(self, call: Call[Any]) -> None:
        try:
            await call.ended.wait()
        except trio.Cancelled:
            call.cancel()
            with trio.move_on_after(self._patience, shield=True):
                await call.ended.wait()
            if not call.ended.is_set():
                self._abandoned += 1
                logger.warning("%s does not end, and is left to itself", call.what)
            raise

    def _forget(self, call: Call[Any]) -> None:
        """It has ended. A thread that was left ends with the last of its calls, those that nobody waits for too."""
        for generation in self._alive:
            if generation.calls.pop(call, None) and not generation.calls and generation is not self._current:
                generation.thread.end()

    # --- threads ---

    def _usable(self) -> Generation[World] | None:
        """The one for new work, made if there is none. None where there may be no more."""
        if self._is_closed:
            return None
        if self._current is None and len(self._alive) < MOST_LEFT:
            self._threads += 1
            self._current = Generation(f"{self._name}-{self._threads}", self._build, self._on_end)
            self._alive.append(self._current)
        return self._current

    def _look(self) -> None:
        """Leave the current thread where its loop does not come round."""
        generation = self._current
        if generation is None or not generation.is_silent(trio.current_time(), self._silent_for):
            return
        logger.error(
            "%s has blocked for %g seconds, in %s",
            generation.thread.name,
            self._silent_for,
            generation.thread.doing(),
        )
        self._current = None
        self._move(generation)
        if not generation.calls:
            generation.thread.end()

    def _move(self, generation: Generation[World]) -> None:
        """What has not begun there, to a fresh thread."""
        for call, work in list(generation.calls.items()):
            fresh = self._usable()
            if fresh is not None and fresh.take(call, work):
                del generation.calls[call]

    def _on_end(self, generation: Generation[World]) -> None:
        self._alive.remove(generation)
        if generation is self._current:
            self._current = None
        self._move(generation)
        for call in list(generation.calls):
            call.give_up("the loop it ran in has ended")
