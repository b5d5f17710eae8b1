"""One call from trio into a loop's thread, and what it asks of the hub meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, nullcontext, suppress
from contextvars import ContextVar, copy_context
from typing import Any, Generic, TypeVar

import trio
from outcome import Error, Outcome, Value

from core.asyncio_thread.loop_thread import LoopThread

T = TypeVar("T")


class PluginError(Exception):
    """What a plug-in did that is no answer: it called `sys.exit`, it cancelled itself, its loop is gone."""


class Call(Generic[T]):
    """`what`: for the log, such as "start of bob's server".

    Made in trio; what it needs of the hub is done in `nursery`, which ends with it. Log lines of the plug-in say whose
    request they belong to, for the task has the context of the caller.
    """

    def __init__(self, what: str, nursery: trio.Nursery, on_end: Callable[[Call[T]], None]) -> None:
        """`on_end`: called in trio when it has ended, whether anybody waits for that or not."""
        self.what = what
        self.ended = trio.Event()
        self._on_end = on_end
        self._nursery = nursery
        self._context = copy_context()
        self._lock = threading.Lock()  # of the two that follow
        self._thread: LoopThread | None = None
        self._has_begun = False
        self._is_left = False
        self._task: asyncio.Task[None] | None = None
        self._outcome: Outcome[T] | None = None

    # --- in trio ---

    def post(self, thread: LoopThread, work: Callable[[], Coroutine[Any, Any, T]]) -> bool:
        """Have `work` run there, and not where it was posted before. False: it has begun already."""
        with self._lock:
            if self._has_begun:
                return False
            self._thread = thread
        thread.post(self._begin, thread, work)
        return True

    def cancel(self) -> None:
        """Whether it has begun or not; `ended` is set when it has come to its end."""
        with self._lock:
            thread, begun = self._thread, self._has_begun
            self._has_begun = True
        if begun and thread is not None:
            thread.post(self._cancel_task)
        else:
            self.give_up("it was cancelled before it began")

    def give_up(self, why: str) -> None:
        """It has no outcome, and never will."""
        self._end(Error(PluginError(f"{self.what}: {why}")))

    def leave(self) -> None:
        """Nobody waits any more: nothing is done for it from here on, though it may go on."""
        self._is_left = True

    def result(self) -> T:
        """Once it has ended. Raises what it raised, and PluginError."""
        assert self._outcome is not None, "asked for before it was there"
        return self._outcome.unwrap()

    def _end(self, outcome: Outcome[T]) -> None:
        if not self.ended.is_set():
            self._outcome = outcome
            self.ended.set()
            self._on_end(self)

    def _answer(self, request: _Request) -> None:
        if self._is_left or self.ended.is_set():
            request.settle(Error(PluginError(f"{self.what}: nobody waits for it any more")))
        else:
            self._context.copy().run(self._nursery.start_soon, request.carry_out)

    # --- in the thread ---

    def _begin(self, thread: LoopThread, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        with self._lock:
            if self._has_begun or self._thread is not thread:
                return
            self._has_begun = True
        loop, context = asyncio.get_running_loop(), self._context.copy()
        self._task = loop.create_task(self._run(thread, work), name=self.what, context=context)

    async def _run(self, thread: LoopThread, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        _CURRENT.set(self)
        try:
            outcome: Outcome[T] = Value(await work())
        except asyncio.CancelledError:
            outcome = Error(PluginError(f"{self.what}: it was cancelled"))
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            outcome = Error(PluginError(f"{self.what}: it wanted the hub to end ({error!r})"))
        except BaseException as error:
            outcome = Error(error)
        thread.post_to_hub(self._end, outcome)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def ask(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """See `ask_hub`."""
        assert self._thread is not None, "it runs, so it was posted"
        request = _Request(self._thread, function, args)
        self._thread.post_to_hub(self._answer, request)
        return await request.answer


_CURRENT: ContextVar[Call[Any]] = ContextVar("call")


class _Request:
    """Something to be done by the hub. Made in the thread, by the task that waits for `answer`."""

    def __init__(
        self, thread: LoopThread, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
    ) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._thread = thread
        self._function = function
        self._args = args

    async def carry_out(self) -> None:
        """In trio."""
        try:
            outcome: Outcome[Any] = Value(await self._function(*self._args))
        except trio.Cancelled:
            self.settle(Error(PluginError("the hub no longer waits for this")))
            raise
        except Exception as error:
            outcome = Error(error)
        self.settle(outcome)

    def settle(self, outcome: Outcome[Any]) -> None:
        """In trio."""
        self._thread.post(self._settle, outcome)

    def _settle(self, outcome: Outcome[Any]) -> None:
        with suppress(asyncio.InvalidStateError):  # who asked was cancelled meanwhile
            match outcome:
                case Value(value):
                    self.answer.set_result(value)
                case Error(error):
                    self.answer.set_exception(error)


async def ask_hub(function: Callable[..., Awaitable[T]], *args: Any) -> T:
    """From a plug-in's thread: await a trio function of the hub, for as long as the call lasts that this is part of.

    What tasks and threads (`asyncio.to_thread`) it has begun may ask too. Raises what the function raises, and
    PluginError once the call is over.
    """
    call = _CURRENT.get(None)
    if call is None:
        raise PluginError("nobody waits for this in the hub")
    found: T = await call.ask(function, *args)
    return found


async def pour(items: AsyncIterator[T], take: Callable[[T], Awaitable[None]]) -> None:
    """From a plug-in's thread: hand each item to a trio function of the hub; the next is asked for once it is taken."""
    async with aclosing(items) if isinstance(items, AsyncGenerator) else nullcontext():
        async for item in items:
            await ask_hub(take, item)
