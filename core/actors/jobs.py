"""Carries out jobs: each when it is due, again where that came to nothing, and from where a killed hub had left it.

A try is an errand, so there is one at a time of a job. What it brings is recorded as it goes on, and that a try failed
and when the next is due is recorded too: the table of jobs is all that a hub needs to know which timers it has.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import trio

from core.actors.errands import Errands
from core.actors.hub_entities import JobEntities
from core.actors.job_run import HopelessError, JobRun
from core.backoff import Backoff
from core.errors import HubError, UnavailableError
from core.events.file.writer import IdempotencyRecord
from core.events.record import HUB, By
from core.job import Cancel, Finish, GiveUp, Job, PutOff, Request, Try

RETRY = Backoff(1.0, 600.0)
LOOK = 60.0  # seconds after which the clock is looked at again: somebody may have set it

Work = Callable[[JobRun], Awaitable[None]]
"""Does all that is left of a job. It bears being called again. Raises HopelessError where that can never be done."""

logger = logging.getLogger("callboard.jobs")


class Timetable(Protocol):
    """When jobs that are not done are to be tried."""

    def due(self, now: datetime) -> Iterable[tuple[str, By]]:
        """The ids of those that are to be tried by now, and who asked for them."""

    def next_due(self, now: datetime) -> datetime | None:
        """When the first of the others is."""


class Jobs:
    def __init__(
        self,
        entities: JobEntities,
        timetable: Timetable,
        errands: Errands,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._entities = entities
        self._timetable = timetable
        self._errands = errands
        self._now = now
        self._works: dict[str, Work] = {}
        self._runs: dict[str, JobRun] = {}
        self._changed = trio.Event()  # something may be due sooner than was thought

    def teach(self, kind: str, work: Work) -> None:
        """From now on jobs of this kind can be done."""
        self._works[kind] = work

    async def request(
        self, job_id: str, request: Request, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> None:
        """Record that it must be done. It is, from here on, whatever becomes of the caller.

        Raises AlreadyExistsError where one of the same key is open.
        """
        await self._entities.ask(job_id, request, by=by, idempotency=idempotency)
        self._changed.set()

    async def cancel(self, job_id: str, *, by: By, idempotency: IdempotencyRecord | None = None) -> None:
        """End it with what is done by now. Raises NotFoundError."""
        if (run := self._runs.get(job_id)) is not None:
            await run.record()
        await self._entities.ask(job_id, Cancel(), by=by, idempotency=idempotency)
        self._errands.cancel(_key(job_id))

    def is_under_way(self, job_id: str) -> bool:
        """Whether a try of it goes on now."""
        return job_id in self._runs

    async def wait_tried(self, job_id: str) -> None:
        """Return once no try of it is under way."""
        await self._errands.wait_done(_key(job_id))

    # --- timers ---

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Begin what is due, now and whenever something is."""
        task_status.started()
        while True:
            await trio.lowlevel.checkpoint_if_cancelled()  # then no errand can begin any more
            self._changed = trio.Event()
            now = self._now()
            for job_id, by in self._timetable.due(now):
                self._errands.go_on(_key(job_id), partial(self._try, job_id, by))
            with trio.move_on_after(self._pause(now)):
                await self._changed.wait()

    def _pause(self, now: datetime) -> float:
        following = self._timetable.next_due(now)
        return LOOK if following is None else min((following - now).total_seconds(), LOOK)

    # --- one try ---

    async def _try(self, job_id: str, by: By) -> None:
        """Raises UnavailableError where not even the outcome can be recorded: the errand then goes on."""
        job = await self._entities.ask(job_id, Try(), by=HUB)
        if not isinstance(job, Job):
            return
        run = self._runs[job_id] = JobRun(job_id, job, by, self._entities)
        try:
            await self._work_on(run)
        finally:
            del self._runs[job_id]
            self._changed.set()

    async def _work_on(self, run: JobRun) -> None:
        try:
            await run.carry_out(self._work_of(run.job.kind))
            await self._entities.ask(run.id, Finish(), by=HUB)
        except HopelessError as error:
            await self._entities.ask(run.id, GiveUp(str(error)), by=HUB)
        except HubError as error:
            logger.warning("job %s cannot be finished yet: %s", run.id, error)
            await self._put_off(run, error.message)
        except Exception:
            logger.exception("job %s failed", run.id)
            await self._put_off(run, "The hub failed at it; its own log says how.")

    def _work_of(self, kind: str) -> Work:
        work = self._works.get(kind)
        if work is None:
            raise UnavailableError(f"This hub cannot do jobs of the kind {kind!r}.")
        return work

    async def _put_off(self, run: JobRun, why: str) -> None:
        again = self._now() + timedelta(seconds=RETRY.after(max(1, run.job.tried)))
        await self._entities.ask(run.id, PutOff(why, again), by=HUB)


def _key(job_id: str) -> str:
    return f"job {job_id}"
