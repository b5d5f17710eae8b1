"""What can happen to a job: work that is done though the hub be killed in the middle of it. Stream: `job/{id}`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.events.urgency import Ordinary, Urgent


def job_stream(job_id: str) -> str:
    return f"job/{job_id}"


class JobRequested(Ordinary, frozen=True, tag="job.requested"):
    """`kind`: names who can do it. `items`: what it is done for, in any order; none: it is one piece of work.

    `due`: not before then; None: at once. `key`: of jobs with the same one only one can be open; `""`: any number.
    `tries`: how many in a row may bring nothing before it is given up; 0: any number.
    """

    kind: str
    items: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    due: datetime | None = None
    key: str = ""
    tries: int = 0


class JobTried(Ordinary, frozen=True, tag="job.tried"):
    """A try begins. One that is followed by another, with nothing in between, ended with its hub."""


class JobPutOff(Ordinary, frozen=True, tag="job.put-off"):
    """The try came to nothing. `again`: when the next one is due."""

    why: str
    again: datetime


class JobProgressed(Ordinary, frozen=True, tag="job.progressed"):
    """`done`: items that were done since. `failed`: those that never will be, and why."""

    done: tuple[str, ...] = ()
    failed: dict[str, str] = {}


class JobDone(Urgent, frozen=True, tag="job.done"):
    """Nothing is left to do."""


class JobGivenUp(Urgent, frozen=True, tag="job.given-up"):
    """It ends with something left to do."""

    why: str


class JobCancelled(Urgent, frozen=True, tag="job.cancelled"):
    """Somebody wants it to end with what has been done until now. Who: in the envelope."""


JobEvent = JobRequested | JobTried | JobPutOff | JobProgressed | JobDone | JobGivenUp | JobCancelled
