"""A world for actors: a log and servers that outlive hubs, and ways to break either."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import trio

from core.actors.servers.deadlines import Deadlines
from core.actors.servers.server import ServerActor
from core.actors.servers.spawn_turns import SpawnTurns
from core.actors.servers.supervisor import Supervisor
from core.errors import UnavailableError
from core.events import Event
from core.events import hub as hub_events
from core.events.file.store import EventStore, Write
from core.events.hub import HubStarted
from core.events.record import HUB, By, Record
from core.events.server import OptionsStored, SpawnRequested, server_stream
from core.plugins.spawner import Attempt, Gone, Report, Running, Telling
from core.queue.spawn_limits import SpawnLimits
from core.server import Ready, Server, Spawning, Start, Stop, Stopped, evolve, has_ended
from spawners.simulated import SimulatedBackend, SimulatedServer, SimulatedSettings, SimulatedSpawner

ALICE = By("user/u1")

STARTED = ["SpawnRequested", "SpawnProgressed", "SpawnAnswered", "SpawnSucceeded"]


class World:
    """The log, the servers, and what is to go wrong."""

    def __init__(
        self, *, mailbox_size: int = 100, poll: float = 30.0, deadlines: Deadlines | None = None
    ) -> None:
        self.store = BreakableStore(":memory:", threaded=False)
        self.backend = CountingBackend()
        self.deadlines = deadlines or Deadlines()
        self.mailbox_size = mailbox_size
        self.poll_interval = poll
        self.spawner: Any = BreakableSpawner(self.backend)
        self.hubs = 0

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[Hub]:
        """A hub's worth of actors. To leave it is a crash, as far as servers can tell."""
        async with trio.open_nursery() as writing:
            await writing.start(self.store.run)
            self.hubs += 1
            write = Write(hub_events.STREAM, self.store.version(hub_events.STREAM), [HubStarted("1")])
            (since,) = await self.store.append(write, by=HUB)
            async with trio.open_nursery() as living:
                hub = Hub(self, since)
                await living.start(hub.servers.run, hub.since)
                for server_id in hub.unfinished():
                    hub.servers.actor(server_id)
                try:
                    yield hub
                finally:
                    self.store.open_gate()
                living.cancel_scope.cancel()
            writing.cancel_scope.cancel()

    def records(self, server_id: str = "v1") -> list[Record]:
        stream, found, after = server_stream(server_id), [], 0
        while records := self.store.read_all(after):
            found += [record for record in records if record.stream == stream]
            after = records[-1].position
        return found

    def events(self, server_id: str = "v1") -> list[Event]:
        return [record.event for record in self.records(server_id)]

    def names(self, server_id: str = "v1") -> list[str]:
        """What has happened, by name and in order."""
        return [type(event).__name__ for event in self.events(server_id)]


class Hub:
    """A hub's actors, the runtime they act on, and short ways to talk to them."""

    def __init__(self, world: World, since: Record) -> None:
        self.world = world
        self.runtime = ServerRuntime(world)
        self.servers = Supervisor(self.runtime, self)
        self.since = since
        self._spawns = 0
        self.folds = 0

    def fold_from(self, server_id: str) -> int:
        self.folds += 1
        starts = [r.version for r in self.world.records(server_id) if isinstance(r.event, SpawnRequested)]
        return starts[-1] - 1 if starts else 0

    def has_ended(self, server_id: str) -> bool:
        state: Server = Stopped()
        for event in self.world.events(server_id):
            state = evolve(state, event)
        return has_ended(state)

    def unfinished(self) -> list[str]:
        after, found = 0, dict[str, None]()
        while records := self.world.store.read_all(after):
            found.update({r.stream[7:]: None for r in records if r.stream.startswith("server/")})
            after = records[-1].position
        return list(found)

    def actor(self, server_id: str = "v1") -> ServerActor:
        return self.servers.actor(server_id)

    async def start(self, simulate: Any = None, *, server_id: str = "v1", spawn_id: str = "") -> Server:
        self._spawns += 1
        options = None if simulate is None else {"simulate": simulate}
        name = spawn_id or f"s{self.world.hubs}-{self._spawns}"
        return await self.servers.ask(server_id, start_of(name, options), by=ALICE)

    async def start_ready(self, simulate: Any = None, *, server_id: str = "v1") -> Ready:
        await self.start(simulate or {}, server_id=server_id)
        state = await self.actor(server_id).wait_until(lambda state: not isinstance(state, Spawning))
        assert isinstance(state, Ready), state
        return state

    async def stop(self, server_id: str = "v1") -> Server:
        return await self.servers.ask(server_id, Stop("enough"), by=ALICE)

    async def wait(self, kind: type, server_id: str = "v1") -> Server:
        return await self.actor(server_id).wait_until(lambda state: isinstance(state, kind))

    async def wait_stopped(self, server_id: str = "v1") -> Stopped:
        state = await self.wait(Stopped, server_id)
        assert isinstance(state, Stopped)
        return state


def start_of(spawn_id: str, options: dict[str, Any] | None = None) -> Start:
    return Start(spawn_id, "u1", "alice", "", "/user/alice/", options, f"digest of {spawn_id}")


