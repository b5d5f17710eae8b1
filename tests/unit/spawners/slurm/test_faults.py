"""What goes wrong between hub and controller: programs stand in for Slurm's, for real ones rarely do it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from core.errors import SpawnError, UnreachableError
from core.plugins.spawner import Attempt, Elsewhere, Gone, Lost, Progress, Running
from spawners.slurm import submitting
from spawners.slurm.settings import SlurmSettings
from spawners.slurm.spawner import SlurmSpawner
from spawners.slurm.submitting import hub_account
from tests.unit.spawners.slurm.test_jobs import ID, OLD

pytestmark = pytest.mark.slow

PROGRAM = """#!/bin/sh
echo "{name} $*" >>{directory}/calls
test "{name}" = sbatch && cat >/dev/null
. {directory}/{name}.does
"""
NODES = "NodeName=n1 NodeAddr=127.0.0.1 CPUTot=2 CPUAlloc=0 State={state} Partitions=main"
TIMED_OUT = (
    "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1"
)
ATTEMPT = Attempt(
    ID,
    "alice",
    "",
    "/",
    {},
    {"JUPYTERHUB_API_URL": "http://127.0.0.1:1", "JUPYTERHUB_API_TOKEN": "t0p-s3cret"},
)


class FakeSlurm:
    """`does`: what a program does when it is called, as lines of sh."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "calls").touch()
        for name in ("sbatch", "squeue", "scancel", "scontrol", "sacct"):
            program = directory / name
            program.write_text(PROGRAM.format(name=name, directory=directory))
            program.chmod(0o755)
            self.does(name, "true")
        self.does("sbatch", "echo 7")
        self.nodes("IDLE")
        self.lists()

    def does(self, name: str, lines: str) -> None:
        (self.directory / f"{name}.does").write_text(lines)

    def lists(self, *jobs: dict[str, Any]) -> None:
        answer = self.directory / "jobs.json"
        own = [OLD | {"user_name": hub_account().user} | job for job in jobs]
        part = answer.with_suffix(".part")
        part.write_text(json.dumps({"errors": [], "jobs": own}))
        part.rename(answer)
        self.does("squeue", f"cat {answer}")

    def submits(self, *also: dict[str, Any], before: str = "true") -> None:
        """sbatch makes job 7. `also`: other jobs that are listed; `before`: what it does first."""
        self.lists({"name": "another"}, *also)
        self.does(
            "sbatch", f"{before}; sed -i 's/another/callboard-{ID}/' {self.directory}/jobs.json; echo 7"
        )

    def nodes(self, state: str) -> None:
        self.does("scontrol", f"echo '{NODES.format(state=state)}'")

    def calls(self, name: str) -> list[str]:
        lines = (self.directory / "calls").read_text().splitlines()
        return [line for line in lines if line.startswith(f"{name} ")]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    monkeypatch.setattr(submitting, "DOUBT_PAUSE", 0.2)
    return FakeSlurm(directory)


@pytest.fixture
def hub(tmp_path: Path) -> Callable[[], SlurmSpawner]:
    settings = SlurmSettings(
        submit_as="hub",
        query_interval=0.02,
        watch_interval=0.02,
        output_file=str(tmp_path / "{spawn_id}.log"),
    )
    return lambda: SlurmSpawner(settings, tmp_path / "attempts")


async def started(spawner: SlurmSpawner, port: int = 20000) -> str:
    """A start whose server tells its port as soon as the attempt is on record."""
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell_port, spawner, port)
            return await spawner.start(ATTEMPT, lambda _: None)
    raise AssertionError


async def _tell_port(spawner: SlurmSpawner, port: int) -> None:
    while True:
        try:
            return await spawner.port_reported(ID, port)
        except Exception:
            await trio.sleep(0.02)


async def test_a_job_that_was_submitted_and_not_written_down_is_joined(fake: FakeSlurm, hub: Any) -> None:
    fake.submits()
    await started(hub())
    (next(Path(hub()._directory).iterdir()) / "job").unlink()
    assert await hub().start(ATTEMPT, lambda _: None) == "http://127.0.0.1:20000"
    assert len(fake.calls("sbatch")) == 1


async def test_a_job_of_which_nothing_is_on_record_is_joined(fake: FakeSlurm, hub: Any) -> None:
    fake.lists({})
    assert await started(hub()) == "http://127.0.0.1:20000"
    assert fake.calls("sbatch") == []


