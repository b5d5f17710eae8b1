"""What an engine's words mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from core.plugins.spawner import Listed
from spawners.docker.engine.found import Alive, Container, Ended, Image, Made, Stage, Summary, stage_of


def container(memory: int = 0, **state: Any) -> Container:
    told = {"State": state, "Config": {}, "HostConfig": {"Memory": memory}}
    return msgspec.json.decode(msgspec.json.encode(told), type=Container)


@pytest.mark.parametrize(
    ("found", "stage"),
    [
        (container(Status="created"), Made()),
        (
            container(Status="created", ExitCode=127, Error="exec: no such file"),
            Ended(127, "The container engine says: exec: no such file."),
        ),
        (container(Status="running"), Alive()),
        (container(Status="restarting"), Alive()),
        (container(Status="paused"), Alive(is_paused=True)),
        (container(Status="stopping"), Alive()),  # Podman's, and of others that may come
        (container(Status="exited"), Ended(0)),
        (container(Status="exited", ExitCode=7), Ended(7)),
        (container(Status="exited", ExitCode=137), Ended(-9)),
        (container(Status="exited", ExitCode=143), Ended(-15)),
        (container(Status="exited", ExitCode=255), Ended(255)),
        (container(Status="dead", ExitCode=1), Ended(1)),
        (container(Status="removing", ExitCode=1), Ended(1)),
        (
            container(2**26, Status="exited", ExitCode=137, OOMKilled=True),
            Ended(-9, "It ran out of memory (its limit is 64 MiB)."),
        ),
        (container(Status="exited", ExitCode=137, OOMKilled=True), Ended(-9, "It ran out of memory.")),
        (
            container(3 * 2**29, Status="exited", ExitCode=1, OOMKilled=True),
            Ended(1, "It ran out of memory (its limit is 1.5 GiB)."),
        ),
    ],
)
def test_the_stage_of_a_container(found: Container, stage: Stage) -> None:
    assert stage_of(found) == stage


def test_what_is_listed_has_its_mark_and_its_age() -> None:
    labels = {"callboard.spawn-id": "s1", "callboard.mark": "body.seal"}
    now = datetime.fromtimestamp(1_000_060, UTC)
    assert Summary(1_000_000, labels).listed(now) == Listed("s1", "body.seal", 60)
    assert Summary(2_000_000, labels).listed(now).age == 0, "an engine's clock may be ahead"
    assert Summary(1_000_000).listed(now).spawn_id == ""


@pytest.mark.parametrize(
    ("told", "cmd"),
    [({}, []), ({"Config": None}, []), ({"Config": {"Cmd": None}}, []), ({"Config": {"Cmd": ["x"]}}, ["x"])],
)
def test_the_command_of_an_image(told: dict[str, Any], cmd: list[str]) -> None:
    assert msgspec.convert(told, Image).cmd == cmd
