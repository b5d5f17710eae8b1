"""Hooks that tell how a start gets on, by what they set as `spawner.progress`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from spawners.configuration import load_settings
from tests.conftest import Client, hub_in_memory
from tests.live import live
from tests.unit.web.api.test_hooks import HEAD
from web.starts.narrated import as_progress

GOES_ON = threading.Event()  # what the hooks of these files wait for
HEADER = (
    HEAD
    + """
import asyncio, threading
c.JupyterHub.tornado_settings = {'slow_spawn_timeout': 0}
goes_on = __import__('sys').modules['tests.unit.web.api.servers.test_narrated_starts'].GOES_ON

async def waits():
    while not goes_on.is_set():
        await asyncio.sleep(0.01)
"""
)

A_QUEUE_OF_THE_HOOKS = """
async def hook(spawner):
    queue = asyncio.Queue()
    async def progress():
        while True:
            yield await queue.get()
    spawner.progress = progress
    queue.put_nowait({'progress': 5, 'message': 'first'})
    await asyncio.sleep(0.01)
    queue.put_nowait({'message': 'second', 'html_message': '<b>second</b>', 'ready': True, 'more': 1})
    await waits()
"""
SOMETHING_OF_ITS_OWN = """
def hook(spawner):
    async def progress():
        yield {'progress': 5, 'message': 'first'}
        await asyncio.sleep(0.01)
        yield {'message': 'second', 'html_message': '<b>second</b>', 'ready': True, 'more': 1}
    spawner.progress = progress
"""
SET_BEFORE_IT_WAITS = SOMETHING_OF_ITS_OWN + "    return waits()\n"
ON_TRIO = (
    "import trio\nfrom core.plugins.hooks import trio_hook\n"
    + SOMETHING_OF_ITS_OWN.replace("asyncio.sleep", "trio.sleep").replace(
        "def hook", "@trio_hook\nasync def hook"
    )
    + "    while not goes_on.is_set(): await trio.sleep(0.01)\n"
)
ON_TOP_OF_THE_USUAL = """
async def hook(spawner):
    usual = spawner.progress
    async def progress():
        yield {'progress': 5, 'message': 'first'}
        async for message in usual():
            yield {**message, 'message': 'second', 'html_message': '<b>second</b>', 'more': 1}
    spawner.progress = progress
    await waits()
"""


@pytest.fixture(autouse=True)
def nobody_waits_for_ever() -> Iterator[None]:
    GOES_ON.clear()
    yield
    GOES_ON.set()


def configured(tmp_path: Path, hook: str) -> Any:
    file = tmp_path / "hub.py"
    file.write_text(f"{HEADER}{hook}\nc.Spawner.pre_spawn_hook = hook\n")
    settings, _ = load_settings([file], [])
    return settings


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(A_QUEUE_OF_THE_HOOKS, id="a queue"),
        pytest.param(SOMETHING_OF_ITS_OWN, id="a plain function"),
        pytest.param(SET_BEFORE_IT_WAITS, id="a plain function that gives an awaitable"),
        pytest.param(ON_TRIO, id="on trio"),
        pytest.param(ON_TOP_OF_THE_USUAL, id="the usual with more"),
    ],
)
async def test_what_a_hook_tells_is_shown_while_it_runs(tmp_path: Path, hook: str) -> None:
    slow = {"simulate": {"delay": 0.5}}
    async with (
        hub_in_memory(configured(tmp_path, hook)) as hub,
        Client(hub, "admin-token-of-hooks") as client,
    ):
        await client.post("/users/bob/server", json=slow)
        async with live(client, "/users/bob/server/progress") as stream:
            with trio.fail_after(10):
                told = [(await stream.next()).data for _ in range(3)]
                assert told[0] == {"progress": 0, "message": "Server requested"}
                assert told[1] == {"progress": 5, "message": "first"}
                second = told[2]
                assert (second["message"], second["html_message"], second["more"]) == (
                    "second",
                    "<b>second</b>",
                    1,
                )
                assert "ready" not in second
                assert (await client.get("/users/bob/server")).json()["pending"] == "spawn"
                GOES_ON.set()
                assert (await stream.rest())[-1].data["ready"] is True


@pytest.mark.parametrize(
    "progress",
    [
        "lambda: 1 / 0",
        "lambda: None",
        "5",
        "broken",
        "lambda: nonsense()",
    ],
)
async def test_what_cannot_be_told_hurts_no_start(tmp_path: Path, progress: str) -> None:
    hook = f"""
async def broken():
    yield {{'message': 'so far'}}
    raise RuntimeError('geheim')

async def nonsense():
    for message in (None, 5, {{}}, {{'message': ''}}, {{'message': 1, 'progress': 'x'}}):
        yield message
    yield {{'message': 'x', 'y': object()}}

async def hook(spawner):
    spawner.progress = {progress}
    await asyncio.sleep(0.05)
"""
    async with (
        hub_in_memory(configured(tmp_path, hook)) as hub,
        Client(hub, "admin-token-of-hooks") as client,
    ):
        await client.post("/users/bob/server")
        with trio.fail_after(10):
            told = (await client.get("/users/bob/server/progress")).text
        assert '"ready":true' in told
        assert "geheim" not in told


async def test_who_tells_for_ever_ends_with_the_start(tmp_path: Path) -> None:
    hook = """
async def progress():
    while True:
        yield {'message': 'still here'}
        await asyncio.sleep(0.01)

async def hook(spawner):
    spawner.progress = progress
    goes_on.told_by = threading.current_thread()
"""
    async with (
        hub_in_memory(configured(tmp_path, hook)) as hub,
        Client(hub, "admin-token-of-hooks") as client,
    ):
        await client.post("/users/bob/server", json={"simulate": {"delay": 0.2}})
        with trio.fail_after(10):
            events = (await client.get("/users/bob/server/progress")).text
            assert "still here" in events
            head = hub.store.head
            await trio.sleep(0.2)
        assert hub.store.head == head


@pytest.mark.parametrize(
    ("message", "progress"),
    [
        ({"message": "x", "progress": 5}, 5),
        ({"message": "x", "progress": 99.5}, 99.5),
        ({"message": "x", "progress": True}, None),
        ({"message": "x", "progress": -1}, None),
        ({"message": "x", "progress": 101}, None),
        ({"message": "x", "progress": float("nan")}, None),
        ({"html_message": "x"}, None),
    ],
)
def test_how_far_it_is_counts_from_0_to_100(message: dict[str, Any], progress: float | None) -> None:
    told = as_progress(message)
    assert told is not None
    assert told.progress == progress