async def test_no_secret_is_on_a_command_line(fake: FakeSlurm, hub: Any) -> None:
    fake.submits()
    await started(hub())
    assert "t0p-s3cret" not in (fake.directory / "calls").read_text()


async def test_after_no_answer_nothing_is_submitted_again_before_slurm_has_been_asked_twice(
    fake: FakeSlurm, hub: Any
) -> None:
    fake.does("sbatch", TIMED_OUT)
    with pytest.raises(UnreachableError, match="timed out"):
        await hub().start(ATTEMPT, lambda _: None)
    fake.does("sbatch", "echo 8")
    async with trio.open_nursery() as nursery:

        async def makes_one_of_it_all_the_same() -> None:
            await trio.sleep(0.1)
            fake.lists({})

        nursery.start_soon(makes_one_of_it_all_the_same)
        await started(hub())
    assert len(fake.calls("sbatch")) == 1
    assert hub().state(ID) == {"job_id": 7}


async def test_after_no_answer_and_no_job_it_is_submitted_again(fake: FakeSlurm, hub: Any) -> None:
    fake.does("sbatch", TIMED_OUT)
    with pytest.raises(UnreachableError):
        await hub().start(ATTEMPT, lambda _: None)
    fake.submits()
    await started(hub())
    assert len(fake.calls("sbatch")) == 2
    assert hub().state(ID) == {"job_id": 7}


async def test_a_job_that_comes_after_a_stop_is_ended_before_that_counts(fake: FakeSlurm, hub: Any) -> None:
    fake.does("sbatch", TIMED_OUT)
    with pytest.raises(UnreachableError):
        await hub().start(ATTEMPT, lambda _: None)
    async with trio.open_nursery() as nursery:

        async def makes_one_of_it_all_the_same() -> None:
            await trio.sleep(0.1)
            fake.lists({})

        nursery.start_soon(makes_one_of_it_all_the_same)
        with pytest.raises(UnreachableError, match="had not answered"):
            await hub().stop(ID)
    fake.does("scancel", f"sed -i 's/RUNNING/CANCELLED/' {fake.directory}/jobs.json")
    assert (await hub().stop(ID)).reason == "Its job was cancelled."
    assert fake.calls("scancel") == ["scancel 7"]
    with pytest.raises(SpawnError):
        await hub().start(ATTEMPT, lambda _: None)


async def test_of_two_jobs_the_later_is_cancelled(fake: FakeSlurm, hub: Any) -> None:
    fake.lists({}, {"job_id": 9, "job_state": "PENDING", "state_reason": "Dependency"})
    await started(hub())
    assert set(fake.calls("scancel")) == {"scancel 9"}


async def test_another_users_job_of_that_name_is_neither_joined_nor_cancelled(
    fake: FakeSlurm, hub: Any
) -> None:
    fake.submits({"user_name": "mallory", "job_id": 3})
    await started(hub())
    assert len(fake.calls("sbatch")) == 1
    assert fake.calls("scancel") == []
    assert hub().state(ID) == {"job_id": 7}


async def test_a_start_that_is_called_off_leaves_sbatch_alone_and_a_stop_waits_for_it(
    fake: FakeSlurm, hub: Any
) -> None:
    fake.submits(before="sleep 0.5")
    fake.does("scancel", f"sed -i 's/RUNNING/CANCELLED/' {fake.directory}/jobs.json")
    with trio.move_on_after(0.2):
        await hub().start(ATTEMPT, lambda _: None)
    assert isinstance(await hub().stop(ID), Gone)
    assert fake.calls("scancel") == ["scancel 7"]


@pytest.mark.parametrize(
    "does",
    [
        "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1",
        """echo '{"jobs": [], "errors": [{"description": "Failed while looking for jobs"}]}'""",
        "echo '{}'",
        "kill -9 $$",
    ],
)
async def test_a_controller_that_is_away_says_nothing_of_a_server(
    fake: FakeSlurm, hub: Any, does: str
) -> None:
    fake.lists({})
    await started(hub())
    fake.does("squeue", does)
    spawner = hub()
    for ask in (spawner.poll, spawner.stop):
        with pytest.raises(UnreachableError):
            await ask(ID)
    with pytest.raises(UnreachableError):
        await spawner.listed()
    fake.lists({})
    await trio.sleep(0.05)
    assert isinstance(await spawner.poll(ID), Running)


