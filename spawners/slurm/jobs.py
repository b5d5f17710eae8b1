"""What Slurm tells of jobs, and what that means for a server. Pure.

Of the jobs of a cluster those count that are named as this program names them. Names and comments are whatever
anybody has given to a job of theirs, so they are read from JSON, where none can look like another.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import Struct

from core.errors import UnreachableError
from core.naming.ids import is_id
from core.plugins.spawner import Gone

Phase = Literal["waiting", "running", "ended", "lost"]

_ENDED = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "LAUNCH_FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "RECONFIG_FAIL",
        "REVOKED",
        "TIMEOUT",
    }
)
_STILL_THERE = frozenset({"COMPLETING", "STAGE_OUT"})  # it has ended, but its processes may not have
_WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"})
_LOST = frozenset({"NODE_FAIL", "BOOT_FAIL"})
_SIGNALS = 64
NONE: Mapping[int, str] = MappingProxyType({})


class Job(Struct, frozen=True):
    """`states`: the state and its flags. `reason`: Slurm's word for why it waits or has failed.

    `begins`: when it has begun or, while it waits, is thought to. `exit_status`: negative for a signal.
    """

    id: int
    spawn_id: str
    user: str
    states: frozenset[str]
    reason: str = ""
    comment: str = ""
    node: str = ""
    submitted: float = 0
    begins: float = 0
    exit_status: int | None = None

    @property
    def phase(self) -> Phase:
        """A state that is not known is none of having ended."""
        if self.states & _LOST:
            return "lost"
        if self.states & _ENDED and not self.states & _STILL_THERE:
            return "ended"
        return "waiting" if self.states & _WAITING else "running"

    @property
    def is_over(self) -> bool:
        """It will do no more, whether or not its processes are known to have ended."""
        return bool(self.states & _ENDED)


# --- what squeue tells ---


class _Number(Struct, frozen=True):
    """As later versions write numbers that may be missing."""

    set: bool = False
    number: float = 0


class _Signal(Struct, frozen=True):
    id: int | _Number | None = None
    signal_id: int | _Number | None = None


class _ExitCode(Struct, frozen=True):
    return_code: int | _Number | None = None
    signal: _Signal | None = None


_Numeric = int | float | _Number | None


class _Listed(Struct, frozen=True):
    """A job as squeue of Slurm 22.05 to 25.05 tells of it, as far as it is of interest."""

    job_id: _Numeric = None
    name: str | None = None
    user_name: str | None = None
    job_state: str | list[str] = ""
    state_reason: str | None = None
    comment: str | dict[str, str] | None = None
    batch_host: str | None = None
    submit_time: _Numeric = None
    start_time: _Numeric = None
    exit_code: int | _ExitCode | None = None


class _Failure(Struct, frozen=True):
    error: str = ""
    description: str = ""


class _Answer(Struct, frozen=True):
    jobs: list[_Listed] | None = None
    errors: list[_Failure] = []


_decode = msgspec.json.Decoder(_Answer).decode


def parse_jobs(answer: bytes, prefix: str, others: Mapping[int, str] = NONE) -> list[Job]:
    """`prefix`: what the names of the hub's jobs begin with. `others`: spawn ids of jobs with other names, by job.

    Raises UnreachableError where this is no list of all jobs.

    An error in it counts, whatever the exit status was: with a controller that does not answer, squeue of 22.05 lists
    no jobs and exits with 0.
    """
    try:
        told = _decode(answer)
    except msgspec.DecodeError as error:
        raise UnreachableError(f"squeue's answer cannot be read: {error}.") from error
    if told.errors or told.jobs is None:
        why = [one.description or one.error for one in told.errors]
        raise UnreachableError(
            f"squeue does not tell: {'; '.join(filter(None, why)) or 'no jobs in its answer'}."
        )
    found = [
        (others.get(int(_number(one.job_id))) or _spawn_id(one.name or "", prefix), one) for one in told.jobs
    ]
    return [_job(spawn_id, one) for spawn_id, one in found if spawn_id]


def _spawn_id(name: str, prefix: str) -> str:
    """ "" for a job that is not named as the hub names them."""
    start, dash, spawn_id = name.partition("-")
    return spawn_id if (start, dash) == (prefix, "-") and is_id(spawn_id) else ""


def _job(spawn_id: str, one: _Listed) -> Job:
    comment = one.comment if isinstance(one.comment, str) else (one.comment or {}).get("job", "")
    reason = one.state_reason or ""
    states = [one.job_state] if isinstance(one.job_state, str) else one.job_state
    return Job(
        int(_number(one.job_id)),
        spawn_id,
        one.user_name or "",
        frozenset(state.upper() for state in states),
        "" if reason == "None" else reason,
        comment,
        one.batch_host or "",
        _number(one.submit_time),
        _number(one.start_time),
        _exit_status(one.exit_code),
    )


def _number(value: _Numeric) -> float:
    if isinstance(value, _Number):
        return value.number
    return value or 0


def _exit_status(code: int | _ExitCode | None) -> int | None:
    """Older versions tell of it as wait() does."""
    if code is None:
        return None
    if isinstance(code, int):
        return as_status(code >> 8, code & 0x7F)
    signal = code.signal or _Signal()
    return as_status(int(_number(code.return_code)), int(_number(signal.id) or _number(signal.signal_id)))


def as_status(status: int, signal: int) -> int:
    """Negative for a signal. A shell tells of its command's by 128 and the signal's number."""
    if signal:
        return -signal
    return 128 - status if 128 < status <= 128 + _SIGNALS else status


# --- which of several jobs is an attempt's ---


def chosen(jobs: Collection[Job], user: str | None, job_id: int | None) -> Job | None:
    """The one whose id was written down, else the first that was submitted.

    `user`: whose job it must be, None if that is not known. Anybody can name a job of theirs as they like, but not
    before they have seen the first one.
    """
    own = sorted(owned(jobs, user), key=lambda job: (job.submitted, job.id))
    for job in own:
        if job.id == job_id:
            return job
    return next((job for job in own if not job.is_over), own[0] if own else None)


def owned(jobs: Iterable[Job], user: str | None) -> list[Job]:
    return [job for job in jobs if user is None or job.user == user]


# --- in words ---

_WHY_WAITING = {
    "Resources": "for nodes to become free",
    "Priority": "for jobs of higher priority",
    "Dependency": "for an earlier job of this server to end",
    "JobHeldUser": "for its user to release it",
    "JobHeldAdmin": "for an administrator to release it",
    "Licenses": "for a licence",
    "Reservation": "for its reservation to begin",
    "PartitionDown": "for its partition, which is down",
    "PartitionInactive": "for its partition, which is not active",
    "PartitionNodeLimit": "for more nodes than its partition may give",
    "PartitionTimeLimit": "for more time than its partition may give",
    "ReqNodeNotAvail": "for nodes that are not available now",
    "BeginTime": "for its time to begin",
    "AssocGrpCpuLimit": "for its account to use fewer CPUs",
    "QOSMaxJobsPerUserLimit": "for another job of this user to end",
    "QOSMaxCpuPerUserLimit": "for another job of this user to end",
    "AssocMaxJobsLimit": "for another job of this account to end",
}
_WHY_ENDED = {
    "OUT_OF_MEMORY": "It ran out of memory.",
    "TIMEOUT": "Its time was up.",
    "DEADLINE": "Its deadline was reached.",
    "CANCELLED": "Its job was cancelled.",
    "PREEMPTED": "It had to give way to another job.",
    "NODE_FAIL": "Its node failed.",
    "BOOT_FAIL": "Its node did not start.",
    "LAUNCH_FAILED": "Slurm could not launch it.",
    "RECONFIG_FAIL": "Its node could not be set up.",
    "REVOKED": "Its job was revoked.",
}
_BAD_END = {"BadConstraints": "No node has what was asked for."}
_NOT_LAUNCHED = -53  # by a signal of that number, which there is none of
_WHY_NOT_LAUNCHED = (
    "Slurm could not launch it: it may not write to its output file, or has no home on its node."
)
_SPACED = re.compile(r"(?<=[a-z])(?=[A-Z])")


def waiting_told(job: Job) -> str:
    """For people: that it waits, for what, and until when."""
    why = _WHY_WAITING.get(job.reason) or _other_reason(job.reason)
    return " ".join(filter(None, ("Waiting in Slurm's queue", why))) + _estimate(job.begins) + "."


def _other_reason(reason: str) -> str:
    return f"({_SPACED.sub(' ', reason)})" if reason.isprintable() and reason else ""


def _estimate(begins: float) -> str:
    if begins <= 0 or begins >= 2**33:
        return ""
    return f"; expected to start at {datetime.fromtimestamp(begins, UTC):%Y-%m-%d %H:%M} UTC"


def end_of(job: Job) -> Gone:
    if job.exit_status == _NOT_LAUNCHED:
        return Gone(reason=_WHY_NOT_LAUNCHED)
    reason = next((_WHY_ENDED[state] for state in sorted(job.states) if state in _WHY_ENDED), "")
    return Gone(job.exit_status, reason=reason or _BAD_END.get(job.reason, ""))


# --- what sacct tells of a job that squeue does not know any more ---


def parse_accounting(answer: str, spawn_id: str, job_id: int) -> Gone | None:
    """Of `sacct --parsable2 --format=State,ExitCode`: how it has ended, None if it tells of no end."""
    first: Sequence[str] = next((line.split("|") for line in answer.splitlines() if "|" in line), ())
    match = re.fullmatch(r"(\d+):(\d+)", first[1]) if len(first) == 2 else None
    state = first[0].partition(" ")[0] if first else ""
    if match is None or state not in _ENDED:
        return None
    status = as_status(int(match[1]), int(match[2]))
    return end_of(Job(job_id, spawn_id, "", frozenset({state}), exit_status=status))
