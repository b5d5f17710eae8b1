"""Asking a backend that may be unreachable: what its errors mean, and the back-off before asking again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import trio

from core.backoff import Backoff
from core.errors import HubError, UnreachableError
from core.plugins.spawner import Gone, Lost, Running, Spawner, Status

logger = logging.getLogger("callboard.server")

RETRY = Backoff(0.1, 30.0)
MIN_POLL_INTERVAL = 0.1  # seconds between polls of a spawner that has news all the time

T = TypeVar("T")


def root_cause(error: Exception) -> Exception:
    """What matters in an exception that nurseries may have wrapped: the refusal, or that it cannot be asked."""
    if not isinstance(error, ExceptionGroup):
        return error
    leaves = list(_leaves(error))
    for kind in (HubError, UnreachableError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0] if len(leaves) == 1 else error


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def retry_forever(
    what: str,
    spawn_id: str,
    ask: Callable[[], Awaitable[T]],
    *,
    on: type[Exception] = Exception,
    log: logging.Logger = logger,
) -> T:
    """Ask until there is an answer, whatever goes wrong; the caller sets the deadline, if any.

    `on`: what is no answer; anything else is raised.
    """
    pauses = Pauses(what, spawn_id, log=log)
    while True:
        try:
            return await ask()
        except on as error:
            await pauses.after(error)


class Pauses:
    """Between tries: longer and longer. Only the first failure of a row is worth a line in the log."""

    __slots__ = ("_delays", "_is_first", "_is_loud", "_log", "_spawn_id", "_what")

    def __init__(
        self, what: str, spawn_id: str, *, is_loud: bool = True, log: logging.Logger = logger
    ) -> None:
        """`what` could not be done about `spawn_id`: "end", "start". `is_loud`: nobody else will say that the
        backend is away."""
        self._is_loud = is_loud
        self._log = log
        self._what = what
        self._spawn_id = spawn_id
        self.reset()

    def reset(self) -> None:
        self._delays = RETRY.delays()
        self._is_first = True

    async def after(self, error: Exception) -> None:
        reason = root_cause(error)
        if not self._is_first:
            self._log.debug("still cannot %s %s: %s", self._what, self._spawn_id, reason)
        elif isinstance(reason, UnreachableError):
            level = logging.WARNING if self._is_loud else logging.DEBUG
            self._log.log(level, "cannot %s %s: %s", self._what, self._spawn_id, reason)
        else:
            self._log.error("cannot %s %s", self._what, self._spawn_id, exc_info=error)
        self._is_first = False
        await trio.sleep(next(self._delays))


async def wait_gone(
    spawner: Spawner,
    spawn_id: str,
    poll: Callable[[], Awaitable[Status]],
    poll_every: float,
    *,
    on: type[Exception] = Exception,
    is_loud: bool = False,
    log: logging.Logger = logger,
) -> Gone:
    """Return when the backend says that the attempt is gone. That it is lost says nothing of that."""
    while True:
        found = await wait_out_of_sight(spawner, spawn_id, poll, poll_every, on=on, is_loud=is_loud, log=log)
        if isinstance(found, Gone):
            return found
        await trio.sleep(RETRY.longest)


async def wait_out_of_sight(
    spawner: Spawner,
    spawn_id: str,
    poll: Callable[[], Awaitable[Status]],
    poll_every: float,
    *,
    on: type[Exception] = Exception,
    is_loud: bool = False,
    log: logging.Logger = logger,
) -> Gone | Lost:
    """Return when the backend says that the attempt is gone or lost. Not being able to ask is no news.

    It is asked when the spawner has news, and every `poll_every` seconds. `on`, `is_loud`: see retry_forever, Pauses.
    """
    pauses: Pauses | None = None
    while True:
        try:
            with trio.move_on_after(poll_every):
                await spawner.wait_news(spawn_id)
            status = await poll()
        except on as error:
            pauses = pauses or Pauses("tell whether it runs:", spawn_id, is_loud=is_loud, log=log)
            await pauses.after(error)
            continue
        if not isinstance(status, Running):
            return status
        pauses = None
        await trio.sleep(MIN_POLL_INTERVAL)


async def end_attempt(spawner: Spawner, spawn_id: str, timeout: float) -> Gone | None:
    """End it, asking again and again; None if that could not be confirmed in so many seconds."""
    with trio.move_on_after(timeout):
        return await retry_forever("end", spawn_id, lambda: spawner.stop(spawn_id))
    return None


async def forget(spawner: Spawner, spawn_id: str) -> None:
    """Let the output of an attempt go. That this fails is no reason not to go on, but that it cannot be asked."""
    try:
        await spawner.forget(spawn_id)
    except Exception as error:
        if isinstance(root_cause(error), UnreachableError):
            raise
        logger.exception("cannot drop what is left of %s", spawn_id)
