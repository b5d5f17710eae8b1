"""A real hub, whole but for sockets, in a world that can be broken: its log, its servers, and its own life.

What outlives a hub: the log and the simulated servers. A crash takes the power off first: from then on whatever
the dying hub asks of the two is never answered, as if the process had been killed, and then it is cancelled. Where
the log is kept in a folder, as JSON lines, every hub opens it anew, and may be killed between the log's commit and
that of the file which is its copy.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import trio
from msgspec.structs import replace
from trio.testing import wait_all_tasks_blocked

import projections
from core.actors.servers.supervisor import ISOLATION
from core.errors import HubError, SpawnError, UnavailableError
from core.events.file.database import open_for_writing
from core.events.file.store import EventStore, Write
from core.events.hub import HubStarted
from core.events.log.protocol import Batch
from core.events.record import HUB, Record
from core.events.server import (
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnCancelled,
    SpawnFailed,
    SpawnProgressed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)
from core.plugins.spawner import Attempt, Gone, Listed, Report, Running
from core.server import Checking, Queued, Ready, Server, Spawning, Stop, Stopped, Stopping, replay
from core.settings import CallboardSettings, HubSettings, Settings
from core.user import AddServer, Create
from projections import rebuild, routes, users
from projections.servers import servers
from spawners.simulated import SimulatedBackend, SimulatedServer, SimulatedSettings, SimulatedSpawner
from tests.failing_log import FailingLog, PowerCut
from tests.json_lines import JsonLines
from web.hub.hub import Hub
from web.main import open_hub
from web.starts.limits import limits_of

STATES: dict[type, str] = {
    Stopped: "stopped",
    Queued: "spawn",
    Spawning: "spawn",
    Ready: "ready",
    Checking: "check",
    Stopping: "stop",
}
ENDS = (SpawnFailed, ServerStopped, ServerDied, ServerLost)

LONGEST_WAIT = 200
LONGEST_STATE = 60 + 30 + 2 + 70 + 15  # start, answer, routed, stop, and the grace of the last resort


def settings_of(at_once: int) -> Settings:
    """Of a hub that starts so many servers at once."""
    return Settings(
        hub=HubSettings(spawner_class="simulated", concurrent_spawn_limit=at_once),
        callboard=CallboardSettings(spawn_queue_timeout=LONGEST_WAIT),
    )


class Power:
    """Of one hub. `fail_after`: how many more appends it survives; `in_doubt`: the last one is still recorded."""

    def __init__(self) -> None:
        self.is_off = False
        self.fail_after: int | None = None
        self.in_doubt = False

    async def check(self) -> None:
        if self.is_off:
            await trio.sleep_forever()

    async def around_append(self, append: Callable[[], Awaitable[list[Record]]]) -> list[Record]:
        await self.check()
        if self.fail_after is not None:
            self.fail_after -= 1
            if self.fail_after < 0:
                self.is_off = True
                if self.in_doubt:
                    await append()
                await trio.sleep_forever()
        records = await append()
        await self.check()
        return records


class WorldLog(FailingLog):
    """`cut`: the power fails once the next batch is in the log, before the file has committed it."""

    def __init__(self, path: str, power: Power) -> None:
        super().__init__(JsonLines(path))
        self._power = power

    def cut(self) -> None:
        self.after = PowerCut()

    def append(self, batch: Batch) -> None:
        self._check()
        try:
            super().append(batch)
        except PowerCut:
            self._power.is_off = True
            raise

    def read(self, after: int, count: int) -> Sequence[Batch]:
        self._check()
        return super().read(after, count)

    def _check(self) -> None:
        if self._power.is_off:
            raise PowerCut


def open_unsynced(path: str) -> sqlite3.Connection:
    """No power is cut here but the hubs'."""
    connection = open_for_writing(path)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