async def test_a_job_that_is_not_listed_is_gone_when_slurm_says_so(fake: FakeSlurm, hub: Any) -> None:
    fake.lists({})
    await started(hub())
    fake.lists()
    fake.does("scontrol", "echo 'JobId=7'")
    with pytest.raises(UnreachableError, match="scontrol knows"):
        await hub().poll(ID)
    fake.does("scontrol", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(UnreachableError, match="Unable to contact"):
        await hub().poll(ID)
    fake.does("scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    fake.does("sacct", "echo 'OUT_OF_MEMORY|0:9'")
    assert await hub().poll(ID) == Gone(-9, reason="It ran out of memory.")
    fake.does("squeue", "exit 1")
    assert await hub().poll(ID) == Gone(-9, reason="It ran out of memory."), "it is written down"


async def test_a_failed_node_is_lost_until_it_answers(fake: FakeSlurm, hub: Any) -> None:
    fake.lists({})
    await started(hub())
    fake.lists({"job_state": "NODE_FAIL"})
    fake.nodes("DOWN*")
    spawner = hub()
    assert await spawner.poll(ID) == Lost("Its node n1 does not answer.")
    with pytest.raises(UnreachableError):
        await spawner.stop(ID)
    assert [one.spawn_id for one in await spawner.listed()] == [ID]
    fake.nodes("IDLE")
    await trio.sleep(0.05)
    assert await spawner.stop(ID) == Gone(0, reason="Its node failed.")
    assert await spawner.listed() == []


async def test_what_slurm_refuses_is_told_to_who_asked(fake: FakeSlurm, hub: Any) -> None:
    fake.does("sbatch", "echo 'sbatch: error: Batch job submission failed: Invalid account' >&2; exit 1")
    with pytest.raises(SpawnError, match=r"^Slurm refuses the job: Invalid account\.$"):
        await hub().start(ATTEMPT, lambda _: None)
    assert await hub().stop(ID) == Gone()


async def test_waiting_is_told_once_for_each_reason(fake: FakeSlurm, hub: Any) -> None:
    told: list[Progress] = []
    fake.lists({"job_state": "PENDING", "state_reason": "Priority", "start_time": 0})
    with trio.move_on_after(0.6):
        await hub().start(ATTEMPT, told.append)
    assert [(one.message, one.is_waiting) for one in told] == [
        ("Spawning server...", False),
        ("Waiting in Slurm's queue for jobs of higher priority.", True),
    ]


# --- jobs of another hub's ---


async def test_a_job_of_another_hub_is_joined_listed_and_ended(
    fake: FakeSlurm, hub: Callable[[], SlurmSpawner]
) -> None:
    fake.lists({"name": "spawner-jupyterhub", "submit_time": time.time()})
    fake.does("scancel", f"sed -i 's/RUNNING/CANCELLED/' {fake.directory}/jobs.json")
    url = "http://n1:8888"
    state = {"job_id": "7", "job_status": "RUNNING n1"}
    there = Elsewhere(ID, "u1", "alice", "v1", "", "/", {}, state, url, datetime.now(UTC))
    with trio.fail_after(20):
        await hub().take_in(there, for_sure=False)
        assert await hub().list_attempts() == [], "it was only looked"
        await hub().take_in(there)
        spawner = hub()
        assert await spawner.start(ATTEMPT, lambda _: None) == url
        assert await spawner.poll(ID) == Running({"job_id": 7})
        assert await spawner.list_attempts() == [ID]
        assert await spawner.last_lines(ID) == [], "where it writes is not known"
        assert spawner.hand_over(ID) == {"job_id": "7", "job_status": ""}
        assert isinstance(await spawner.stop(ID), Gone)
        assert fake.calls("scancel") == ["scancel 7"]
        assert fake.calls("sbatch") == []
        with pytest.raises(SpawnError, match="has ended"):
            spawner.hand_over(ID)
        await spawner.forget(ID)
        assert await hub().list_attempts() == []


async def test_a_job_of_another_hub_that_has_ended_is_not_submitted_anew(
    fake: FakeSlurm, hub: Callable[[], SlurmSpawner]
) -> None:
    fake.lists({"name": "spawner-jupyterhub", "submit_time": time.time()})
    there = Elsewhere(
        ID, "u1", "alice", "v1", "", "/", {}, {"job_id": "7"}, "http://n1:8888", datetime.now(UTC)
    )
    with trio.fail_after(20):
        await hub().take_in(there)
        fake.lists({"name": "spawner-jupyterhub", "job_state": "COMPLETED"})
        with pytest.raises(SpawnError, match="has ended"):
            await hub().start(ATTEMPT, lambda _: None)
    assert fake.calls("sbatch") == []
