"""A hook that tells how it gets on: it sets `spawner.progress`, as hooks of JupyterHub do.

That is a function without arguments whose result yields messages: `{"progress": 30, "message": "Copying data"}`. It is
followed, in place of what the spawner says, from when it is set until the start has ended: beside an `async def` in the
same asyncio loop, so that both may share a queue; after a plain function, for that one keeps its thread to itself.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

import outcome
import trio

from core.plugins.hook_errors import log_failure
from core.plugins.hooks import Hooks, is_trio_hook
from core.plugins.spawner import Telling
from core.plugins.told_progress import as_progress
from web.hook_views.spawner import SpawnerView

logger = logging.getLogger("callboard.hooks")


class Narrated:
    """One call of a hook for one start. `of`: whose it is."""

    def __init__(self, hooks: Hooks, view: SpawnerView, telling: Telling, *, of: str) -> None:
        self._hooks = hooks
        self._view = view
        self._telling = telling
        self._of = of
        self._has_returned = trio.Event()
        self._returned: outcome.Outcome[Any] = outcome.Value(None)

    async def call(self, hook: Callable[..., Any]) -> Any:
        """What the hook returns or raises; what it has to tell goes on."""
        self._view.when_narrated(self._take)
        if is_trio_hook(hook):
            return await self._on_trio(hook)
        self._telling.nursery.start_soon(self._run, hook)
        await self._has_returned.wait()
        return self._returned.unwrap()

    def _take(self) -> None:
        self._telling.is_taken = True

    async def _on_trio(self, hook: Callable[..., Any]) -> Any:
        def follow() -> None:
            self._take()
            self._telling.nursery.start_soon(self._follow, self._report)

        self._view.when_narrated(follow)
        return await hook(self._view)

    async def _run(self, hook: Callable[..., Any]) -> None:
        try:
            self._return(await self._hooks.call(partial(self._in_thread, hook), of=self._of))
        except Exception as error:
            self._return(outcome.Error(error))

    def _return(self, returned: Any) -> None:
        """The first time counts: later it is but the end of what was told."""
        if not self._has_returned.is_set():
            self._returned = returned if isinstance(returned, outcome.Error) else outcome.Value(returned)
            self._has_returned.set()

    # --- in the hook's thread ---

    def _in_thread(self, hook: Callable[..., Any]) -> Any:
        result = hook(self._view)
        if inspect.isawaitable(result):
            return self._beside(result)
        return self._afterwards(result) if self._telling.is_taken else result

    async def _beside(self, running: Awaitable[Any]) -> Any:
        is_set = asyncio.Event()
        if self._telling.is_taken:
            is_set.set()

        def follow() -> None:
            self._take()
            is_set.set()

        self._view.when_narrated(follow)
        following = asyncio.ensure_future(self._follow_when(is_set))
        try:
            result = await running
            if is_set.is_set():
                trio.from_thread.run_sync(self._return, result)
                await following
        finally:
            following.cancel()
        return result

    async def _follow_when(self, is_set: asyncio.Event) -> None:
        await is_set.wait()
        await self._follow(self._report_from_thread)

    async def _afterwards(self, result: Any) -> None:
        trio.from_thread.run_sync(self._return, result)
        await self._follow(self._report_from_thread)

    # --- what is told ---

    async def _follow(self, report: Callable[[Any], None]) -> None:
        """Under either loop: nothing here but the generator itself waits."""
        try:
            async with aclosing(self._view.progress()) as messages:  # type: ignore[type-var]
                async for message in messages:
                    report(message)
        except Exception as error:
            log_failure(logger, f"what pre_spawn_hook set as progress of {self._of}", error)

    def _report_from_thread(self, message: Any) -> None:
        trio.from_thread.run_sync(self._report, message)

    def _report(self, message: Any) -> None:
        if (progress := as_progress(message)) is not None:
            self._telling.by_hook(progress)
