"""The actors of servers with a class of JupyterHub's kind that lies, stalls, throws, exits and blocks its loop.

Whatever it does, everybody is answered, the state is what the log says and no actor dies of it. Once it behaves, the
next hub comes to rest: nothing is pending, what is ready runs, and nothing runs that no server knows, unless the class
said twice that it is gone.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jupyterhub.spawner import Spawner
from msgspec.structs import replace
from traitlets.config import Config

from core.actors.servers.deadlines import Deadlines
from core.asyncio_thread.host import AsyncioHost
from core.errors import HubError
from core.naming.ids import new_id
from core.plugins.spawner import Attempt, Telling
from core.server import Ready, Server, Spawning, Stopped, replay
from core.settings import PluginSettings, PluginSpawnerSettings
from spawners.jupyterhub.adapter import PluginSpawner
from tests.effort import examples
from tests.integration.spawner_worlds import LonelyHub
from tests.unit.core.actors.actor_world import Hub, World

pytestmark = pytest.mark.slow

PLACES = ["v1", "v2"]
LONGEST = 2.5  # seconds that a loop may block, with every start of a hub in it
ANSWERED = 10.0  # seconds within which whoever asks is answered
SHORT = Deadlines(start=0.5, answer=0.3, routed=0.1, stop=0.5, poll=0.4)
Step = tuple[str, str, str]  # what is done, about what, and how the class behaves from then on


class Mischief(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """`manner`: how each of its methods behaves. `running`: the servers there are. `denied`: it lied about these."""

    manner: ClassVar[dict[str, str]] = {}
    running: ClassVar[set[int]] = set()
    denied: ClassVar[set[int]] = set()
    numbers: ClassVar[Iterator[int]] = count(1)
    number = 0

    async def start(self) -> Any:
        await self._misbehave("start")
        self.number = next(self.numbers)
        self.running.add(self.number)
        await self._misbehave("started")
        return None if self.manner.get("start") == "lies" else ("127.0.0.1", 1)

    async def poll(self) -> int | None:
        await self._misbehave("poll")
        if self.manner.get("poll") == "lies":
            self.denied.add(self.number)
            return 1
        return None if self.number in self.running else 1

    async def stop(self, now: bool = False) -> None:
        await self._misbehave("stop")
        if self.manner.get("stop") != "lies":
            self.running.discard(self.number)

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "number": self.number}

    def load_state(self, state: dict[str, Any]) -> None:
        self.number = state.get("number", 0)

    async def _misbehave(self, method: str) -> None:
        match self.manner.get(method):
            case "throws":
                raise RuntimeError("as told")
            case "exits":
                sys.exit(1)
            case "blocks":
                time.sleep(0.4)
            case "stalls":
                await asyncio.sleep(1)
            case "swallows":
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(1)
                await asyncio.sleep(0.3)


class Actors(Hub):
    def __init__(self, world: World, since: Any) -> None:
        super().__init__(world, since)
        self.runtime.attempt = self._attempt  # type: ignore[method-assign]
        self.runtime.wait_up = self._wait_up  # type: ignore[method-assign]

    async def _attempt(self, server_id: str, spawning: Spawning, telling: Telling) -> Attempt:
        given = Attempt(spawning.spawn_id, "alice", server_id, f"/user/alice/{server_id}/", {}, {})
        return replace(given, user_id="u1", server_id=server_id)

    async def _wait_up(self, spawn_id: str, url: str) -> None:
        await trio.lowlevel.checkpoint()


@contextmanager
def in_a_hurry() -> Iterator[None]:
    hurried = partial(AsyncioHost, patience=0.05, silent_for=0.15)
    with (
        patch("spawners.jupyterhub.engine.AsyncioHost", hurried),
        patch("spawners.jupyterhub.ending.AGAIN", (0.01,)),
        patch("spawners.jupyterhub.ending.UNTIL_GONE", 0.2),
        patch("spawners.jupyterhub.ending.FOR_A_START", 0.2),
        patch("spawners.jupyterhub.adapter.COME_BACK", 0.3),
        patch("tests.unit.core.actors.actor_world.Hub", Actors),
    ):
        yield


async def take(hub: Hub, step: Step) -> None:
    act, about, manner = step
    with trio.fail_after(ANSWERED), suppress(HubError):
        match act:
            case "start":
                await hub.start(server_id=about, spawn_id=new_id("s"))
            case "stop":
                await hub.stop(about)
            case _:
                Mischief.manner[about] = manner


asked = st.tuples(st.sampled_from(["start", "stop"]), st.sampled_from(PLACES), st.just(""))
told = st.tuples(
    st.just("behave"),
    st.sampled_from(["start", "started", "poll", "stop"]),
    st.sampled_from(["well", "throws", "exits", "blocks", "stalls", "swallows", "lies"]),
)
pauses = st.sampled_from([0.0, 0.02, 0.2])


@given(st.lists(st.tuples(st.one_of(asked, told), pauses), min_size=3, max_size=10))
@example([(("behave", "started", "blocks"), 0.0), (("start", "v1", ""), 0.02), (("stop", "v1", ""), 0.0)])
@example([(("behave", "start", "swallows"), 0.0), (("start", "v1", ""), 0.2), (("start", "v2", ""), 0.2)])
@example([(("start", "v1", ""), 0.2), (("behave", "stop", "lies"), 0.0), (("stop", "v1", ""), 0.2)])
@example([(("start", "v1", ""), 0.2), (("behave", "poll", "throws"), 0.0), (("start", "v1", ""), 0.2)])
@settings(max_examples=examples(5), deadline=None, report_multiple_bugs=False)
def test_whatever_a_class_does_everybody_is_answered_and_the_log_is_right(
    steps: list[tuple[Step, float]],
) -> None:
    with TemporaryDirectory() as directory, in_a_hurry():
        Mischief.manner.clear()
        Mischief.running.clear()
        Mischief.denied.clear()
        trio.run(live, steps, Path(directory))


async def live(steps: list[tuple[Step, float]], directory: Path) -> None:
    plugin_hub = LonelyHub()
    made = [adapter(plugin_hub, directory) for _ in range(2)]
    try:
        await live_twice(steps, made)
    finally:
        Mischief.manner.clear()
        for spawner in made:
            await spawner.close()


async def live_twice(steps: list[tuple[Step, float]], made: list[PluginSpawner]) -> None:
    world = World(deadlines=SHORT, poll=0.2)
    world.spawner = made[0]
    async with world.hub() as hub:
        for step, pause in steps:
            await take(hub, step)
            await trio.sleep(pause)
            await states_are_what_the_log_says(world, hub)
        assert not hub.servers.isolated
        await trio.sleep(LONGEST)  # what is made and not yet recorded when a hub is killed would be lost
    Mischief.manner.clear()
    await ended(made[0])
    world.spawner = made[1]
    async with world.hub() as hub:
        await trio.sleep(0.6)  # what was called off in the hub before may come back as late as this
        with trio.fail_after(20):
            while not all(is_at_rest(hub.actor(place).state) for place in PLACES):
                await trio.sleep(0.01)
        await states_are_what_the_log_says(world, hub)
        ready = [place for place in PLACES if isinstance(hub.actor(place).state, Ready)]
        known = {record.state["number"] for record in made[1].known() if record.phase != "ended"}
        assert len(known) == len(ready)
        assert known <= Mischief.running <= known | Mischief.denied


async def ended(spawner: PluginSpawner) -> None:
    """Nothing of a hub's process is left when the next one begins."""
    await spawner.close()
    with trio.fail_after(20):
        while any(thread.name.startswith("spawners-") for thread in threading.enumerate()):
            await trio.sleep(0.01)


def adapter(plugin_hub: LonelyHub, directory: Path) -> PluginSpawner:
    spawner = PluginSpawner(PluginSpawnerSettings(plugin=PluginSettings(Mischief, Config())), directory)
    spawner.attach(plugin_hub)
    return spawner


def is_at_rest(state: Server) -> bool:
    return isinstance(state, Ready | Stopped) and not state.leftovers


async def states_are_what_the_log_says(world: World, hub: Hub) -> None:
    """As soon as what is being recorded is."""
    with trio.fail_after(ANSWERED):
        while not all(is_what_the_log_says(world, hub, place) for place in PLACES):
            await trio.sleep(0.005)


def is_what_the_log_says(world: World, hub: Hub, place: str) -> bool:
    told = replay(world.events(place))  # type: ignore[arg-type]
    state = hub.actor(place).state
    return state == told or (isinstance(told, Stopped) and state == Stopped())  # what has ended is not folded
