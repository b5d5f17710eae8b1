"""Slurm's command line: `squeue`, `scontrol`, `sacct`, `scancel` and `sbatch`, each run without a shell.

Whoever could not ask has learnt nothing: UnreachableError. An answer that says that there is no such job is one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack

import trio
from msgspec import Struct

from core.errors import SpawnError, UnreachableError
from spawners.account import Account
from spawners.slurm.script import Submission, packed

_PASSED_ON = ("PATH", "SLURM_CONF", "SLURM_CONF_SERVER", "SACK_KEY")  # of the hub's own environment
_PATH = "/usr/local/bin:/usr/bin:/bin"
_NO_SUCH_JOB = re.compile(r"Invalid job id|already completing or completed", re.IGNORECASE)
_IN_DOUBT = re.compile(
    r"""unable\ to\ contact | timed\ out | connection\ (refused|reset) | zero\ bytes | communication | munge |
        authentication | transport\ endpoint | temporarily | standby | shutting\ down | unspecified\ error |
        (sending|receiving|send|receive|recv)\b | unexpected\ message""",
    re.IGNORECASE | re.VERBOSE,
)
"""What sbatch says where nobody knows whether the controller has the job. Seen: it made one of a request that it
had not answered in time, seconds after sbatch had given up."""


class Said(Struct, frozen=True):
    status: int
    output: bytes
    errors: str

    @property
    def last_error(self) -> str:
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit status {self.status}"


class InDoubt(Exception):
    """sbatch failed, and the job may have been submitted all the same."""


class Commands:
    """`timeout`: seconds for each."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    async def list_jobs(self) -> bytes:
        """All jobs of the cluster that the controller remembers, ended ones too, as JSON."""
        return (await self._ask(["squeue", "--json", "--states=all"])).output

    async def knows(self, job_id: int) -> bool:
        """False only where the controller says that there is no such job."""
        said = await self._run(["scontrol", "--oneliner", "show", "job", str(job_id)])
        if said.status == 0:
            return True
        if _NO_SUCH_JOB.search(said.errors):
            return False
        raise UnreachableError(f"scontrol: {said.last_error}.")

    async def accounted(self, job_id: int) -> str:
        """What accounting knows of a job's end; "" where there is none."""
        options = ["--noheader", "--allocations", "--parsable2", "--format=State,ExitCode"]
        said = await self._run(["sacct", f"--jobs={job_id}", *options])
        return said.output.decode("utf-8", "replace") if said.status == 0 else ""

    async def list_nodes(self) -> str:
        said = await self._ask(["scontrol", "--oneliner", "show", "nodes"])
        return said.output.decode("utf-8", "replace")

    async def cancel(self, job_ids: Sequence[int]) -> None:
        """All that they run gets SIGTERM, and SIGKILL after Slurm's own KillWait."""
        said = await self._run(["scancel", *map(str, job_ids)])
        if said.status != 0 and not _NO_SUCH_JOB.search(said.errors):
            raise UnreachableError(f"scancel: {said.last_error}.")

    async def _ask(self, words: list[str]) -> Said:
        said = await self._run(words)
        if said.status != 0:
            raise UnreachableError(f"{words[0]}: {said.last_error}.")
        return said

    async def _run(self, words: list[str], prefix: Sequence[str] = ()) -> Said:
        return await run([*prefix, *words], self._timeout)


async def run(words: list[str], timeout: float) -> Said:
    """Run a command to its end, within so many seconds. Raises UnreachableError where it cannot be run to it."""
    with trio.move_on_after(timeout):
        try:
            done = await trio.run_process(
                words, capture_stdout=True, capture_stderr=True, check=False, env=_environment(), cwd="/"
            )
        except OSError as error:
            raise UnreachableError(f"{words[0]} cannot be run: {error}.") from error
        return Said(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
    raise UnreachableError(f"{words[0]} has not answered within {timeout:g} seconds.")


def submit(submission: Submission, account: Account, lock: int, timeout: float) -> int:
    """The id of the job. Raises SpawnError where Slurm refuses it, InDoubt where nobody knows.

    It blocks: call it in a thread, which must not be cut short. `lock`: sbatch holds it until it has ended, whatever
    becomes of the hub.
    """
    program = shutil.which("sbatch", path=_environment()["PATH"])
    if program is None:
        raise SpawnError("Slurm's sbatch is not installed here.")
    with ExitStack() as files:
        environment = files.enter_context(open(os.memfd_create("environment"), "r+b"))
        environment.write(packed(submission.environment))
        environment.seek(0)
        words = [*account.prefix, program, f"--export-file={environment.fileno()}", *submission.options]
        try:
            done = subprocess.run(  # noqa: S603 -- no shell
                words,
                input=submission.script.encode("utf-8", "surrogateescape"),
                capture_output=True,
                check=False,
                pass_fds=(environment.fileno(), lock),
                env=_environment(),
                cwd="/",
                umask=0o077,  # of the file that the job writes to; the script sets its own
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise InDoubt(f"sbatch has not ended within {timeout:g} seconds.") from error
        except (OSError, ValueError) as error:
            raise SpawnError(
                "The job cannot be handed to sbatch."
            ) from error  # its text may name what is secret
    return _job_id(Said(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")))


def _job_id(said: Said) -> int:
    """Of `4711` or `4711;cluster`."""
    first = said.output.decode("ascii", "replace").strip().partition(";")[0]
    if said.status == 0 and first.isdecimal():
        return int(first)
    if said.status == 0 or said.status < 0 or _IN_DOUBT.search(said.errors):
        raise InDoubt(f"sbatch: {said.last_error}.")
    raise SpawnError(f"Slurm refuses the job: {_refusal(said)}.")


def _refusal(said: Said) -> str:
    line = said.last_error.removeprefix("sbatch: ").removeprefix("error: ")
    return line.removeprefix("Batch job submission failed: ").rstrip(".")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {"PATH": _PATH, "LC_ALL": "C.UTF-8", **kept}