class ServerRuntime:
    """What actors need of a hub; all of it may be replaced by a test."""

    def __init__(self, world: World) -> None:
        self.store: EventStore = world.store
        self.spawner = world.spawner
        self.deadlines = world.deadlines
        self.mailbox_size = world.mailbox_size
        self.poll_interval = world.poll_interval
        self.changes: list[tuple[str, str]] = []
        self.break_change: Callable[[Server], None] = lambda _: None
        self.wait_route: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
        self.late_proxies = ""  # what is told of them
        self.break_attempt: Exception | None = None
        self.limits = SpawnLimits(0, 0)
        self.turns = SpawnTurns(self.limits)
        self.store.listen(self.limits.on_records)
        self.store.listen(self.turns.on_records)

    def deadlines_of(self, user_options: dict[str, Any]) -> Deadlines:
        return self.deadlines

    def wait_turn(self, server_id: str, timeout: float) -> AbstractAsyncContextManager[bool]:
        return self.turns.wait_turn(server_id, timeout)

    def waits_in_engine(self, server_id: str, waits: bool) -> None:
        self.turns.waits_in_engine(server_id, waits)

    async def attempt(self, server_id: str, spawning: Spawning, telling: Telling) -> Attempt:
        await trio.lowlevel.checkpoint()
        if self.break_attempt is not None:
            raise self.break_attempt
        return Attempt(spawning.spawn_id, "alice", "", spawning.prefix, spawning.user_options, {})

    async def wait_up(self, spawn_id: str, url: str) -> None:
        await self.spawner.wait_up(spawn_id, url)

    async def poll(self, spawn_id: str) -> Running | Gone:
        status: Running | Gone = await self.spawner.poll(spawn_id)
        return status

    async def after_end(self, server_id: str) -> None:
        pass

    async def wait_routed(self, server_id: str) -> None:
        await self.wait_route()

    def unrouted(self, server_id: str) -> str:
        return self.late_proxies

    def poll_delay(self) -> float:
        return self.poll_interval if self.poll_interval > 0 else math.inf

    def on_change(self, server_id: str, before: Server, after: Server) -> None:
        self.changes.append((type(before).__name__, type(after).__name__))
        self.break_change(after)


class BreakableStore(EventStore):
    """`is_away`: appends are refused. `gate`: appends wait for it, uncancellable as ever. `hiccups`: bugs to come."""

    is_away = False
    gate: trio.Event | None = None

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.hiccups: list[Exception] = []

    def open_gate(self) -> None:
        if self.gate is not None:
            self.gate.set()

    async def append(self, *writes: Any, **details: Any) -> list[Record]:
        if self.gate is not None:
            with trio.CancelScope(shield=True):
                await self.gate.wait()
        if self.is_away:
            await trio.lowlevel.checkpoint()
            raise UnavailableError("The log is away.")
        if self.hiccups:
            raise self.hiccups.pop(0)
        return await super().append(*writes, **details)


class CountingBackend(SimulatedBackend):
    """Counts how often each attempt was really begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []

    def begin(self, spawn_id: str, simulation: Any, mark: str = "") -> SimulatedServer:
        is_new = self.find(spawn_id) is None
        server = super().begin(spawn_id, simulation, mark)
        if is_new:
            self.begun.append(spawn_id)
        return server


class BreakableSpawner(SimulatedSpawner):
    """`errors`: what the next calls of a method raise. `held`: methods that wait for ever. `calls`: of what, whom.

    `trouble`: what is told of each that is gone.
    """

    def __init__(self, backend: SimulatedBackend) -> None:
        super().__init__(SimulatedSettings(), backend)
        self.errors: dict[str, list[Exception]] = {}
        self.held: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.trouble = ""

    def count(self, method: str) -> int:
        return sum(1 for called, _ in self.calls if called == method)

    async def _called(self, method: str, whom: str) -> None:
        self.calls.append((method, whom))
        if errors := self.errors.get(method):
            raise errors.pop(0)
        if method in self.held:
            await trio.sleep_forever()

    async def start(self, attempt: Attempt, report: Report) -> str:
        await self._called("start", attempt.spawn_id)
        return await super().start(attempt, report)

    async def wait_up(self, spawn_id: str, url: str) -> None:
        await self._called("wait_up", url)
        await super().wait_up(spawn_id, url)

    async def poll(self, spawn_id: str) -> Running | Gone:
        await self._called("poll", spawn_id)
        found = await super().poll(spawn_id)
        return Gone(found.exit_status, self.trouble) if isinstance(found, Gone) else found

    async def wait_news(self, spawn_id: str) -> None:
        await self._called("wait_news", spawn_id)
        await super().wait_news(spawn_id)

    async def stop(self, spawn_id: str) -> Gone:
        await self._called("stop", spawn_id)
        return await super().stop(spawn_id)

    async def forget(self, spawn_id: str) -> None:
        await self._called("forget", spawn_id)
        await super().forget(spawn_id)


def told_numbers(world: World, *server_ids: str) -> list[int]:
    """What StoreOptions({"n": number}) has left in the log."""
    events = [event for server_id in server_ids or ("v1",) for event in world.events(server_id)]
    return [event.user_options["n"] for event in events if isinstance(event, OptionsStored)]
