"""Servers of another hub, taken in and handed over by the classes that had started them there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner, Spawner
from msgspec.structs import replace
from traitlets.config import Config

from core.errors import SpawnError, UnreachableError
from core.machine.process_identity import read_stat
from core.naming.ids import new_id
from core.plugins.spawner import Attempt, Elsewhere, Gone, Running
from core.settings import PluginSettings, PluginSpawnerSettings
from spawners.jupyterhub.adapter import PluginSpawner
from tests.integration.spawner_worlds import LonelyHub, ignore

PREFIX = "/user/alice/lab/"
URL = "http://127.0.0.1:4711"
IDLE = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]


class PodSpawner(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """Keeps what KubeSpawner keeps: by these names alone it finds what runs, whatever it would call it today."""

    running: ClassVar[set[tuple[str, str]]] = set()
    is_away: ClassVar[bool] = False
    pod_name = "today"
    namespace = "today"

    async def start(self) -> None:
        raise AssertionError("what runs is joined")

    async def poll(self) -> int | None:
        if self.is_away:
            raise ConnectionError("the API server is away")
        return None if (self.namespace, self.pod_name) in self.running else 1

    async def stop(self, now: bool = False) -> None:
        self.running.discard((self.namespace, self.pod_name))

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "pod_name": self.pod_name, "namespace": self.namespace}

    def load_state(self, state: dict[str, Any]) -> None:
        self.pod_name = state.get("pod_name", self.pod_name)
        self.namespace = state.get("namespace", self.namespace)


class FarSpawner(PodSpawner):
    """Its pids are of another machine."""

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "pid": 1}


@pytest.fixture(autouse=True)
def one_pod_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PodSpawner, "running", {("hub", "jupyter-alice---lab")})
    monkeypatch.setattr(PodSpawner, "is_away", False)
    monkeypatch.setattr("spawners.jupyterhub.ending.AGAIN", (0.0,))


@pytest.fixture
def pid() -> Iterator[int]:
    """Of a process that does nothing, for alice's server."""
    with subprocess.Popen(IDLE, env={"JUPYTERHUB_SERVICE_PREFIX": PREFIX}, start_new_session=True) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def elsewhere(state: dict[str, Any]) -> Elsewhere:
    now = datetime.now(UTC)
    return Elsewhere(new_id("s"), "u1", "alice", "v1", "lab", PREFIX, {"size": "big"}, state, URL, now)


def attempt_of(found: Elsewhere) -> Attempt:
    """The start that the hub then finds under way."""
    return Attempt(
        found.spawn_id, "alice", "lab", PREFIX, found.user_options, {}, user_id="u1", server_id="v1"
    )


@asynccontextmanager
async def spawner_of(
    kind: type, directory: Path, hub: LonelyHub | None = None
) -> AsyncIterator[PluginSpawner]:
    spawner = PluginSpawner(PluginSpawnerSettings(plugin=PluginSettings(kind, Config())), directory)
    spawner.attach(hub or LonelyHub())
    yield spawner
    await spawner.close()


@pytest.mark.parametrize("kind", [LocalProcessSpawner, SimpleLocalProcessSpawner])
async def test_a_process_is_joined_looked_after_and_ended(kind: type, pid: int, tmp_path: Path) -> None:
    hub, found = LonelyHub(), elsewhere({"pid": pid})
    async with spawner_of(kind, tmp_path, hub) as of_import:
        await of_import.take_in(found, for_sure=False)
        assert await of_import.listed() == [], "it was only looked"
        await of_import.take_in(found)
        await of_import.take_in(found)
    async with spawner_of(kind, tmp_path, hub) as spawner:
        assert await spawner.start(attempt_of(found), ignore) == URL
        assert await spawner.poll(found.spawn_id) == Running({"pid": pid})
        assert [one.spawn_id for one in await spawner.listed()] == [found.spawn_id]
        assert spawner.hand_over(found.spawn_id) == {"pid": pid}
        assert isinstance(await spawner.stop(found.spawn_id), Gone)
        stat = read_stat(pid)
        assert stat is None or stat.has_ended
        with pytest.raises(SpawnError, match="it has ended"):
            spawner.hand_over(found.spawn_id)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"state": {}}, "its process has ended"),
        ({"state": {"pid": 2**22 + 1}}, "its process has ended"),
        ({"started": datetime.now(UTC) - timedelta(days=1)}, "was not begun when the server was"),
        ({"prefix": "/user/bob/"}, "serves /user/alice/lab/: it is another"),
    ],
)
async def test_a_process_with_the_same_pid_is_not_the_same(
    changed: dict[str, Any], why: str, pid: int, tmp_path: Path
) -> None:
    """Its class asks only whether there is a process with that number."""
    async with spawner_of(LocalProcessSpawner, tmp_path) as spawner:
        with pytest.raises(SpawnError, match=why):
            await spawner.take_in(replace(elsewhere({"pid": pid}), **changed))
        assert await spawner.listed() == []


@pytest.mark.parametrize("kind", [PodSpawner, FarSpawner])
async def test_a_pod_is_found_by_the_state_of_then(kind: type, tmp_path: Path) -> None:
    state = {"pod_name": "jupyter-alice---lab", "namespace": "hub", "pid": 1}
    found = elsewhere(state)
    async with spawner_of(kind, tmp_path) as spawner:
        await spawner.take_in(found)
        assert await spawner.start(attempt_of(found), ignore) == URL
        assert spawner.hand_over(found.spawn_id).items() >= {"pod_name": "jupyter-alice---lab"}.items()
        assert await spawner.stop(found.spawn_id) == Gone(1)
    assert PodSpawner.running == set()


@pytest.mark.parametrize(
    ("state", "is_away", "error", "why"),
    [
        ({"pod_name": "gone", "namespace": "hub"}, False, SpawnError, "says that it has ended"),
        ({}, False, SpawnError, "says that it has ended"),
        ({"pod_name": "gone", "namespace": "hub"}, True, UnreachableError, "the API server is away"),
    ],
)
async def test_what_is_gone_and_what_cannot_be_asked_is_not_taken_in(
    state: dict[str, Any], is_away: bool, error: type[Exception], why: str, tmp_path: Path
) -> None:
    PodSpawner.is_away = is_away
    async with spawner_of(PodSpawner, tmp_path) as spawner:
        with pytest.raises(error, match=why):
            await spawner.take_in(elsewhere(state))
        assert await spawner.listed() == []
        assert PodSpawner.running == {("hub", "jupyter-alice---lab")}
