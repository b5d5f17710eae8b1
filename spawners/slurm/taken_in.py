"""Jobs that another hub has submitted, and that go on as attempts of this one.

They are not named as ours are, and are known by their ids. A `url` in the record of an attempt says that it is one of
these.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from core.errors import SpawnError
from core.naming.ids import is_id
from core.plugins.spawner import Elsewhere
from spawners.slurm.attempt_record import AttemptRecord, Owner
from spawners.slurm.jobs import Job

AWAY = timedelta(minutes=10)  # from the start of its server, at most, when the job was submitted


def job_in(found: Elsewhere) -> int:
    """The number of the job that a state of batchspawner's means. Raises SpawnError where it means none."""
    told = str(found.state.get("job_id", ""))
    if not (told.isascii() and told.isdecimal()):
        raise SpawnError("its state names no job: SlurmSpawner has not started it")
    return int(told)


def check_meant(found: Elsewhere, jobs: Sequence[Job], account: str | None) -> Job:
    """The server's job. Raises SpawnError where it does not run, is another by now, or could not be ended.

    `account`: the only one whose jobs this hub may end; None for root, who may end all. That a job is another is
    possible: Slurm counts anew at the end of its numbers, and where it has lost its state.
    """
    if not jobs:
        raise SpawnError("Slurm does not know its job any more")
    (job,) = jobs
    if job.phase != "running":
        raise SpawnError(
            {"waiting": "its job waits in the queue", "lost": "its job's node failed"}.get(
                job.phase, "its job has ended"
            )
        )
    if abs(datetime.fromtimestamp(job.submitted, UTC) - found.started) > AWAY:
        raise SpawnError(f"job {job.id} was not submitted when the server was started: it is another")
    if account not in (None, job.user):
        raise SpawnError(
            f"its job is that of {job.user}, whose jobs this hub could not end: it is not run by root"
        )
    return job


class Newcomers:
    """`directory`: of all records."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._known: dict[int, str] | None = None

    def by_job(self) -> dict[int, str]:
        """Spawn ids. Read once: they come while no hub runs. Raises OSError."""
        if self._known is None:
            records = {one: AttemptRecord(f"{self._directory}/{one}") for one in self._listed()}
            there = {one: record for one, record in records.items() if record.url() and record.end() is None}
            jobs = {one: record.job() for one, record in there.items()}
            self._known = {job: spawn_id for spawn_id, job in jobs.items() if job is not None}
        return self._known

    def keep(self, found: Elsewhere, job: Job) -> None:
        """Raises OSError."""
        record = AttemptRecord(f"{self._directory}/{found.spawn_id}")
        record.create()
        record.write_owner(Owner(job.user, ""))
        record.write_job(job.id)
        record.write_url(found.url)
        self.by_job()[job.id] = found.spawn_id

    def drop(self, spawn_id: str) -> None:
        """Once its record is gone."""
        self._known = {job: one for job, one in self.by_job().items() if one != spawn_id}

    def _listed(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._directory) if is_id(name)]
        except FileNotFoundError:
            return []
