"""Functions an administrator gives in the configuration, run so that a slow or broken one hurts only its caller.

A plain function runs in a thread; an `async def` runs there too, under an asyncio loop of its own, for that
is what hooks written for JupyterHub expect. `@trio_hook` marks those that are to run on the hub's own loop.
A hook may run again for the same spawn after a crash of the hub.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import trio

from core.errors import SpawnError

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__callboard_trio_hook__"


def trio_hook(function: F) -> F:
    """Run this `async def` under trio, on the hub's own loop: it must never block."""
    setattr(function, _MARK, True)
    return function


class Hooks:
    """Runs hooks, so many at once."""

    def __init__(self, at_once: int = 100) -> None:
        self._threads = trio.CapacityLimiter(at_once)

    async def call(self, hook: Callable[..., Any], *args: Any) -> Any:
        """What the hook returns or raises. Cancelled, it is left to itself in its thread."""
        if getattr(hook, _MARK, False):
            return await hook(*args)
        return await trio.to_thread.run_sync(_run, hook, args, abandon_on_cancel=True, limiter=self._threads)


def _run(hook: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    result = hook(*args)
    if inspect.isawaitable(result):
        return asyncio.run(_wait(result))
    return result


async def _wait(awaitable: Any) -> Any:
    return await awaitable


def as_spawn_error(error: Exception) -> SpawnError:
    """What a start that a hook has broken fails with.

    Source of the attributes that are read: JupyterHub (`status_code`, `log_message` of HTTP errors,
    `jupyterhub_message` and `jupyterhub_html_message` for people).
    """
    if isinstance(error, SpawnError):
        return error
    status = getattr(error, "status_code", None)
    said = getattr(error, "jupyterhub_message", "") or (getattr(error, "log_message", "") if status else "")
    return SpawnError(
        str(said or "Internal Server Error"),
        status=status if isinstance(status, int) and 400 <= status < 600 else 500,
        html_message=str(getattr(error, "jupyterhub_html_message", "") or ""),
        reason=str(getattr(error, "reason", "") or ""),
    )
