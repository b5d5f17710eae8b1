"""Jobs of another hub's: which one is meant, and how it is known from then on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import SpawnError
from core.plugins.spawner import Elsewhere, Gone
from spawners.slurm.attempt_record import AttemptRecord
from spawners.slurm.jobs import Job, parse_jobs
from spawners.slurm.taken_in import Newcomers, check_meant, job_in
from tests.unit.spawners.slurm.test_jobs import ID, OLD, OTHER

SUBMITTED = datetime.fromtimestamp(1795906970, UTC)


def found(state: dict[str, Any], started: datetime = SUBMITTED) -> Elsewhere:
    url = "http://n1:8888"
    return Elsewhere(ID, "u1", "alice", "v1", "", "/user/alice/", {}, state, url, started)


def jobs(**told: Any) -> list[Job]:
    """As squeue lists one that batchspawner has submitted."""
    one = OLD | {"name": "spawner-jupyterhub"} | told
    return parse_jobs(json.dumps({"errors": [], "jobs": [one]}).encode(), "callboard", {7: ID})


@pytest.mark.parametrize("number", ["7", 7])
def test_a_state_of_batchspawner_names_a_job(number: object) -> None:
    assert job_in(found({"job_id": number, "job_status": "RUNNING n1"})) == 7


@pytest.mark.parametrize("state", [{}, {"job_id": ""}, {"job_id": "7; rm"}, {"job_id": "-7"}, {"pid": 7}])
def test_other_states_do_not(state: dict[str, Any]) -> None:
    with pytest.raises(SpawnError, match="names no job"):
        job_in(found(state))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "does not know its job any more"),
        (jobs(job_state="PENDING"), "waits in the queue"),
        (jobs(job_state="COMPLETED"), "has ended"),
        (jobs(job_state="CANCELLED"), "has ended"),
        (jobs(job_state="NODE_FAIL"), "its job's node failed"),
        (jobs(submit_time=1795906970 + 3600), "job 7 was not submitted when the server was started"),
        (jobs(submit_time=1795906970 - 3600), "job 7 was not submitted when the server was started"),
        (jobs(user_name="bob"), "is that of bob, whose jobs this hub could not end"),
    ],
)
def test_a_job_that_is_not_meant(told: list[Job], why: str) -> None:
    with pytest.raises(SpawnError, match=why):
        check_meant(found({"job_id": "7"}), told, "alice")


@pytest.mark.parametrize("account", ["alice", None])
@pytest.mark.parametrize("away", [timedelta(0), timedelta(minutes=9), timedelta(minutes=-9)])
def test_one_that_is(account: str | None, away: timedelta) -> None:
    [job] = told = jobs()
    assert check_meant(found({"job_id": "7"}, SUBMITTED + away), told, account) is job


def test_the_next_hub_knows_what_was_taken_in(tmp_path: Path) -> None:
    of_import = Newcomers(str(tmp_path / "attempts"))
    assert of_import.by_job() == {}
    of_import.keep(found({"job_id": "7"}), jobs()[0])
    later = Newcomers(str(tmp_path / "attempts"))
    assert later.by_job() == {7: ID}
    record = AttemptRecord(f"{tmp_path}/attempts/{ID}")
    assert (record.job(), record.url()) == (7, "http://n1:8888")
    record.write_end(Gone())
    assert Newcomers(str(tmp_path / "attempts")).by_job() == {}, "that number may be another's next"


def test_what_was_submitted_here_is_no_newcomer(tmp_path: Path) -> None:
    record = AttemptRecord(f"{tmp_path}/{OTHER}")
    record.create()
    record.write_job(7)
    assert Newcomers(str(tmp_path)).by_job() == {}


def test_jobs_are_known_by_name_or_by_number() -> None:
    both = [OLD | {"name": "spawner-jupyterhub"}, OLD | {"job_id": 8, "name": f"callboard-{OTHER}"}]
    told = json.dumps({"errors": [], "jobs": [*both, OLD | {"job_id": 9, "name": "else"}]}).encode()
    assert [(job.id, job.spawn_id) for job in parse_jobs(told, "callboard", {7: ID})] == [(7, ID), (8, OTHER)]
