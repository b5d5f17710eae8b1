"""One try of a job: what is left to do, who asked for it, and what it has brought so far."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from itertools import count

import trio

from core.actors.hub_entities import JobEntities
from core.backoff import Backoff
from core.errors import BusyError, HubError, PendingError, ThrottledError, UnavailableError
from core.events.record import HUB, By
from core.job import Job, Progress

RECORD_EVERY = 1.0  # seconds
AT_ONCE = 50  # items
TRIES = 8  # of an item that the hub puts off
RETRY = Backoff(0.5, 30.0)

Act = Callable[[str], Awaitable[None]]

logger = logging.getLogger("callboard.jobs")


class HopelessError(Exception):
    """What is left of a job can never be done: it is given up, for the reason that this says."""


class JobRun:
    """`job`: as it was when the try began. `by`: who asked, and the position of that as the cause of what is done."""

    def __init__(self, job_id: str, job: Job, by: By, entities: JobEntities) -> None:
        self.id = job_id
        self.job = job
        self.by = by
        self._entities = entities
        self._done: list[str] = []
        self._failed: dict[str, str] = {}
        self._hopeless: HopelessError | None = None

    async def carry_out(self, work: Callable[[JobRun], Awaitable[None]]) -> None:
        """Do the work, and record now and then what it has brought; all of it before this returns or raises."""
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_recording)
            try:
                await work(self)
            except Exception as error:
                failure = error  # a nursery would wrap it
            nursery.cancel_scope.cancel()
        await self.record()
        if failure is not None:
            raise failure

    # --- what it has brought ---

    def settle(self, *items: str) -> None:
        """These are done."""
        self._done.extend(items)

    def fail(self, item: str, why: str) -> None:
        """This one never will be."""
        self._failed[item] = why

    async def record(self) -> None:
        """Raises UnavailableError; what could not be recorded is with the next."""
        done, failed = self._done, self._failed
        self._done, self._failed = [], {}
        try:
            await self._entities.ask(self.id, Progress(tuple(done), failed), by=HUB)
        except HubError:
            self._done, self._failed = [*done, *self._done], {**failed, **self._failed}
            raise

    async def _keep_recording(self) -> None:
        while True:
            await trio.sleep(RECORD_EVERY)
            try:
                await self.record()
            except UnavailableError as error:
                logger.warning("what job %s has done is not recorded yet: %s", self.id, error)

    # --- item by item ---

    async def each(self, act: Act, at_once: int = AT_ONCE) -> None:
        """Do it for every item that is left, so many at once. An item that is refused has failed, and others go on."""
        turns = trio.CapacityLimiter(at_once)
        async with trio.open_nursery() as nursery:
            for item in sorted(self.job.left):
                await turns.acquire_on_behalf_of(item)
                nursery.start_soon(self._act, act, item, turns, nursery.cancel_scope)
        if self._hopeless is not None:
            raise self._hopeless

    async def _act(
        self, act: Act, item: str, turns: trio.CapacityLimiter, all_of_them: trio.CancelScope
    ) -> None:
        try:
            await _patiently(act, item)
        except HopelessError as error:
            self._hopeless = error  # a nursery would wrap it
            all_of_them.cancel()
        except HubError as refusal:
            self.fail(item, refusal.message)
        except Exception:
            logger.exception("job %s failed at %s", self.id, item)
            self.fail(item, "The hub failed at it; its own log says how.")
        else:
            self.settle(item)
        finally:
            turns.release_on_behalf_of(item)


async def _patiently(act: Act, item: str) -> None:
    """Ask again what is refused for the moment, after as long as the refusal says."""
    for failures in count(1):
        try:
            await act(item)
            break
        except (ThrottledError, BusyError, UnavailableError, PendingError) as refusal:
            if failures == TRIES:
                raise
            told = refusal.retry_after if isinstance(refusal, ThrottledError) else None
            await trio.sleep((told or 0) + RETRY.after(failures))
