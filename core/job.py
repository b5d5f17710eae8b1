"""A job: work that must happen though the hub be killed. Pure.

NoJob --Request--> Job --Finish--> Ended
                    | ^ `--GiveUp, Cancel--> Ended
                    | `--Try, Progress, PutOff--.
                    `---------------------------'

That only one of a key is open is seen to by the table of jobs, in the append.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from core.errors import AlreadyExistsError, NotFoundError, PendingError
from core.events.job import (
    JobCancelled,
    JobDone,
    JobEvent,
    JobGivenUp,
    JobProgressed,
    JobPutOff,
    JobRequested,
    JobTried,
)

End = Literal["done", "given up", "cancelled"]


class NoJob(Struct, frozen=True):
    """Never asked for."""


class Job(Struct, frozen=True):
    """`left`: items still to be done. `tried`: tries in a row that brought nothing, the present one included."""

    kind: str
    left: frozenset[str] = frozenset()
    options: Mapping[str, Any] = {}
    tries: int = 0
    tried: int = 0


class Ended(Struct, frozen=True):
    how: End


AnyJob = NoJob | Job | Ended

# --- commands ---


class Request(Struct, frozen=True):
    """See JobRequested."""

    kind: str
    items: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    due: datetime | None = None
    key: str = ""
    tries: int = 0


class Try(Struct, frozen=True):
    """A try begins."""


class PutOff(Struct, frozen=True):
    """The try came to nothing; the next one is due at `again`, if there is to be one."""

    why: str
    again: datetime


class Progress(Struct, frozen=True):
    done: tuple[str, ...] = ()
    failed: dict[str, str] = {}


class Finish(Struct, frozen=True):
    pass


class GiveUp(Struct, frozen=True):
    why: str


class Cancel(Struct, frozen=True):
    pass


Command = Request | Try | PutOff | Progress | Finish | GiveUp | Cancel


def decide(job: AnyJob, command: Command) -> list[JobEvent]:
    """What happens if `command` reaches `job`: nothing, events, or a HubError. News of one that has ended is late."""
    if isinstance(command, Request):
        return [_requested(job, command)]
    if isinstance(job, NoJob):
        raise NotFoundError("There is no such job.")
    if isinstance(job, Ended):
        return []
    match command:
        case Try():
            return [JobGivenUp(_in_vain(job))] if _is_last(job) else [JobTried()]
        case PutOff():
            return [JobGivenUp(command.why)] if _is_last(job) else [JobPutOff(command.why, command.again)]
        case Progress():
            return _progress(job, command)
        case Finish():
            if job.left:
                raise PendingError(f"{len(job.left)} items of this job are not done.")
            return [JobDone()]
        case GiveUp():
            return [JobGivenUp(command.why)]
        case Cancel():
            return [JobCancelled()]
        case _:
            assert_never(command)


def _requested(job: AnyJob, asked: Request) -> JobRequested:
    if not isinstance(job, NoJob):
        raise AlreadyExistsError("There is a job of this id.")
    items = tuple(dict.fromkeys(asked.items))
    return JobRequested(asked.kind, items, asked.options, asked.due, asked.key, asked.tries)


def _progress(job: Job, news: Progress) -> list[JobEvent]:
    failed = {item: why for item, why in news.failed.items() if item in job.left}
    done = tuple(item for item in dict.fromkeys(news.done) if item in job.left and item not in failed)
    return [JobProgressed(done, failed)] if done or failed else []


def _is_last(job: Job) -> bool:
    return 0 < job.tries <= job.tried


def _in_vain(job: Job) -> str:
    return f"It was tried {job.tried} times, and each time the hub ended before it was done."


def evolve(job: AnyJob, event: JobEvent) -> AnyJob:
    """The job after `event`. Never refuses: by now it has happened."""
    if isinstance(event, JobRequested):
        return Job(event.kind, frozenset(event.items), event.options, event.tries)
    if not isinstance(job, Job):
        return job
    match event:
        case JobTried():
            return replace(job, tried=job.tried + 1)
        case JobPutOff():
            return job
        case JobProgressed():
            return replace(job, left=job.left - {*event.done, *event.failed}, tried=0)
        case JobDone():
            return Ended("done")
        case JobGivenUp():
            return Ended("given up")
        case JobCancelled():
            return Ended("cancelled")
        case _:
            assert_never(event)
