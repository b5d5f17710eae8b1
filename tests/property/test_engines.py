"""The actors of servers with engines that lie, stall, are away, lose what they run and bring it back.

Whatever an engine does, the state is what the log says, no actor dies of it and no attempt is begun twice; only what it
said of an attempt ends that attempt, never its silence. Once it has come to its senses, the next hub ends in a state
where nothing is pending, and what runs is what is ready.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from core.errors import HubError
from core.events.server import OutOfSight, ServerDied, ServerLost
from core.plugins.spawner import Attempt, Gone, Report, Running, Status
from core.server import Ready, Stopped, replay
from spawners.simulated import SimulatedBackend, SimulatedServer
from tests.effort import examples
from tests.unit.core.actors.actor_world import BreakableSpawner, Hub, World
from tests.unit.core.actors.engines.reconciled import Reconciled

Step = tuple[tuple[str, Any], float]  # what is done, about what, and how long the next step has to wait

PLACES = ["v1", "v2"]
LONG = 600.0  # seconds after which all deadlines and pauses are over


class Engine(BreakableSpawner):
    """`denied`: it says of these that they are gone, though they run. `claimed`: the other way round.

    `lost`: what it runs and knows nothing of. `is_stalled`: it does not answer. `wronged`: all that it ever denied,
    lost or killed. `unseen`: all whose node it ever lost sight of.
    """

    def __init__(self, backend: SimulatedBackend) -> None:
        super().__init__(backend)
        self.denied: set[str] = set()
        self.claimed: set[str] = set()
        self.lost: dict[str, SimulatedServer] = {}
        self.is_stalled = False
        self.wronged: set[str] = set()
        self.unseen: set[str] = set()

    async def _called(self, method: str, whom: str) -> None:
        await super()._called(method, whom)
        while self.is_stalled:
            await trio.sleep(1)

    async def start(self, attempt: Attempt, report: Report) -> str:
        url = await super().start(attempt, report)
        await self._called("started", attempt.spawn_id)  # it may stall once it has begun, too
        return url

    async def poll(self, spawn_id: str) -> Status:
        found = await super().poll(spawn_id)
        if spawn_id in self.denied:
            return Gone(0)
        return Running() if spawn_id in self.claimed else found

    async def stop(self, spawn_id: str) -> Gone:
        if spawn_id in self.denied:
            await self._called("stop", spawn_id)
            return Gone(0)
        return await super().stop(spawn_id)

    def lose(self, spawn_id: str) -> None:
        server = self.backend._servers.pop(spawn_id, None)
        if server is not None:
            self.lost[spawn_id] = server
            self.backend._tell(spawn_id)

    def wake_watches(self) -> None:
        for spawn_id in list(self.backend._waiting):
            self.backend._tell(spawn_id)

    def bring_back(self) -> None:
        self.backend._servers.update(self.lost)
        self.lost.clear()

    def lose_node(self, spawn_id: str) -> None:
        self.unseen.add(spawn_id)
        self.backend.lose(spawn_id)

    def come_to_its_senses(self) -> None:
        self.backend.lost.clear()
        self.is_stalled = self.backend.is_down = False
        self.denied.clear()
        self.claimed.clear()
        self.bring_back()


async def take(hub: Hub, engine: Engine, step: str, about: Any) -> None:
    spawn_id = hub.actor(about).state.spawn_id if about in PLACES else ""
    if step in ("deny", "lose", "kill"):
        engine.wronged.add(spawn_id)
    match step:
        case "start":
            await hub.start({"delay": 5}, server_id=about)
        case "stop":
            await hub.stop(about)
        case "stall":
            engine.is_stalled = about
        case "away":
            engine.backend.is_down = about
            engine.wake_watches()
        case "deny" if spawn_id:
            engine.denied.add(spawn_id)
        case "claim" if spawn_id:
            engine.claimed.add(spawn_id)
        case "lose" if spawn_id:
            engine.lose(spawn_id)
        case "kill" if spawn_id:
            engine.backend.kill(spawn_id)
        case "node down" if spawn_id:
            engine.lose_node(spawn_id)
        case "nodes up":
            engine.backend.lost.clear()
        case "bring back":
            engine.bring_back()
        case "sane":
            engine.come_to_its_senses()


PAUSES = [0.01, 4, 31, 100, 400]
TROUBLES = [
    *(("stall", True), ("away", True)),
    *((what, place) for what in ("deny", "claim", "lose", "kill", "node down") for place in PLACES),
]
ENDS = [("stall", False), ("away", False), ("bring back", None), ("nodes up", None), ("sane", None)]
WISHES = [(what, place) for what in ("start", "stop", "stop") for place in PLACES]
steps = st.tuples(st.sampled_from([*TROUBLES, *WISHES, *WISHES, *ENDS]), st.sampled_from(PAUSES))
lives_of_hubs = st.lists(st.lists(steps, min_size=3, max_size=12), min_size=1, max_size=3)


def hold_against_the_log(world: World, hub: Hub, engine: Engine) -> None:
    assert hub.servers.restarts == 0
    assert hub.servers.isolated == []
    for server_id in PLACES:
        events: Any = world.events(server_id)
        state = hub.actor(server_id).state
        if hub.actor(server_id).is_sound:
            assert replay(events).spawn_id == state.spawn_id, server_id
        died = {event.spawn_id for event in events if isinstance(event, ServerDied | ServerLost)}
        assert died <= engine.wronged, "that it could not be asked was taken for an end"
        doubted = {event.spawn_id for event in events if isinstance(event, OutOfSight)}
        assert doubted <= engine.unseen, "that it could not be asked was taken for a lost node"
    assert len(world.backend.begun) == len(set(world.backend.begun)), "an attempt was begun twice"


async def live(world: World, lives: list[list[Step]]) -> None:
    engine = Engine(world.backend)
    world.spawner = engine
    for life in lives:
        async with world.hub() as hub:
            for server_id in PLACES:
                with suppress(HubError):
                    await hub.start({"delay": 5}, server_id=server_id)
            await trio.sleep(6)
            for (step, about), pause in life:
                with suppress(HubError):
                    await take(hub, engine, step, about)
                await trio.sleep(pause)
                hold_against_the_log(world, hub, engine)
    engine.come_to_its_senses()
    async with world.hub() as hub:
        await wait_all_tasks_blocked()  # the actors have read the log
        unknown = set(world.backend.running()) - known(hub)
        assert unknown <= engine.wronged, "what nobody said had ended was forgotten"
        await reconcile(hub, engine)
        states = [hub.actor(server_id).state for server_id in PLACES]
        hold_against_the_log(world, hub, engine)
        assert all(isinstance(state, Stopped | Ready) for state in states), states
        assert not any(state.leftovers for state in states), states
        ready = sorted(state.spawn_id for state in states if isinstance(state, Ready))
        assert world.backend.running() == ready, "what runs is what is ready"


async def reconcile(hub: Hub, engine: Engine) -> None:
    """For so long that whatever can end has ended."""
    reconciled = Reconciled(engine)
    async with reconciled.running():
        for _ in range(int(LONG)):
            reconciled.knows = known(hub)
            await trio.sleep(1)
    assert not reconciled.state.strays


def known(hub: Hub) -> set[str]:
    """The attempts that servers know of."""
    states = [hub.actor(server_id).state for server_id in PLACES]
    left = {spawn_id for state in states for spawn_id in state.leftovers}
    return left | {state.spawn_id for state in states if not isinstance(state, Stopped)}


@settings(max_examples=examples(40, thorough=2000))
@example([[(("stall", True), 1), (("stop", "v1"), 100)]])  # a stop that nobody confirms
@example([[(("away", True), 100), (("stop", "v2"), 100)], [(("away", True), 100)]])  # nobody can be asked
@example([[(("deny", "v1"), 40), (("start", "v1"), 10), (("sane", None), 40)]])  # what was denied comes back
@example([[(("lose", "v1"), 40), (("start", "v1"), 10), (("bring back", None), 40), (("stop", "v1"), 10)]])
@example(
    [[(("node down", "v1"), 100), (("start", "v1"), 100), (("nodes up", None), 100)]]
)  # fenced, and comes back
@example(
    [[(("node down", "v1"), 100)], [(("kill", "v1"), 31), (("nodes up", None), 4), (("start", "v1"), 10)]]
)
@example([[(("claim", "v1"), 1), (("kill", "v1"), 100), (("sane", None), 40)]])
@given(lives_of_hubs)
def test_whatever_an_engine_does_the_next_hub_finds_its_way(lives: list[list[Step]]) -> None:
    trio.run(live, World(), lives, clock=MockClock(autojump_threshold=0))
