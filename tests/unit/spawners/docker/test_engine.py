"""What no answer, a 5xx and a 4xx of an engine mean."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from core.errors import UnreachableError
from core.settings import ConfigError
from spawners.docker.engine import calls as engine_module
from spawners.docker.engine.calls import Engine, EngineRefusal, EngineTrouble
from spawners.docker.engine.place import Place
from tests.unit.spawners.docker.faulty_engine import FaultyEngine, error, faulty_engine


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[FaultyEngine]:
    with trio.fail_after(20):
        async with faulty_engine(tmp_path) as made:
            yield made


ASKING: list[Any] = [
    lambda engine: engine.container("callboard-x"),
    lambda engine: engine.containers("a=b"),
    lambda engine: engine.containers_alive(["4f4f4f4f4f4f"]),
    lambda engine: engine.create("callboard-x", {}),
    lambda engine: engine.start("callboard-x"),
    lambda engine: engine.stop("callboard-x", 10),
    lambda engine: engine.remove("callboard-x"),
    lambda engine: engine.image("team/r:1"),
    lambda engine: engine.volumes("a=b"),
    lambda engine: engine.remove_volume("home"),
]


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("status", [500, 503, 403])
async def test_an_engine_in_trouble_has_said_nothing_of_what_was_asked_after(
    faulty: FaultyEngine, ask: Any, status: int
) -> None:
    faulty.answer = lambda method, path: (status, error("cannot connect to containerd"))
    with pytest.raises(EngineTrouble, match="cannot connect to containerd") as trouble:
        await ask(faulty.engine)
    assert isinstance(trouble.value, UnreachableError)


@pytest.mark.parametrize("ask", ASKING)
async def test_an_engine_that_is_not_there_cannot_be_asked(tmp_path: Path, ask: Any) -> None:
    engine = Engine(Place(socket=str(tmp_path / "none.sock")))
    with pytest.raises(UnreachableError, match=r"at unix://.*none\.sock cannot be asked"):
        await ask(engine)


async def test_an_engine_that_does_not_answer_cannot_be_asked(
    faulty: FaultyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.answer = lambda method, path: None
    monkeypatch.setattr(engine_module, "MAKING", 0.05)
    with pytest.raises(UnreachableError, match="no answer in time"):
        await faulty.engine.create("callboard-x", {})


@pytest.mark.parametrize(
    "said", [b"", b"<html>", b"[]", b'{"State": 3}', b'{"State": {"Status": "running"}}']
)
async def test_an_answer_that_makes_no_sense_is_none(faulty: FaultyEngine, said: bytes) -> None:
    faulty.answer = lambda method, path: (200, said)
    with pytest.raises(EngineTrouble):
        await faulty.engine.container("callboard-x")


async def test_only_a_404_says_that_there_is_none(faulty: FaultyEngine) -> None:
    faulty.answer = lambda method, path: (404, error("No such container"))
    assert await faulty.engine.container("callboard-x") is None
    assert await faulty.engine.image("team/r:1") is None
    await faulty.engine.remove("callboard-x")
    await faulty.engine.remove_volume("home")
    with pytest.raises(EngineRefusal, match="No such container"):
        await faulty.engine.start("callboard-x")


async def test_a_conflict_is_a_refusal(faulty: FaultyEngine) -> None:
    faulty.answer = lambda method, path: (409, error("the name is in use"))
    with pytest.raises(EngineRefusal) as refusal:
        await faulty.engine.create("callboard-x", {})
    assert (refusal.value.status, refusal.value.message) == (409, "the name is in use")
    await faulty.engine.remove("callboard-x")  # it is being removed


async def test_a_stream_of_events_is_an_object_for_each_line_that_is_one(faulty: FaultyEngine) -> None:
    faulty.answer = lambda method, path: (200, b'{"Action": "die"}\n\n3\nx\n{"Action": "start"}\n{"Action":')
    async with faulty.engine.events("a=b", ["die"]) as events:
        assert [event async for event in events] == [{"Action": "die"}, {"Action": "start"}]
    assert json.loads(faulty.query["filters"]) == {"type": ["container"], "label": ["a=b"], "event": ["die"]}


async def test_a_stream_that_breaks_off_cannot_be_asked_any_more(faulty: FaultyEngine) -> None:
    faulty.length = 100
    faulty.answer = lambda method, path: (200, b'{"Action": "die"}\n')
    with pytest.raises(UnreachableError):
        async with faulty.engine.events("a=b", ["die"]) as events:
            assert [event async for event in events]


async def test_a_stream_that_is_refused_says_why(faulty: FaultyEngine) -> None:
    faulty.answer = lambda method, path: (409, error("configured logging driver does not support reading"))
    with pytest.raises(EngineRefusal, match="does not support reading"):
        async with faulty.engine.output("callboard-x", follow=False):
            raise AssertionError("there is nothing to read")


def test_certificates_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").write_text("no certificate")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match=rf"^The certificates .*, in {folder}, cannot be read: .+$"):
            Engine(Place(host="127.0.0.1", port=1, tls=True, verify=True, certificates=str(folder)))
