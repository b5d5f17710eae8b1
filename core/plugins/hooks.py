"""Functions an administrator gives in the configuration, run so that a slow or broken one hurts only its caller.

A plain function runs in a thread; an `async def` runs there too, under an asyncio loop of its own, for that
is what hooks written for JupyterHub expect. `@trio_hook` marks those that are to run on the hub's own loop.
A hook may run again for the same spawn after a crash of the hub.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import trio

from core.errors import SpawnError
from core.plugins.hook_errors import as_hook_error, log_failure

logger = logging.getLogger("callboard.hooks")

_running: ContextVar[str] = ContextVar("hook")

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__callboard_trio_hook__"


def trio_hook(function: F) -> F:
    """Run this `async def` under trio, on the hub's own loop: it must never block."""
    setattr(function, _MARK, True)
    return function


def is_trio_hook(function: Any) -> bool:
    return bool(getattr(getattr(function, "func", function), _MARK, False))  # a partial hides it


def hook_that_runs() -> str:
    """The option whose function this is called from, in its thread too."""
    return _running.get("a function of the configuration")


@contextmanager
def running(name: str) -> Iterator[None]:
    """What is called within is the function that this option has for its value."""
    token = _running.set(name)
    try:
        yield
    finally:
        _running.reset(token)


class Hooks:
    """Runs hooks: so many at once, and of each server so many that nobody waits for any more."""

    def __init__(self, at_once: int = 100, left_over: int = 3) -> None:
        self._threads = trio.CapacityLimiter(at_once)
        self._left_over = left_over
        self._abandoned: dict[str, list[_Call]] = {}

    async def call(self, hook: Callable[..., Any], *args: Any, of: str = "") -> Any:
        """What the hook returns or raises. `of`: whose call it is, such as a server's id.

        Cancelled, an `async def` is cancelled as well; what blocks is left to itself in its thread. Raises
        SpawnError for a server that has left too many of them.
        """
        if is_trio_hook(hook):
            return await hook(*args)
        if len(self._still_running(of)) >= self._left_over:
            raise SpawnError("Hooks of earlier starts of this server have not ended yet.", status=503)
        call = _Call(hook, args)
        try:
            return await trio.to_thread.run_sync(call.run, abandon_on_cancel=True, limiter=self._threads)
        except trio.Cancelled:
            call.cancel()
            if call.has_begun:
                self._abandoned.setdefault(of, []).append(call)
            raise

    async def ask(self, name: str, hook: Callable[..., Any], *args: Any, of: str = "") -> Any:
        """The same for a request that is answered by it. What it raises is logged, and told as HookError.

        `name`: the option that the hook is the value of.
        """
        try:
            with running(name):
                return await self.call(hook, *args, of=of)
        except Exception as error:
            log_failure(logger, name, error)
            raise as_hook_error(error) from error

    def _still_running(self, of: str) -> list[_Call]:
        running = [call for call in self._abandoned.pop(of, []) if not call.has_ended]
        if running:
            self._abandoned[of] = running
        return running


class _Call:
    """One call in a thread, which may be called off from the hub's."""

    def __init__(self, hook: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._hook = hook
        self._args = args
        self._lock = threading.Lock()
        self._task: asyncio.Task[Any] | None = None
        self._called_off = False
        self.has_begun = False
        self.has_ended = False

    def run(self) -> Any:
        self.has_begun = True
        try:
            if self._called_off:
                return None  # it waited for a thread until nobody waited for it
            result = self._hook(*self._args)
            return asyncio.run(self._wait(result)) if inspect.isawaitable(result) else result
        except asyncio.CancelledError:
            raise RuntimeError("the hook was cancelled") from None
        finally:
            self.has_ended = True

    async def _wait(self, awaitable: Awaitable[Any]) -> Any:
        with self._lock:
            self._task = asyncio.ensure_future(awaitable)
            if self._called_off:
                self._task.cancel()
        try:
            return await self._task
        finally:
            with self._lock:
                self._task = None

    def cancel(self) -> None:
        with self._lock:
            self._called_off = True
            if self._task is not None:
                self._task.get_loop().call_soon_threadsafe(self._task.cancel)
