"""Which process another hub meant by a pid: with real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.errors import SpawnError
from core.machine.process_identity import as_line, began, identify, parse_identity, read_stat
from core.plugins.spawner import Elsewhere, Gone, Running
from spawners.local.settings import LocalProcessSettings
from spawners.local.spawner import LocalProcessSpawner
from spawners.local.taken_in import process_meant

PREFIX = "/user/alice/"


@pytest.fixture
def pid() -> Iterator[int]:
    """Of a process that does nothing, for alice's server."""
    own = {**os.environ, "JUPYTERHUB_SERVICE_PREFIX": PREFIX}
    program = "import time; print('begun', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", program], env=own, start_new_session=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # before that its environment may not be there yet
        try:
            yield process.pid
        finally:
            process.kill()


def found(state: dict[str, Any], *, started: datetime | None = None, prefix: str = PREFIX) -> Elsewhere:
    spawn_id = "s" + "0" * 25
    at = started or datetime.now(UTC)
    return Elsewhere(spawn_id, "u1", "alice", "v1", "", prefix, {}, state, "http://127.0.0.1:9", at)


def test_the_process_of_then_is_known_by_its_start(pid: int) -> None:
    stat = read_stat(pid)
    assert stat is not None
    assert process_meant(found({"pid": pid})) == identify(stat)
    assert abs(began(identify(stat)) - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({}, "ended"),
        ({"pid": 0}, "ended"),
        ({"pid": "7"}, "ended"),
        ({"pid": True}, "ended"),
        ({"pid": 2**22 + 1}, "ended"),
    ],
)
def test_none_that_is_not_there(state: dict[str, Any], why: str) -> None:
    with pytest.raises(SpawnError, match=why):
        process_meant(found(state))


@pytest.mark.parametrize("away", [timedelta(hours=-1), timedelta(hours=1)])
def test_another_with_the_same_pid_was_begun_at_another_time(pid: int, away: timedelta) -> None:
    with pytest.raises(SpawnError, match="was not begun when the server was"):
        process_meant(found({"pid": pid}, started=datetime.now(UTC) + away))


def test_another_that_serves_somebody_else(pid: int) -> None:
    with pytest.raises(SpawnError, match="serves /user/alice/: it is another"):
        process_meant(found({"pid": pid}, prefix="/user/bob/"))


def test_an_identity_is_read_as_it_was_written(pid: int) -> None:
    stat = read_stat(pid)
    assert stat is not None
    assert parse_identity(as_line(identify(stat))) == identify(stat)


async def test_the_spawner_looks_after_what_it_has_taken_in(pid: int, tmp_path: Path) -> None:
    spawner = LocalProcessSpawner(tmp_path, LocalProcessSettings(), simple=True)
    there = found({"pid": pid})
    await spawner.take_in(there, for_sure=False)
    assert await spawner.poll(there.spawn_id) == Gone(), "it was only looked"
    for _ in range(2):
        await spawner.take_in(there)
    assert await spawner.poll(there.spawn_id) == Running({"pid": pid})
    assert spawner.hand_over(there.spawn_id) == {"pid": pid}
    assert [one.spawn_id for one in await spawner.listed()] == [there.spawn_id]
    assert await spawner.stop(there.spawn_id) == Gone()
    stat = read_stat(pid)
    assert stat is None or stat.has_ended
    with pytest.raises(SpawnError, match="has ended"):
        spawner.hand_over(there.spawn_id)
    with pytest.raises(SpawnError, match="has ended"):
        await spawner.take_in(replace(there, state={"pid": pid}))
