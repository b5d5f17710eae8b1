"""Whether an attempt runs, is lost or is gone: from what Slurm says now, and what was written down before."""

from __future__ import annotations

import trio

from core.errors import UnreachableError
from core.plugins.spawner import Gone, Lost, Running, Status
from spawners.slurm.attempt_record import AttemptRecord
from spawners.slurm.commands import Commands
from spawners.slurm.job_list import JobList, Snapshot
from spawners.slurm.jobs import Job, chosen, end_of, owned, parse_accounting
from spawners.slurm.node_list import NodeList
from spawners.slurm.submitting import DOUBT_PAUSE


class Fates:
    """`fresh`: how many seconds old what is known of nodes may be."""

    def __init__(self, commands: Commands, jobs: JobList, nodes: NodeList, fresh: float) -> None:
        self._commands = commands
        self._jobs = jobs
        self._nodes = nodes
        self._fresh = fresh

    async def status(self, snapshot: Snapshot, spawn_id: str, record: AttemptRecord) -> Status:
        """Raises UnreachableError."""
        if (gone := record.gone()) is not None:
            return gone
        job = job_of(snapshot, spawn_id, record)
        if job is None or job.phase == "ended":
            return await self.gone(spawn_id, record, job)
        if job.phase == "lost":
            return await self.lost_or_gone(spawn_id, record, job)
        return Running({"job_id": job.id})

    async def lost_or_gone(self, spawn_id: str, record: AttemptRecord, job: Job) -> Lost | Gone:
        """Slurm has given the job up. What ran is ended by the node itself, once it is back."""
        if await self._answers(job.node):
            return await self.gone(spawn_id, record, job)
        return Lost(f"Its node {job.node} does not answer.")

    async def may_run(self, job: Job) -> bool:
        return job.phase != "ended" and not (job.phase == "lost" and await self._answers(job.node))

    async def _answers(self, node: str) -> bool:
        known = (await self._nodes.within(self._fresh)).get(node)
        return known is not None and known.answers

    async def gone(self, spawn_id: str, record: AttemptRecord, job: Job | None) -> Gone:
        """How it ended, written down. Raises UnreachableError where Slurm may only have failed to mention it."""
        gone = end_of(job) if job is not None else await self._forgotten(spawn_id, record)
        if record.owner() is None:
            return gone  # none that this hub, or one before it with these records, has started
        return await trio.to_thread.run_sync(record.write_end, gone)

    async def _forgotten(self, spawn_id: str, record: AttemptRecord) -> Gone:
        """Of a job that squeue does not list, although it has answered."""
        job_id = record.job()
        if job_id is None:
            await self._settle_doubt(spawn_id, record)
            return Gone()
        if await self._commands.knows(job_id):
            raise UnreachableError(f"squeue does not list job {job_id}, which scontrol knows.")
        told = parse_accounting(await self._commands.accounted(job_id), spawn_id, job_id)
        return told or Gone(reason="Slurm does not know its job any more.")

    async def _settle_doubt(self, spawn_id: str, record: AttemptRecord) -> None:
        """A job may still come of a request that was not answered. Raises UnreachableError where it has."""
        if not record.is_in_doubt():
            return
        await trio.sleep(DOUBT_PAUSE)
        if (await self._jobs.now()).of(spawn_id):
            raise UnreachableError("A job has come of a request that Slurm had not answered.")
        record.clear_doubt()


def job_of(snapshot: Snapshot, spawn_id: str, record: AttemptRecord) -> Job | None:
    owner = record.owner()
    return chosen(snapshot.of(spawn_id), owner.user if owner else None, record.job())


def jobs_of(snapshot: Snapshot, spawn_id: str, record: AttemptRecord) -> list[Job]:
    owner = record.owner()
    return owned(snapshot.of(spawn_id), owner.user if owner else None)
