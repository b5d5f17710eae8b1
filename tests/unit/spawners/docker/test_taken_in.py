"""Containers of another hub's: which one is meant, and how it is known from then on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from core.errors import SpawnError, UnreachableError
from core.plugins.spawner import Attempt, Elsewhere, Gone, Listed, Running
from spawners.docker.endings import Owner
from spawners.docker.engine.found import Container, name_of
from spawners.docker.settings import DockerSettings
from spawners.docker.spawner import DockerSpawner
from spawners.docker.taken_in import Newcomers, TakenIn, check_meant, id_in
from tests.integration.spawner_worlds import ignore
from tests.unit.spawners.docker.faulty_engine import FaultyEngine, error, faulty_engine

ID = "4f" * 32
SPAWN_ID = "s" + "0" * 25
PREFIX = "/user/alice/"
URL = "http://172.17.0.5:8888"


def found(**state: Any) -> Elsewhere:
    at = datetime.now(UTC)
    return Elsewhere(SPAWN_ID, "u1", "alice", "v1", "", PREFIX, {}, state, URL, at)


def inspected(status: str = "running", prefix: str | None = PREFIX) -> dict[str, Any]:
    env = ["JUPYTERHUB_API_TOKEN=canary", *([f"JUPYTERHUB_SERVICE_PREFIX={prefix}"] if prefix else [])]
    return {"Id": ID, "State": {"Status": status, "ExitCode": 3}, "Config": {"Env": env}}


@pytest.mark.parametrize("state", [{"object_id": ID, "object_name": "jupyter-alice"}, {"container_id": ID}])
def test_states_of_dockerspawner_name_a_container(state: dict[str, Any]) -> None:
    assert id_in(state) == ID


@pytest.mark.parametrize(
    "state",
    [{}, {"pid": 7}, {"object_id": ""}, {"object_id": 7}, {"object_id": "../" + ID}, {"pod_name": "x"}],
)
def test_other_states_do_not(state: dict[str, Any]) -> None:
    with pytest.raises(SpawnError, match="names no container"):
        id_in(state)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (None, "is gone"),
        (inspected("exited"), "has ended"),
        (inspected("dead"), "has ended"),
        (inspected("created"), "has ended"),
        (inspected(prefix=None), "holds no server of a JupyterHub"),
        (inspected(prefix="/user/bob/"), "serves /user/bob/: it is another"),
    ],
)
def test_a_container_that_is_not_meant(told: dict[str, Any] | None, why: str) -> None:
    container = None if told is None else msgspec.convert(told, Container)
    with pytest.raises(SpawnError, match=why):
        check_meant(found(object_id=ID), container)


@pytest.mark.parametrize("status", ["running", "paused", "restarting"])
def test_one_that_is(status: str) -> None:
    container = msgspec.convert(inspected(status), Container)
    assert check_meant(found(object_id=ID), container) is container


def test_the_next_hub_knows_what_was_taken_in(tmp_path: Path) -> None:
    taken = TakenIn(ID, "jupyter-alice", URL, Owner("u1", "v1"))
    Newcomers(tmp_path / "of_hub").keep(SPAWN_ID, taken)
    later = Newcomers(tmp_path / "of_hub")
    assert later.of(SPAWN_ID) == taken
    assert later.called(SPAWN_ID) == ID
    assert later.by_container() == {ID: SPAWN_ID}
    other = "s" + "1" * 25
    assert later.called(other) == name_of(other)
    with pytest.raises(ValueError, match="not a spawn id"):
        later.called("../" + SPAWN_ID)


@pytest.mark.parametrize("content", [b"", b"{", b'{"container": 3}'])
def test_what_cannot_be_read_is_not_there(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SPAWN_ID).mkdir()
    (tmp_path / SPAWN_ID / "container").write_bytes(content)
    assert Newcomers(tmp_path).of(SPAWN_ID) is None


# --- the spawner, with an engine ---


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[FaultyEngine]:
    with trio.fail_after(20):
        async with faulty_engine(tmp_path) as made:
            made.state = "running"
            made.answer = answering(made)
            yield made


def answering(engine: Any) -> Any:
    """As an engine with that container alone, which `stop` ends."""

    def answer(method: str, path: str) -> tuple[int, bytes]:
        if path == "/containers/json":
            asked = json.loads(engine.query["filters"])
            is_asked = ID in asked.get("id", ()) and engine.state in asked["status"]
            return 200, json.dumps([{"Id": ID, "Created": 0}] if is_asked else []).encode()
        if path == f"/containers/{ID}/json":
            return 200, json.dumps(inspected(engine.state)).encode()
        if path == f"/containers/{ID}/stop":
            engine.state = "exited"
            return 204, b""
        if path == f"/containers/{ID}/logs":
            return 200, b""
        return 404, error("no such container")

    return answer


def spawner_of(tmp_path: Path) -> DockerSpawner:
    settings = DockerSettings(docker_host=f"unix://{tmp_path / 'engine.sock'}")
    return DockerSpawner(settings, tmp_path / "state")


def attempt() -> Attempt:
    return Attempt(SPAWN_ID, "alice", "", PREFIX, {}, {}, user_id="u1", server_id="v1")


async def test_it_is_joined_listed_ended_and_not_removed(faulty: FaultyEngine, tmp_path: Path) -> None:
    of_import = spawner_of(tmp_path)
    there = found(object_id=ID, object_name="jupyter-alice")
    await of_import.take_in(there, for_sure=False)
    assert not (tmp_path / "state").exists(), "it was only looked"
    await of_import.take_in(there)
    await of_import.take_in(there)
    spawner = spawner_of(tmp_path)
    assert await spawner.start(attempt(), ignore) == URL
    assert await spawner.poll(SPAWN_ID) == Running({"container": ID})
    [listed] = await spawner.listed()
    assert (listed.spawn_id, listed.mark) == (SPAWN_ID, "")
    assert spawner.hand_over(SPAWN_ID) == {"object_id": ID, "object_name": "jupyter-alice"}
    assert await spawner.stop(SPAWN_ID) == Gone(3)
    assert await spawner.poll(SPAWN_ID) == Gone(3)
    assert await spawner.listed() == list[Listed]()
    with pytest.raises(SpawnError, match="has ended"):
        spawner.hand_over(SPAWN_ID)
    await spawner.forget(SPAWN_ID)
    assert [asked for asked in faulty.asked if asked.startswith("DELETE")] == []
    assert Newcomers(tmp_path / "state").of(SPAWN_ID) is None


async def test_what_is_kept_of_it_goes_with_its_user(faulty: FaultyEngine, tmp_path: Path) -> None:
    spawner = spawner_of(tmp_path)
    await spawner.take_in(found(object_id=ID))
    await spawner.stop(SPAWN_ID)
    assert spawner._endings.of("u1", "v1") == [SPAWN_ID]


async def test_one_that_has_ended_meanwhile_is_not_made_anew(faulty: FaultyEngine, tmp_path: Path) -> None:
    spawner = spawner_of(tmp_path)
    await spawner.take_in(found(object_id=ID))
    faulty.state = "exited"
    with pytest.raises(SpawnError, match="has already ended, with exit status 3"):
        await spawner.start(attempt(), ignore)
    assert [asked for asked in faulty.asked if asked.startswith("POST")] == []


async def test_one_that_was_removed_meanwhile_is_not_made_anew(faulty: FaultyEngine, tmp_path: Path) -> None:
    spawner = spawner_of(tmp_path)
    await spawner.take_in(found(object_id=ID))
    faulty.answer = lambda method, path: (404, error("no such container"))
    with pytest.raises(SpawnError, match="has been removed"):
        await spawner.start(attempt(), ignore)
    assert [asked for asked in faulty.asked if asked.startswith("POST")] == []


async def test_an_engine_that_is_away_has_taken_in_nothing(tmp_path: Path) -> None:
    spawner = spawner_of(tmp_path)
    with pytest.raises(UnreachableError):
        await spawner.take_in(found(object_id=ID))
    assert not (tmp_path / "state").exists()


async def test_what_was_made_here_is_found_by_dockerspawner_by_its_name(tmp_path: Path) -> None:
    name = name_of(SPAWN_ID)
    assert spawner_of(tmp_path).hand_over(SPAWN_ID) == {"object_id": name, "object_name": name}
