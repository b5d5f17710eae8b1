"""Jobs: what is decided, one line for each state and command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import get_args

import pytest

from core.errors import AlreadyExistsError, HubError, NotFoundError, PendingError
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
from core.job import (
    AnyJob,
    Cancel,
    Command,
    Ended,
    Finish,
    GiveUp,
    Job,
    NoJob,
    Progress,
    PutOff,
    Request,
    Try,
    decide,
    evolve,
)

LATER = datetime(2026, 12, 1, 8, tzinfo=UTC)
IN_VAIN = "It was tried 2 times, and each time the hub ended before it was done."

NEW = Job("users.stop", frozenset({"u1", "u2"}), tries=2)
TRIED = Job("users.stop", frozenset({"u1", "u2"}), tries=2, tried=1)
LAST = Job("users.stop", frozenset({"u1", "u2"}), tries=2, tried=2)
EMPTY = Job("users.stop", frozenset(), tried=7)
ENDED = Ended("done")
STATES = {
    "none": NoJob(),
    "new": NEW,
    "tried": TRIED,
    "last try": LAST,
    "nothing left": EMPTY,
    "ended": ENDED,
}

Line = Sequence[Sequence[JobEvent] | type[HubError]]
NONE = NotFoundError
ASKED = Request("users.stop", ("u1", "u2", "u1"), {"a": 1}, LATER, "key", 2)
TABLE: dict[str, tuple[Command, Line]] = {
    "request": (
        ASKED,
        [
            [JobRequested("users.stop", ("u1", "u2"), {"a": 1}, LATER, "key", 2)],
            *[AlreadyExistsError] * 5,
        ],
    ),
    "try": (Try(), [NONE, [JobTried()], [JobTried()], [JobGivenUp(IN_VAIN)], [JobTried()], []]),
    "put off": (
        PutOff("no", LATER),
        [NONE, *[[JobPutOff("no", LATER)]] * 2, [JobGivenUp("no")], [JobPutOff("no", LATER)], []],
    ),
    "progress": (
        Progress(("u1", "u1", "u9"), {"u2": "no", "u8": "no"}),
        [NONE, *[[JobProgressed(("u1",), {"u2": "no"})]] * 3, [], []],
    ),
    "an item that failed and was done": (
        Progress(("u1",), {"u1": "no"}),
        [NONE, *[[JobProgressed((), {"u1": "no"})]] * 3, [], []],
    ),
    "no progress": (Progress(), [NONE, [], [], [], [], []]),
    "finish": (Finish(), [NONE, *[PendingError] * 3, [JobDone()], []]),
    "give up": (GiveUp("no"), [NONE, *[[JobGivenUp("no")]] * 4, []]),
    "cancel": (Cancel(), [NONE, *[[JobCancelled()]] * 4, []]),
}


@pytest.mark.parametrize(
    ("job", "command", "expected"),
    [
        pytest.param(job, command, expected, id=f"{state}: {name}")
        for name, (command, line) in TABLE.items()
        for (state, job), expected in zip(STATES.items(), line, strict=True)
    ],
)
def test_decide(job: AnyJob, command: Command, expected: Sequence[JobEvent] | type[HubError]) -> None:
    if isinstance(expected, Sequence):
        assert decide(job, command) == expected
    else:
        with pytest.raises(expected):
            decide(job, command)


def test_the_table_has_every_command() -> None:
    assert {type(command) for command, _ in TABLE.values()} == set(get_args(Command))


@pytest.mark.parametrize(
    ("job", "event", "after"),
    [
        (NoJob(), JobRequested("users.stop", ("u1", "u2"), tries=2), NEW),
        (NEW, JobTried(), TRIED),
        (TRIED, JobPutOff("no", LATER), TRIED),
        (LAST, JobProgressed(("u1",)), Job("users.stop", frozenset({"u2"}), tries=2)),
        (LAST, JobProgressed((), {"u2": "no"}), Job("users.stop", frozenset({"u1"}), tries=2)),
        (EMPTY, JobDone(), Ended("done")),
        (NEW, JobGivenUp("no"), Ended("given up")),
        (NEW, JobCancelled(), Ended("cancelled")),
        (ENDED, JobProgressed(("u1",)), ENDED),
        (NoJob(), JobTried(), NoJob()),
    ],
)
def test_evolve(job: AnyJob, event: JobEvent, after: AnyJob) -> None:
    assert evolve(job, event) == after
