"""Servers as jobs of Slurm. They outlive the hub, and the controller's restarts.

A job is named after the spawn id, so it is found again although nobody may have written down that it was submitted.
What is true of it is what squeue has told last (`job_list.py`), one question for all; what it has told of an end is
kept on the hub's own disk (`attempt_record.py`), for Slurm forgets it. The server picks its port on the node and tells
the hub, which reads from Slurm alone on which node that is.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from core.errors import AlreadyExistsError, NotFoundError, SpawnError, UnreachableError
from core.naming.ids import is_id
from core.plugins.spawner import (
    LOST,
    Attempt,
    Beat,
    Elsewhere,
    Gone,
    Listed,
    Progress,
    Report,
    Running,
    Spawner,
    Status,
    TellStatus,
    UserOptions,
)
from spawners.ports import url_at
from spawners.slurm.attempt_record import AttemptRecord
from spawners.slurm.commands import Commands
from spawners.slurm.fate import Fates, job_of, jobs_of
from spawners.slurm.job_list import JobList, Snapshot
from spawners.slurm.jobs import Job, owned, parse_jobs, waiting_told
from spawners.slurm.node_list import USUAL_AGE, NodeList
from spawners.slurm.nodes import free_in
from spawners.slurm.output import Output, output_of
from spawners.slurm.settings import SlurmSettings
from spawners.slurm.submitting import Submitter, hub_account
from spawners.slurm.taken_in import Newcomers, check_meant, job_in

UNSUPPORTED_OPTIONS = frozenset(
    {"custom", "flavor", "image", "nodes", "option", "queue", "repo2docker", "system"}
)
"""Options that say where or in what image to run, which `with_options` does not know."""

_CANCEL_AGAIN = 15.0  # seconds
_LOCK_PAUSE = 0.05
_FOLLOW_PAUSE = 1.0


class SlurmSpawner(Spawner):
    """`directory`: of the hub's own records."""

    title = "Slurm"

    def __init__(self, settings: SlurmSettings, directory: Path) -> None:
        self._settings = settings
        self._directory = str(directory.absolute())
        self._commands = Commands(settings.command_timeout)
        self._jobs = JobList(self._list_jobs, settings.query_interval)
        self._nodes = NodeList(self._commands.list_nodes)
        self._submitter = Submitter(self._jobs, settings)
        self._fates = Fates(self._commands, self._jobs, self._nodes, settings.query_interval)
        self._newcomers = Newcomers(self._directory)
        self._job_ids: dict[str, int] = {}  # of servers known to run

    async def run(self, beat: Beat) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_nodes)
            await self._jobs.watch(self._settings.watch_interval, beat)

    async def _keep_nodes(self) -> None:
        """For forms to show without asking. That the controller is away is noticed by the watch."""
        while True:
            with trio.move_on_after(USUAL_AGE):
                try:
                    await self._nodes.within(USUAL_AGE / 2)
                except UnreachableError:
                    await trio.lowlevel.checkpoint()
                await trio.sleep_forever()

    async def _list_jobs(self) -> list[Job]:
        answer = await self._commands.list_jobs()
        others = self._newcomers.by_job()
        return await trio.to_thread.run_sync(parse_jobs, answer, self._settings.job_name, others)

    # --- start ---

    async def start(self, attempt: Attempt, report: Report) -> str:
        report(Progress("Spawning server...", 50))
        with _asking():
            record = self._record(attempt.spawn_id)
            if record.end() is not None:
                raise _ended(record.gone())
            if (url := record.url()) is not None:
                await self._running(await self._jobs.now(), attempt.spawn_id, record)
                return url
            await self._submitter.ensure(attempt, record)
            return await self._wait_port(attempt.spawn_id, record, report)

    async def _wait_port(self, spawn_id: str, record: AttemptRecord, report: Report) -> str:
        told = ""
        while True:
            snapshot = await self._jobs.now()
            job = await self._running(snapshot, spawn_id, record)
            await self._cancel_doubles(snapshot, job)
            if (port := record.port()) is not None and job.node:
                self._job_ids[spawn_id] = job.id
                return url_at(await self._nodes.address_of(job.node), port)
            if (message := _progress(job)).message != told:
                told = message.message
                report(message)
            with trio.move_on_after(self._settings.query_interval):
                await self._jobs.wait_news(spawn_id)

    async def _running(self, snapshot: Snapshot, spawn_id: str, record: AttemptRecord) -> Job:
        """Its job, which waits or runs. Raises SpawnError for another, or none."""
        job = job_of(snapshot, spawn_id, record)
        if job is None or job.phase == "ended":
            raise _ended(await self._fates.gone(spawn_id, record, job))
        if job.phase == "lost":
            raise SpawnError("The server's node failed.", reason=LOST)
        return job

    async def _cancel_doubles(self, snapshot: Snapshot, job: Job) -> None:
        """Those that came of requests that nobody had an answer to. They have waited for this one to end."""
        same = owned(snapshot.of(job.spawn_id), job.user)
        if doubles := [one.id for one in same if one.id != job.id and not one.is_over]:
            await self._commands.cancel(doubles)

    async def port_reported(self, spawn_id: str, port: int) -> None:
        with _asking():
            record = self._record(spawn_id)
            if record.owner() is None or record.end() is not None:
                raise NotFoundError("No server of this attempt is being started.")
            if not await trio.to_thread.run_sync(record.write_port, port):
                raise AlreadyExistsError("The port of this server is known already, and it is another one.")
        self._jobs.wake(spawn_id)

    # --- from another hub, and to one ---

    async def take_in(self, found: Elsewhere, *, for_sure: bool = True) -> None:
        """A job of batchspawner's, known by its id, for it is not named as ours are."""
        only = {job_in(found): found.spawn_id}
        listed = parse_jobs(await self._commands.list_jobs(), self._settings.job_name, only)
        jobs = [job for job in listed if job.id in only]
        job = check_meant(found, jobs, None if os.geteuid() == 0 else hub_account().user)
        if for_sure:
            with _asking():
                await trio.to_thread.run_sync(self._newcomers.keep, found, job)

    def hand_over(self, spawn_id: str) -> dict[str, Any]:
        """As batchspawner keeps it, which asks anew for the job's status."""
        record = self._record(spawn_id)
        job_id = record.job()
        if job_id is None or record.end() is not None:
            raise SpawnError("its job has ended")
        return {"job_id": str(job_id), "job_status": ""}

    # --- poll ---

    async def poll(self, spawn_id: str) -> Status:
        found: dict[str, Status] = {}
        await self.poll_many([spawn_id], found.__setitem__)
        return found[spawn_id]

    async def poll_many(self, spawn_ids: Collection[str], tell: TellStatus) -> None:
        """A job that is not listed may have been submitted since."""
        with _asking():
            records = {spawn_id: self._record(spawn_id) for spawn_id in spawn_ids}
            unknown = {
                spawn_id for spawn_id in spawn_ids if not self._is_told(spawn_id, records[spawn_id], tell)
            }
            if not unknown:
                await trio.lowlevel.checkpoint()
                return
            snapshot = await self._jobs.since(trio.current_time() - self._settings.query_interval)
            if not all(job_of(snapshot, spawn_id, records[spawn_id]) for spawn_id in unknown):
                snapshot = await self._jobs.now()
            await self._tell_fates(snapshot, {spawn_id: records[spawn_id] for spawn_id in unknown}, tell)

    async def _tell_fates(
        self, snapshot: Snapshot, records: Mapping[str, AttemptRecord], tell: TellStatus
    ) -> None:
        """Raises what keeps it from telling of some, once all others are told of."""
        failure: UnreachableError | None = None
        for spawn_id, record in records.items():
            try:
                status = await self._fates.status(snapshot, spawn_id, record)
            except UnreachableError as error:
                failure = error
            else:
                tell(spawn_id, self._noted(spawn_id, status))
        if failure is not None:
            raise failure

    def _is_told(self, spawn_id: str, record: AttemptRecord, tell: TellStatus) -> bool:
        """Whether nobody needs to be asked any more."""
        if (gone := record.gone()) is None:
            return False
        tell(spawn_id, self._noted(spawn_id, gone))
        return True

    def _noted(self, spawn_id: str, status: Status) -> Status:
        if isinstance(status, Running):
            self._job_ids[spawn_id] = status.state["job_id"]
        else:
            self._job_ids.pop(spawn_id, None)
        return status

    async def wait_news(self, spawn_id: str) -> None:
        with _asking():
            record = self._record(spawn_id)
            await trio.lowlevel.checkpoint()
            while record.gone() is None:
                snapshot = await self._jobs.any()
                job = job_of(snapshot, spawn_id, record)
                if job is None or job.phase in ("ended", "lost"):
                    return
                await self._jobs.wait_change(spawn_id, snapshot.of(spawn_id))

    # --- stop ---

    async def stop(self, spawn_id: str) -> Gone:
        with _asking():
            record = self._record(spawn_id)
            if (gone := record.gone()) is None:
                if record.exists():
                    await _bar(record)
                gone = await self._end(spawn_id, record)
            self._noted(spawn_id, gone)
            await trio.lowlevel.checkpoint()
            return gone

    async def _end(self, spawn_id: str, record: AttemptRecord) -> Gone:
        """Return once none of its jobs runs, not even one that came of a request nobody had an answer to."""
        cancelled_at = -float("inf")
        while True:
            snapshot = await self._jobs.now()
            alive = [
                one.id for one in jobs_of(snapshot, spawn_id, record) if one.phase in ("waiting", "running")
            ]
            if not alive:
                status = await self._fates.status(snapshot, spawn_id, record)
                if isinstance(status, Gone):
                    return status
                raise UnreachableError("Slurm cannot tell whether it has ended: its node does not answer.")
            if trio.current_time() - cancelled_at >= _CANCEL_AGAIN:
                await self._commands.cancel(alive)
                cancelled_at = trio.current_time()

    # --- what there is ---

    async def listed(self) -> list[Listed]:
        with _asking():
            snapshot = await self._jobs.now()
            jobs = [job_of(snapshot, spawn_id, self._record(spawn_id)) for spawn_id in sorted(snapshot.jobs)]
            return [
                Listed(job.spawn_id, job.comment, max(0.0, time.time() - job.submitted))
                for job in jobs
                if job is not None and await self._fates.may_run(job)
            ]

    def state(self, spawn_id: str) -> dict[str, Any]:
        if spawn_id not in self._job_ids:
            try:
                record = self._record(spawn_id)
                job_id = record.job() if record.end() is None else None
            except OSError:
                job_id = None
            if job_id is None:
                return {}
            self._job_ids[spawn_id] = job_id
        return {"job_id": self._job_ids[spawn_id]}

    def free_now(self) -> Mapping[str, str]:
        nodes = self._nodes.known().values()
        partitions = sorted({partition for node in nodes for partition in node.partitions})
        return {partition: free_in(partition, nodes).told for partition in partitions}

    def unsupported_options(self, user_options: UserOptions) -> frozenset[str]:
        return UNSUPPORTED_OPTIONS & user_options.keys()

    # --- what it writes ---

    async def last_lines(self, spawn_id: str) -> list[str]:
        place = await self._output(spawn_id)
        return [] if place is None else await place.last_lines()

    async def follow_output(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """The places are offsets, in bytes."""
        place, offset = await self._output(spawn_id), after
        while place is not None:
            has_ended = isinstance(await self.poll(spawn_id), Gone)
            while data := await place.piece(offset):
                offset += len(data)
                yield data, offset
            if has_ended:
                return
            await trio.sleep(_FOLLOW_PAUSE)

    async def forget(self, spawn_id: str) -> None:
        with _asking():
            record = self._record(spawn_id)
            if not record.exists() or not isinstance(await self.poll(spawn_id), Gone):
                await trio.lowlevel.checkpoint()
                return
            if (place := await self._output(spawn_id)) is not None:
                await place.remove()
            await trio.to_thread.run_sync(record.remove)
            self._newcomers.drop(spawn_id)

    async def _output(self, spawn_id: str) -> Output | None:
        """None where nothing was started."""
        await trio.lowlevel.checkpoint()
        with _asking():
            owner = self._record(spawn_id).owner()
        return await output_of(owner) if owner is not None and owner.output else None

    def _record(self, spawn_id: str) -> AttemptRecord:
        if not is_id(spawn_id):
            raise ValueError(f"not a spawn id: {spawn_id!r}")
        return AttemptRecord(f"{self._directory}/{spawn_id}")


async def _bar(record: AttemptRecord) -> None:
    """See to it that no job is submitted any more, and that no sbatch is under way."""
    while (lock := record.take_lock()) is None:  # noqa: ASYNC110 -- it may be another process that holds it
        await trio.sleep(_LOCK_PAUSE)
    try:
        record.bar()
    finally:
        os.close(lock)


def _progress(job: Job) -> Progress:
    if job.phase == "waiting":
        return Progress(waiting_told(job), is_waiting=True)
    return Progress(f"Starting on {job.node or 'its node'}...", 70)


def _ended(gone: Gone | None) -> SpawnError:
    if gone is None:
        return SpawnError("This attempt was stopped, and is not begun a second time.")
    told = "" if gone.exit_status is None else f" with status {gone.exit_status}"
    return SpawnError(f"The server's job has ended{told}. {gone.told}".rstrip(), exit_status=gone.exit_status)


@contextmanager
def _asking() -> Iterator[None]:
    """Records that cannot be read are no news of a server."""
    try:
        yield
    except OSError as error:
        raise UnreachableError(f"The hub's own records cannot be read: {error}.") from error
