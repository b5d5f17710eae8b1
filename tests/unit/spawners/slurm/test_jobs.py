"""What Slurm tells of jobs, in the words of several of its versions, and what that means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from core.errors import UnreachableError
from core.plugins.spawner import Gone
from spawners.slurm.jobs import (
    Job,
    Phase,
    as_status,
    chosen,
    end_of,
    parse_accounting,
    parse_jobs,
    waiting_told,
)

ID, OTHER = "s" + "0" * 25, "s" + "1" * 25
OLD = {  # squeue of 22.05
    "job_id": 7,
    "name": f"callboard-{ID}",
    "user_name": "alice",
    "job_state": "RUNNING",
    "state_reason": "None",
    "comment": "log.1.seal",
    "batch_host": "n1",
    "submit_time": 1795906970,
    "start_time": 1795906971,
    "exit_code": 0,
    "time_limit": None,
    "tasks_per_node": 0,
}
NEW = OLD | {  # of 24.05
    "job_state": ["RUNNING"],
    "submit_time": {"set": True, "infinite": False, "number": 1795906970},
    "start_time": {"set": True, "infinite": False, "number": 1795906971},
    "exit_code": {
        "status": ["SUCCESS"],
        "return_code": {"set": True, "infinite": False, "number": 0},
        "signal": {"id": {"set": False, "infinite": False, "number": 0}, "name": ""},
    },
}
MIDDLE = OLD | {  # of 23.02
    "exit_code": {"status": "SUCCESS", "return_code": 0},
    "comment": {"administrator": "", "job": "log.1.seal", "system": ""},
}
JOB = Job(7, ID, "alice", frozenset({"RUNNING"}), "", "log.1.seal", "n1", 1795906970, 1795906971, 0)


def told(*jobs: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"meta": {"plugin": {}}, "errors": [], "jobs": jobs} | more).encode()


@pytest.mark.parametrize("listed", [OLD, MIDDLE, NEW], ids=["22.05", "23.02", "24.05"])
def test_a_job_is_read_in_every_versions_words(listed: dict[str, Any]) -> None:
    assert parse_jobs(told(listed), "callboard") == [JOB]


def test_numbers_that_are_missing_are_none() -> None:
    waits = NEW | {"job_state": ["PENDING"], "start_time": {"set": False, "infinite": False, "number": 0}}
    (job,) = parse_jobs(told(waits | {"exit_code": None, "batch_host": None, "comment": None}), "callboard")
    assert (job.begins, job.exit_status, job.node, job.comment) == (0, None, "", "")


@pytest.mark.parametrize(
    "name",
    ["callboard-", "callboard", "callboard-s1", f"x-callboard-{ID}", f"callboard-{ID}\n", ID, None, "$(id)"],
)
def test_other_jobs_are_none_of_the_hubs(name: str | None) -> None:
    assert parse_jobs(told(OLD | {"name": name}, OLD), "callboard") == [JOB]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"slurm_load_jobs error: Unable to contact slurm controller",
        b"[]",
        b"{}",
        told(OLD)[:-20],
        told(errors=[{"description": "Failed while looking for jobs", "error": "Unspecified error"}]),
        told(OLD, errors=[{"error": "Unspecified error", "error_number": -1}]),
        told(OLD | {"job_id": "seven"}),
    ],
)
def test_what_is_no_whole_list_says_nothing_of_any_job(answer: bytes) -> None:
    with pytest.raises(UnreachableError):
        parse_jobs(answer, "callboard")


@pytest.mark.parametrize(
    ("states", "phase"),
    [
        ({"PENDING"}, "waiting"),
        ({"PENDING", "REQUEUED"}, "waiting"),
        ({"RUNNING"}, "running"),
        ({"RUNNING", "CONFIGURING"}, "running"),
        ({"CONFIGURING"}, "running"),
        ({"SUSPENDED"}, "running"),
        ({"COMPLETING"}, "running"),
        ({"CANCELLED", "COMPLETING"}, "running"),
        ({"COMPLETED"}, "ended"),
        ({"FAILED"}, "ended"),
        ({"TIMEOUT"}, "ended"),
        ({"OUT_OF_MEMORY"}, "ended"),
        ({"CANCELLED"}, "ended"),
        ({"NODE_FAIL"}, "lost"),
        ({"NODE_FAIL", "COMPLETING"}, "lost"),
        ({"SOMETHING_NEW"}, "running"),
        (set(), "running"),
    ],
)
def test_an_end_is_only_what_is_known_to_be_one(states: set[str], phase: Phase) -> None:
    assert replace(JOB, states=frozenset(states)).phase == phase


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (0, 0),
        (256, 1),
        (7 << 8, 7),
        (9, -9),
        (15, -15),
        ((128 + 15) << 8, -15),
        ({"return_code": 3}, 3),
        ({"return_code": 0, "signal": {"signal_id": 9, "name": "KILL"}}, -9),
        ({"return_code": {"set": True, "number": 0}, "signal": {"id": {"set": True, "number": 15}}}, -15),
    ],
)
def test_how_it_ended_is_a_status(code: object, status: int) -> None:
    (job,) = parse_jobs(told(OLD | {"exit_code": code}), "callboard")
    assert job.exit_status == status


def test_a_shell_that_tells_of_a_signal_means_the_signal() -> None:
    assert [as_status(128, 0), as_status(129, 0), as_status(192, 0), as_status(193, 0)] == [128, -1, -64, 193]


@pytest.mark.parametrize(
    ("state", "status", "gone"),
    [
        ("OUT_OF_MEMORY", -9, Gone(-9, reason="It ran out of memory.")),
        ("TIMEOUT", -15, Gone(-15, reason="Its time was up.")),
        ("NODE_FAIL", None, Gone(None, reason="Its node failed.")),
        ("CANCELLED", -15, Gone(-15, reason="Its job was cancelled.")),
        ("PREEMPTED", -15, Gone(-15, reason="It had to give way to another job.")),
        ("COMPLETED", 0, Gone(0)),
        ("FAILED", 1, Gone(1)),
    ],
)
def test_why_it_ended_is_told_in_words(state: str, status: int | None, gone: Gone) -> None:
    assert end_of(replace(JOB, states=frozenset({state}), exit_status=status)) == gone


def test_a_job_that_could_not_be_launched_has_no_status() -> None:
    failed = replace(JOB, states=frozenset({"FAILED"}), reason="JobLaunchFailure", exit_status=-53)
    assert end_of(failed).exit_status is None
    assert "could not launch" in end_of(failed).reason


@pytest.mark.parametrize(
    ("reason", "begins", "words"),
    [
        ("", 0, "Waiting in Slurm's queue."),
        ("Resources", 0, "Waiting in Slurm's queue for nodes to become free."),
        (
            "Priority",
            1795906970,
            "Waiting in Slurm's queue for jobs of higher priority; expected to start at 2026",
        ),
        ("QOSGrpNodeLimit", 0, "Waiting in Slurm's queue (QOSGrp Node Limit)."),
        ("a\nb", 0, "Waiting in Slurm's queue."),
        ("Resources", 2**40, "Waiting in Slurm's queue for nodes to become free."),
    ],
)
def test_people_are_told_what_it_waits_for(reason: str, begins: float, words: str) -> None:
    assert waiting_told(replace(JOB, reason=reason, begins=begins)).startswith(words)


# --- several jobs of one name ---

FIRST, SECOND = JOB, replace(JOB, id=8, submitted=JOB.submitted + 5)
BOBS = replace(JOB, id=3, user="bob")


@pytest.mark.parametrize(
    ("jobs", "user", "job_id", "found"),
    [
        ([], "alice", None, None),
        ([BOBS], "alice", None, None),
        ([BOBS, FIRST], "alice", 3, FIRST),
        ([SECOND, FIRST], "alice", None, FIRST),
        ([FIRST, SECOND], "alice", 8, SECOND),
        ([FIRST, SECOND], "alice", 99, FIRST),
        ([replace(FIRST, states=frozenset({"FAILED"})), SECOND], "alice", None, SECOND),
        (
            [replace(FIRST, states=frozenset({"FAILED"}))],
            "alice",
            None,
            replace(FIRST, states=frozenset({"FAILED"})),
        ),
        ([replace(BOBS, submitted=FIRST.submitted + 1), FIRST], None, None, FIRST),
    ],
)
def test_another_users_job_of_the_same_name_is_not_taken_for_it(
    jobs: list[Job], user: str | None, job_id: int | None, found: Job | None
) -> None:
    assert chosen(jobs, user, job_id) == found


# --- accounting ---


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        ("OUT_OF_MEMORY|0:125\n", Gone(-125, reason="It ran out of memory.")),
        ("CANCELLED by 1001|0:15\n", Gone(-15, reason="Its job was cancelled.")),
        ("COMPLETED|0:0\nCOMPLETED|0:0\n", Gone(0)),
        ("RUNNING|0:0\n", None),
        ("", None),
        ("Slurm accounting storage is disabled\n", None),
        ("COMPLETED|\n", None),
        ("COMPLETED|0:0|x\n", None),
    ],
)
def test_accounting_may_know_how_it_ended(answer: str, gone: Gone | None) -> None:
    assert parse_accounting(answer, ID, 7) == gone