class WorldStore(EventStore):
    """`is_away`: refuses. `bugs`: what appends of servers raise next, before they record or (`late_bugs`) after."""

    def __init__(self, folder: str = "", begin: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self.moment = begin
        self.power = Power()
        self.kept = WorldLog(f"{folder}/log.jsonl", self.power) if folder else None
        super().__init__(
            f"{folder}/log.sqlite" if folder else ":memory:",
            projections.ALL,
            threaded=False,
            now=self._now,
            connect=open_unsynced,
            log=self.kept,
        )
        self.is_away = False
        self.bugs: list[Exception] = []
        self.late_bugs: list[Exception] = []

    def _now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    async def append(self, *writes: Write, **details: Any) -> list[Record]:
        power, append = self.power, super().append
        of_server = any(write.stream.startswith("server/") for write in writes)
        await trio.lowlevel.checkpoint()
        if self.is_away:
            raise UnavailableError("The log is away.")
        if of_server and self.bugs:
            raise self.bugs.pop(0)
        records = await power.around_append(lambda: append(*writes, **details))
        if of_server and self.late_bugs:
            raise self.late_bugs.pop(0)
        return records

    async def forget_keys(self, before: datetime) -> None:
        await trio.lowlevel.checkpoint()


class WorldBackend(SimulatedBackend):
    """Notes what must never be: an attempt begun twice, or begun after its end was recorded."""

    def __init__(self, has_ended: Callable[[str], bool]) -> None:
        super().__init__()
        self._was_ended = has_ended
        self.begun: Counter[str] = Counter()
        self.crimes: list[str] = []

    def begin(self, spawn_id: str, simulation: Any, mark: str = "") -> SimulatedServer:
        is_new = self.find(spawn_id) is None
        server = super().begin(spawn_id, simulation, mark)
        if is_new:
            self.begun[spawn_id] += 1
            if self.begun[spawn_id] > 1:
                self.crimes.append(f"{spawn_id} was begun twice")
            if self._was_ended(spawn_id):
                self.crimes.append(f"{spawn_id} was begun after its end")
        return server

    def alive(self) -> list[str]:
        """What runs, whoever can or cannot ask."""
        now = self._clock()
        return sorted(spawn_id for spawn_id, server in self._servers.items() if server.ends > now)

    def relent(self) -> None:
        """Everything can be asked again, and what would not end by being stopped now will."""
        self.is_down = False
        for server in self._servers.values():
            server.simulation = replace(
                server.simulation, stop_hangs=False, unreachable_from=None, stop_delay=0
            )
        for spawn_id in list(self._waiting):
            self._tell(spawn_id)


class WorldSpawner(SimulatedSpawner):
    """One hub's. `errors`: what the next calls of a method raise."""

    def __init__(self, backend: SimulatedBackend, power: Power, errors: dict[str, list[Exception]]) -> None:
        super().__init__(SimulatedSettings(), backend)
        self._power = power
        self._errors = errors

    async def _called(self, method: str) -> None:
        await trio.lowlevel.checkpoint()
        await self._power.check()
        if errors := self._errors.get(method):
            raise errors.pop(0)

    async def start(self, attempt: Attempt, report: Report) -> str:
        await self._called("start")
        return await super().start(attempt, report)

    async def wait_up(self, spawn_id: str, url: str) -> None:
        await self._called("wait_up")
        await super().wait_up(spawn_id, url)

    async def poll(self, spawn_id: str) -> Running | Gone:
        await self._called("poll")
        return await super().poll(spawn_id)

    async def wait_news(self, spawn_id: str) -> None:
        await self._called("wait_news")
        await super().wait_news(spawn_id)

    async def stop(self, spawn_id: str) -> Gone:
        await self._called("stop")
        return await super().stop(spawn_id)

    async def forget(self, spawn_id: str) -> None:
        await self._called("forget")
        await super().forget(spawn_id)

    async def listed(self) -> list[Listed]:
        await self._called("listed")
        return await super().listed()


class HubWorld:
    """Give it a nursery, and a way to let time pass. `at_once`: how many servers may start at once.

    `folder`: where the log is kept, as JSON lines; "" for a log in memory, which outlives its hubs.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        sleep: Callable[[float], Awaitable[None]],
        at_once: int = 100,
        folder: str = "",
    ) -> None:
        self._folder = folder
        self.at_once = at_once
        self.settings = settings_of(at_once)
        self._nursery = nursery
        self._sleep = sleep
        self._numbers = itertools.count(1)
        self.store = WorldStore(folder)
        self.backend = WorldBackend(self._has_ended)
        self.errors: dict[str, list[Exception]] = {}
        self.hub: Hub | None = None
        self._scope = trio.CancelScope()
        self.acknowledged: set[str] = set()  # what callers were told: "started s1", "stopped s1"
        self.unexpected: list[str] = []
        self.are_bugs_planted = False

    def _id(self, kind: str) -> str:
        return f"{kind}{next(self._numbers):025d}"

    # --- hubs ---

    async def open(self) -> None:
        assert self.hub is None
        self.store.is_away = False
        if self.store.kept is None:
            self.store.power = Power()
        self._scope = trio.CancelScope()
        self.hub = await self._nursery.start(self._live)
        for name in ("alice", "bob"):
            if self.is_up and users.by_name(self.store.db, name) is None:
                await self.make_user(name)

    async def _live(self, task_status: trio.TaskStatus[Hub]) -> None:
        spawner = WorldSpawner(self.backend, self.store.power, self.errors)
        with self._scope:
            try:
                async with open_hub(
                    self.settings, store=self.store, secret=bytes(32), spawner=spawner
                ) as hub:
                    task_status.started(hub)
                    await trio.sleep_forever()
            except* PowerCut:
                pass

    async def crash(self) -> None:
        """Whatever it was doing."""
        self.store.power.is_off = True
        self._scope.cancel()
        self.hub = None
        self.store.bugs.clear()
        self.store.late_bugs.clear()
        self.store._listeners._listeners.clear()
        await wait_all_tasks_blocked()
        if self.store.kept is not None:
            self._open_store_anew()

    def _open_store_anew(self) -> None:
        is_away = self.store.is_away
        self.store.close()
        self.store = WorldStore(self._folder, self.store.moment)
        self.store.is_away = is_away
        self.check_copy()

    def check_copy(self) -> None:
        """What is in the log is in the file, whatever happened between their commits, and nothing else."""
        if self.store.kept is None or self.store.power.is_off:
            return
        logged = [
            row for batch in self.store.kept.read(0, 10**9) for unit in batch.units for row in unit.rows
        ]
        assert self.store.db.execute("SELECT * FROM events ORDER BY position").fetchall() == logged

    @property
    def is_up(self) -> bool:
        return self.hub is not None and not self.store.power.is_off

    async def see_to_the_hub(self) -> None:
        """One whose power has failed is replaced."""
        await wait_all_tasks_blocked()
        if not self.is_up:
            await self.crash()
            self.check_log()
            await self.open()
            await wait_all_tasks_blocked()

    # --- commands: asked for in the background, as requests are ---

    def command(self, ask: Callable[[Hub], Awaitable[object]]) -> None:
        """Nobody waits for it: a request that its hub cannot answer any more is as good as gone."""
        hub, power = self.hub, self.store.power
        assert hub is not None

        async def request() -> None:
            try:
                await ask(hub)
            except HubError:
                return
            except Exception as error:
                if not power.is_off:  # else its hub is gone, with the database it read
                    self.unexpected.append(repr(error))

        self._nursery.start_soon(request)

    async def make_user(self, name: str) -> None:
        assert self.hub is not None
        create = Create(name, self._id("v"))
        await self.hub.entities.users.ask(self._id("u"), create, by=HUB)

    def start(self, place: int, simulate: dict[str, Any] | None) -> None:
        row = self.server_at(place)
        if row is None:
            self.add_user("alice")
            return
        spawn_id = self._id("s")

        async def ask(hub: Hub) -> None:
            owner = users.by_id(self.store.db, row.user)
            if owner is None:
                return
            options = None if simulate is None else {"simulate": simulate}
            await hub.servers.look(row.id)
            command = replace(
                await hub.launch.command(owner, row, options),
                spawn_id=spawn_id,
                token_digest=f"digest of {spawn_id}",
            )
            actor = hub.servers.actor(row.id)
            with hub.turns.acquire_slot(actor.state, 45) as queued:
                state = await actor.ask(replace(command, queued=queued), by=HUB)
            assert isinstance(state, Queued | Spawning), state
            if state.spawn_id == spawn_id:
                self.acknowledged.add(f"started {spawn_id}")

        self.command(ask)

    def stop(self, place: int) -> None:
        row = self.server_at(place)
        if row is None:
            return

        async def ask(hub: Hub) -> None:
            state = await hub.servers.ask(row.id, Stop("enough"), by=HUB)
            if isinstance(state, Stopping):
                self.acknowledged.add(f"stopped {state.spawn_id}")

        self.command(ask)

    def look(self, place: int) -> None:
        row = self.server_at(place)
        if row is not None:
            self.command(lambda hub: hub.servers.look(row.id))

    def delete_user(self, name: str) -> None:
        user = users.by_name(self.store.db, name)
        if user is not None:
            self.command(lambda hub: hub.user_deletion.begin(user.id, by=HUB))

    def add_user(self, name: str) -> None:
        if users.by_name(self.store.db, name) is None:
            self.command(lambda _: self.make_user(name))

    def add_server(self, name: str) -> None:
        user = users.by_name(self.store.db, name)
        if user is None:
            return
        add = AddServer(self._id("v"), "lab")

        async def ask(hub: Hub) -> None:
            await hub.entities.users.ask(user.id, add, by=HUB)

        self.command(ask)

    def remove_server(self, place: int) -> None:
        row = self.server_at(place)
        if row is not None and row.name:
            self.command(lambda hub: hub.removals.begin(row.user, row.id, by=HUB))

    def server_at(self, place: int) -> servers.ServerRow | None:
        """Alice's servers, then bob's."""
        rows = [
            row
            for name in ("alice", "bob")
            if (user := users.by_name(self.store.db, name)) is not None
            for row in servers.of_user(self.store.db, user.id)
        ]
        return rows[place % len(rows)] if rows else None

    # --- what goes wrong ---

    def lose_log(self, seconds: float) -> None:
        """It cannot be written for so long."""
        self.store.is_away = True
        self._later(seconds, lambda: setattr(self.store, "is_away", False))

    def lose_backend(self, seconds: float) -> None:
        """It cannot be asked for so long."""
        self.backend.is_down = True
        self._later(seconds, lambda: setattr(self.backend, "is_down", False))

    def _later(self, seconds: float, end: Callable[[], None]) -> None:
        async def wait() -> None:
            await trio.sleep(seconds)
            end()

        self._nursery.start_soon(wait)

    def kill(self, place: int) -> None:
        """Something that runs dies."""
        alive = self.backend.alive()
        if alive:
            self.backend.kill(alive[place % len(alive)])

    def break_spawner(self, method: str, error: Exception, times: int) -> None:
        self.errors[method] = [error] * times

    def break_actor(self, late: bool, times: int) -> None:
        """Bugs in what its actors call, before or after something was recorded."""
        self.are_bugs_planted = True
        bugs = self.store.late_bugs if late else self.store.bugs
        bugs.extend([KeyError("bug")] * times)

    def fail_power_after(self, appends: int, in_doubt: bool) -> None:
        self.store.power.fail_after = appends
        self.store.power.in_doubt = in_doubt

    def cut_between_commits(self) -> None:
        """The power fails once the next append is in the log, before the tables have it."""
        if self.store.kept is None:
            self.fail_power_after(0, True)
        else:
            self.store.kept.cut()

    # --- the log ---

    def records(self) -> list[Record]:
        found: list[Record] = []
        while records := self.store.read_all(len(found)):
            found += records
        return found

    def _has_ended(self, spawn_id: str) -> bool:
        return any(isinstance(r.event, ENDS) and r.event.spawn_id == spawn_id for r in self.records())

    def replayed(self, log: Sequence[Record]) -> dict[str, Server]:
        """Every server there ever was, folded from the whole log."""
        told: dict[str, list[Any]] = {}
        for record in log:
            if isinstance(record.event, HubStarted):
                for events in told.values():
                    events.append(record.event)
            elif record.stream.startswith("server/"):
                told.setdefault(record.stream.removeprefix("server/"), []).append(record.event)
        return {server_id: replay(events) for server_id, events in told.items()}

    # --- what must hold ---

    def check_log(self) -> None:
        """What must be in the log whether a hub lives or not."""
        log = self.records()
        assert [record.position for record in log] == list(range(1, len(log) + 1))
        recorded = {f"started {r.event.spawn_id}" for r in log if isinstance(r.event, SpawnRequested)}
        recorded |= {
            f"stopped {r.event.spawn_id}" for r in log if isinstance(r.event, SpawnCancelled | StopRequested)
        }
        assert self.acknowledged <= recorded, "what was acknowledged is not in the log"
        ended = Counter(r.event.spawn_id for r in log if isinstance(r.event, ENDS))
        assert set(ended.values()) <= {1}, "an attempt has ended twice"
        told = Counter(r.event.spawn_id for r in log if isinstance(r.event, SpawnProgressed))
        assert max(told.values(), default=0) <= 50
        assert not self.backend.crimes
        assert not self.unexpected, self.unexpected
        assert most_starting(log) <= self.at_once, "too many have started at once"
        self._check_attempts(self.replayed(log), log)
        self._check_tables(self.replayed(log))

    def _check_attempts(self, states: dict[str, Server], log: Sequence[Record]) -> None:
        """Whatever runs is its server's own attempt, or is on the list of what is still to be ended."""
        owner = {r.event.spawn_id: r.stream[7:] for r in log if isinstance(r.event, SpawnRequested)}
        rows = {server_id for (server_id,) in self.store.db.execute("SELECT id FROM servers")}
        for spawn_id in self.backend.alive():
            server = states[owner[spawn_id]]
            is_admitted = not isinstance(server, Stopped | Queued) and server.spawn_id == spawn_id
            assert is_admitted or spawn_id in server.leftovers, f"{spawn_id} runs and {server} does not know"
            assert owner[spawn_id] in rows, f"{spawn_id} runs and its server was forgotten"

    def _check_tables(self, states: dict[str, Server]) -> None:
        db = self.store.db
        for (server_id,) in db.execute("SELECT id FROM servers").fetchall():
            state, row = states.get(server_id, Stopped()), servers.by_id(db, server_id)
            assert row is not None
            assert (row.state, row.left_behind()) == (STATES[type(state)], list(state.leftovers))
            route = routes.of_server(db, server_id)
            has_route = route is not None and route.target is not None
            may_have = isinstance(state, Ready | Checking) or (
                isinstance(state, Spawning) and bool(state.url)
            )
            assert has_route == may_have, f"{state} and its route: {route}"
        for user in users.after(db, 0):
            running = [row for row in servers.of_user(db, user.id) if row.is_active]
            assert user.active == len(running), "a user's servers are miscounted: models would not show them"
        current = {s.spawn_id for s in states.values() if not isinstance(s, Stopped)}
        valid = {row[0] for row in db.execute("SELECT id FROM tokens WHERE server != ''")}
        assert valid <= current, "the token of an attempt that is over is valid"
        assert valid >= {s.spawn_id for s in states.values() if isinstance(s, Spawning | Ready | Checking)}

    def check_live(self) -> None:
        """What must hold while the hub lives and nothing is under way. Servers set aside are left out."""
        hub = self.hub
        assert hub is not None
        assert self.are_bugs_planted or not hub.servers.restarts, "an actor has died of a bug of its own"
        states = self.replayed(self.records())
        aside = set(hub.servers.isolated)
        for actor in hub.servers.awake():
            if actor.server_id not in aside and actor.is_sound:
                assert actor.state == states.get(actor.server_id, Stopped()), "live state is not the log's"
        if not aside:
            awake = {actor.server_id for actor in hub.servers.awake()}
            unfinished = {i for i, s in states.items() if not isinstance(s, Stopped) or s.leftovers}
            assert unfinished <= awake, "an unfinished server is left to itself"
        self._check_limits(hub, states)

    def _check_limits(self, hub: Hub, states: dict[str, Server]) -> None:
        """The limits know what the log says, and what a hub that started now would know."""
        assert hub.limits.active == sum(not isinstance(s, Stopped) for s in states.values())
        assert hub.limits.spawning == sum(isinstance(s, Spawning) for s in states.values())
        assert set(hub.limits.queue.order()) == {i for i, s in states.items() if isinstance(s, Queued)}
        found = limits_of(self.settings, self.store.db)
        assert (found.active, found.spawning) == (hub.limits.active, hub.limits.spawning)
        assert found.queue.order() == hub.limits.queue.order(), "a restart would change the order"
        if hub.turns.is_open and not hub.servers.isolated and not self.store.is_away:
            assert hub.limits.room <= 0 or not hub.limits.queue, "somebody waits though there is room"

    def check(self) -> None:
        self.check_log()
        if self.is_up:
            self.check_live()

    def check_rebuilt(self) -> None:
        self.check_copy()
        assert rebuild.drift(self.store.db, projections.ALL) == []

    # --- the end ---

    async def settle(self) -> None:
        """Nobody asks for anything more and nothing more goes wrong: whatever is pending must end in time."""
        self.store.is_away = False
        self.store.power.fail_after = None
        if self.store.kept is not None:
            self.store.kept.after = None
        self.store.bugs.clear()
        self.store.late_bugs.clear()
        self.errors.clear()
        self.backend.is_down = False
        await self.see_to_the_hub()
        await self._sleep(LONGEST_WAIT + LONGEST_STATE + ISOLATION + 5)
        await wait_all_tasks_blocked()
        self.check()
        for server_id, state in self.replayed(self.records()).items():
            asked = self._can_be_asked(state.spawn_id)
            assert isinstance(state, Stopped | Ready) or (isinstance(state, Checking) and not asked), (
                f"{server_id} is still {state}"
            )
        self.backend.relent()
        await self._sleep(4000)
        await wait_all_tasks_blocked()
        self.check()
        self.check_rebuilt()
        states = self.replayed(self.records())
        assert all(isinstance(s, Stopped | Ready) and not s.leftovers for s in states.values()), states
        assert self.backend.alive() == sorted(s.spawn_id for s in states.values() if isinstance(s, Ready))
        assert self.hub is not None
        assert self.hub.servers.isolated == []
        assert {a.server_id for a in self.hub.servers.awake()} == {
            server_id for server_id, state in states.items() if isinstance(state, Ready)
        }
        assert not users.leaving(self.store.db), "a user who was to go is still here"
        assert not servers.leaving(self.store.db), "a server that was to go is still here"

    def _can_be_asked(self, spawn_id: str) -> bool:
        server = self.backend._servers.get(spawn_id)
        return server is None or not self.backend._is_unreachable(server)


def most_starting(log: Sequence[Record]) -> int:
    """How many have been starting at once, at the most."""
    starting: set[str] = set()
    most = 0
    for record in log:
        match record.event:
            case SpawnRequested(queued=False) | SpawnAdmitted():
                starting.add(record.stream)
            case SpawnSucceeded() | SpawnFailed() | SpawnCancelled():
                starting.discard(record.stream)
        most = max(most, len(starting))
    return most


BUGS: list[Exception] = [
    KeyError("bug"),
    ExceptionGroup("nursery", [SpawnError("no room"), OSError("reset")]),
]
