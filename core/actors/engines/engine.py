"""A place in which this hub runs servers: a spawner, and what is known of how it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import trio

from core.actors.asking import root_cause
from core.actors.servers.spawner_watch import SpawnerWatch
from core.errors import SilentError, UnreachableError
from core.plugins.spawner import Listed, Spawner
from core.reconcile.breaker import Breaker

LIST_TIMEOUT = 30.0  # seconds for an engine to tell what runs in it

T = TypeVar("T")


class Engine:
    """`name`: as recorded with each start. `title`: for people."""

    def __init__(self, name: str, spawner: Spawner, *, silent_since: datetime | None = None) -> None:
        """`silent_since`: it did not answer the last hub."""
        self.name = name
        self.title = spawner.title or name
        self.spawner = spawner
        self.watch = SpawnerWatch(spawner)
        self._breaker = Breaker(silent_since)
        self._suspected = trio.Event()

    @property
    def silent_since(self) -> datetime | None:
        """None while it answers, as far as anybody knows."""
        return self._breaker.since

    @property
    def silence(self) -> str:
        """A sentence for people; `""` while it answers."""
        since = self._breaker.since
        return "" if since is None else f"{self.title} has not answered since {moment(since)}."

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Its answer. Raises SilentError at once while it is known not to answer."""
        if self._breaker.is_open:
            raise SilentError(self.silence)
        try:
            return await question()
        except Exception as error:
            if isinstance(root_cause(error), UnreachableError):
                self._suspected.set()
            raise

    async def what_runs(self) -> list[Listed] | None:
        """Everything that may run there; None where it does not say. By this alone it is known whether it answers."""
        try:
            with trio.fail_after(LIST_TIMEOUT):
                listed = await self.spawner.listed()
        except trio.TooSlowError:
            listed = None
        except Exception as error:
            if not isinstance(root_cause(error), UnreachableError):
                raise
            listed = None
        if listed is None:
            self._breaker.failed(trio.current_time(), datetime.now(UTC))
        else:
            self._breaker.answered(datetime.now(UTC))
        return listed

    async def wait_suspected(self) -> None:
        """Return when somebody has asked it for something in vain, since this was last called."""
        await self._suspected.wait()
        self._suspected = trio.Event()


def moment(since: datetime) -> str:
    """`09:03 UTC`, with its day if that is another one."""
    day = "" if since.date() == datetime.now(UTC).date() else f"{since:%Y-%m-%d} "
    return f"{day}{since:%H:%M} UTC"
