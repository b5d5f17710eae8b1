"""From an attempt to a job, and never to two: one is submitted only where none can be found.

Whoever submits holds the attempt's lock, and so does sbatch itself. When the lock is free there is no sbatch under way,
and the job, if there is one, either is on record or can be found by its name.
"""

from __future__ import annotations

import getpass
import os
import pwd
from pathlib import Path

import trio
from msgspec.structs import replace

from core.errors import SpawnError, UnreachableError
from core.machine import faults
from core.plugins.spawner import Attempt
from spawners.account import Account, system_account
from spawners.slurm.attempt_record import AttemptRecord, Owner
from spawners.slurm.commands import InDoubt, submit
from spawners.slurm.job_list import JobList
from spawners.slurm.jobs import chosen
from spawners.slurm.script import submission
from spawners.slurm.settings import SlurmSettings

_LOCK_PAUSE = 0.05
_AT_ONCE = 8
DOUBT_PAUSE = 2.0  # seconds in which a controller that answers again has done what it was asked before


def account_for(user: str, settings: SlurmSettings) -> Account:
    """Whose jobs these are. Raises SpawnError for a user whom this system does not have."""
    return hub_account() if settings.submit_as == "hub" else system_account(user)


def hub_account() -> Account:
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:  # any number may run a container
        home = str(Path.home())
        return Account(getpass.getuser(), home, "/bin/sh", home)
    return Account(entry.pw_name, entry.pw_dir, entry.pw_shell or "/bin/sh", entry.pw_dir)


class Submitter:
    def __init__(self, jobs: JobList, settings: SlurmSettings) -> None:
        self._jobs = jobs
        self._settings = settings
        self._places = trio.CapacityLimiter(_AT_ONCE)

    async def ensure(self, attempt: Attempt, record: AttemptRecord) -> None:
        """Return once a job has been submitted, by whomever. Raises SpawnError, UnreachableError."""
        configured = self._settings
        settings = replace(attempt.settings_as(SlurmSettings, configured), job_name=configured.job_name)
        account = await trio.to_thread.run_sync(account_for, attempt.user, settings)
        while record.job() is None:
            if record.end() is not None:
                raise SpawnError("This attempt has ended, and is not begun a second time.")
            lock = record.take_lock()
            if lock is None:
                await trio.sleep(_LOCK_PAUSE)
                continue
            try:
                await self._submit(attempt, record, account, settings, lock)
            finally:
                os.close(lock)

    async def _submit(
        self, attempt: Attempt, record: AttemptRecord, account: Account, settings: SlurmSettings, lock: int
    ) -> None:
        """With the lock held: whatever there is of the attempt can be found."""
        if record.job() is not None or record.end() is not None:
            return
        kept = {name: os.environ[name] for name in settings.env_keep if name in os.environ}
        what = submission(attempt, settings, account, kept)
        owner = Owner(account.user, what.output, account.owner is not None)
        if await self._found(attempt.spawn_id, record, owner):
            return

        def blocking() -> None:
            try:
                record.write_owner(owner)
                faults.point("job to be submitted")
                job_id = submit(what, account, held, settings.command_timeout)
                faults.point("job submitted")
                record.write_job(job_id)
            except InDoubt:
                record.write_doubt()
                raise
            finally:
                os.close(held)

        async with self._places:
            await trio.lowlevel.checkpoint_if_cancelled()
            # Whoever waits may be called off; from here on sbatch is not.
            held = os.dup(lock)
            try:
                await trio.to_thread.run_sync(
                    blocking, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1)
                )
            except InDoubt as error:
                raise UnreachableError(str(error)) from error

    async def _found(self, spawn_id: str, record: AttemptRecord, owner: Owner) -> bool:
        """Whether a job of this attempt is there that nobody has written down.

        Where nothing is on record, one that is there was submitted long ago, and any list tells of it.
        """
        is_new = record.owner() is None
        snapshot = await (self._jobs.any() if is_new else self._jobs.now())
        job = chosen(snapshot.of(spawn_id), owner.user, None)
        if job is None and record.is_in_doubt():
            await trio.sleep(DOUBT_PAUSE)
            job = chosen((await self._jobs.now()).of(spawn_id), owner.user, None)
        record.clear_doubt()
        if job is not None:
            record.write_owner(owner)
            record.write_job(job.id)
        return job is not None
