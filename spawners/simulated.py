"""Servers without processes: for tests, for load and for demonstrations.

What one does is told by its user options, under the key `simulate` (see `Simulation`), and is a function of
trio's clock: there are no tasks behind it. The world in which they exist is an object apart from the spawner
(`SimulatedBackend`), so that a test can keep it while its hub crashes. A real restart of a hub forgets them,
unless `c.SimulatedSpawner.url` names a server that stands for all of them: then every spawn id that is asked
about runs, until it is stopped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from math import inf
from typing import Annotated, ClassVar
from urllib.parse import quote, urlsplit

import msgspec
import trio
from msgspec import Meta, Struct

from core.errors import SpawnError, UnreachableError
from core.machine.readiness import get, parse_url, wait_server_up
from core.plugins.spawner import (
    Attempt,
    Gone,
    Kept,
    Listed,
    Lost,
    Progress,
    Report,
    Running,
    Spawner,
    Status,
    UserOptions,
)
from core.plugins.spawner_kind import SpawnerKind
from core.settings import SpawnerSettings

_NEVER = "what was never started has no spawn id"
_AWAY = "The simulated backend cannot be reached."
_LOST = "Its simulated node is lost."
_DOMAIN = "simulated"
_GATE_PAUSE = 0.1
_LAST_LINES = 100

Seconds = Annotated[float, Meta(ge=0)]


class SimulatedSettings(SpawnerSettings, frozen=True):
    """`c.SimulatedSpawner`: servers without processes, for tests, load and demos.

    `url`: a server that already listens and stands for all of them. `gate_url`: a start is held until a GET
    of this URL, with the user's name as its query, is answered.
    """

    section: ClassVar[str] = "SimulatedSpawner"
    help: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "For tests and load": {
            "url": "A server that stands for all.",
            "gate_url": "A URL that is asked before each start.",
        }
    }

    url: str = ""
    gate_url: str = ""


class Simulation(Struct, frozen=True, forbid_unknown_fields=True):
    """`user_options["simulate"]`. All times are seconds."""

    delay: Seconds = 0  # from the start's request until `start` returns, or fails
    progress: tuple[tuple[Seconds, float | None, str], ...] = ()  # (since the request, percent, message)
    fail: str = ""  # what `start` fails with
    fail_status: int = 500
    ready: bool = True  # whether it ever answers HTTP; for those who wait through the backend
    die_after: Seconds | None = None  # since it was up
    exit_status: int | None = 0  # of that death
    unreachable_from: Seconds | None = None  # since the request: the backend cannot be asked about it
    unreachable_for: Seconds = inf
    stop_delay: Seconds = 0
    stop_hangs: bool = False  # it never ends by being stopped; `SimulatedBackend.kill` helps


_PLAIN = Simulation()


class SimulatedServer(Struct):
    """`begun`, `up`, `ends`: moments of the backend's clock."""

    simulation: Simulation
    begun: float
    up: float
    ends: float = inf
    exit_status: int | None = None
    mark: str = ""


class SimulatedBackend:
    """All simulated servers there are; they outlive the spawners that ask about them.

    `is_down`: set it, and nothing can be asked. `lost`: of these it cannot tell, though they run. `volumes`: of whom
    something is kept, as the ids of user and server. `clock`: give another one where servers are to live on from
    one `trio.run` to the next, for trio's own begins anew with each.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.is_down = False
        self.lost: set[str] = set()
        self.volumes: set[tuple[str, str]] = set()
        self._clock = clock or trio.current_time
        self._servers: dict[str, SimulatedServer] = {}
        self._waiting: dict[str, trio.lowlevel.ParkingLot] = {}

    def find(self, spawn_id: str) -> SimulatedServer | None:
        """Raises UnreachableError while its backend cannot be asked."""
        assert spawn_id, _NEVER
        server = None if self.is_down else self._servers.get(spawn_id)
        if self.is_down or (server is not None and self._is_unreachable(server)):
            raise UnreachableError(_AWAY)
        return server

    def begin(self, spawn_id: str, simulation: Simulation, mark: str = "") -> SimulatedServer:
        """Joins the one there is."""
        server = self.find(spawn_id)
        if server is None:
            now = self._clock()
            server = SimulatedServer(simulation, now, now + simulation.delay, mark=mark)
            if simulation.fail:
                server.ends = server.up
            elif simulation.die_after is not None:
                server.ends, server.exit_status = server.up + simulation.die_after, simulation.exit_status
            self._servers[spawn_id] = server
        return server

    def lose(self, spawn_id: str) -> None:
        """Its node is down, or only the way there. Take it out of `lost`, and it is as it was."""
        self.lost.add(spawn_id)
        self._tell(spawn_id)

    def has_ended(self, server: SimulatedServer) -> bool:
        return server.ends <= self._clock()

    def end(self, spawn_id: str, after: float, exit_status: int | None) -> None:
        """Unless it ends sooner anyway."""
        server = self._servers.get(spawn_id)
        ends = self._clock() + after
        if server is not None and ends < server.ends:
            server.ends, server.exit_status = ends, exit_status
            self._tell(spawn_id)

    def kill(self, spawn_id: str, exit_status: int | None = -9) -> None:
        """It dies now, whatever it was told to do."""
        self.end(spawn_id, 0, exit_status)

    def drop(self, spawn_id: str) -> None:
        self._servers.pop(spawn_id, None)

    def check_reachable(self) -> None:
        if self.is_down:
            raise UnreachableError(_AWAY)

    def running(self) -> list[str]:
        self.check_reachable()
        now = self._clock()
        return sorted(spawn_id for spawn_id, server in self._servers.items() if server.ends > now)

    def listed(self, spawn_id: str) -> Listed:
        """With nothing on it for what is not there."""
        server = self._servers.get(spawn_id)
        if server is None:
            return Listed(spawn_id)
        return Listed(spawn_id, server.mark, self._clock() - server.begun)

    def lines(self, spawn_id: str) -> list[str]:
        """What it has written so far: its progress messages and its end."""
        assert spawn_id, _NEVER
        server = self._servers.get(spawn_id)
        if server is None:
            return []
        until = min(self._clock(), server.ends)
        lines = [text for since, _, text in server.simulation.progress if server.begun + since <= until]
        lines.insert(0, "simulated server: started")
        if server.ends <= until:
            lines.append("simulated server: ended")
        return lines[-_LAST_LINES:]

    async def sleep_until(self, moment: float) -> None:
        await trio.sleep(max(moment - self._clock(), 0))

    async def wait_change(self, spawn_id: str) -> None:
        """Return when something about it changes, or at once if it has ended."""
        server = self._servers.get(spawn_id)
        pause = inf
        if server is not None:
            now = self._clock()
            if server.ends <= now:
                await trio.lowlevel.checkpoint()
                return
            pause = min((moment - now for moment in _moments(server) if moment > now), default=inf)
        lot = self._waiting.setdefault(spawn_id, trio.lowlevel.ParkingLot())
        try:
            if pause == inf:  # no scope for the many of which nothing is expected
                await lot.park()
            else:
                with trio.move_on_after(pause):
                    await lot.park()
        finally:
            if not lot:
                self._waiting.pop(spawn_id, None)

    async def wait_server_up(self, url: str) -> str | None:
        """Stands in for `core.machine.readiness.wait_server_up`, for nothing listens at a simulated server's URL."""
        spawn_id = (urlsplit(url).hostname or "").removesuffix(f".{_DOMAIN}")
        while True:
            server = self._servers.get(spawn_id)
            if server is not None and server.simulation.ready and server.up <= self._clock() < server.ends:
                return None
            await trio.sleep(0.5)

    def _is_unreachable(self, server: SimulatedServer) -> bool:
        begin, end = _outage(server)
        return begin <= self._clock() < end

    def _tell(self, spawn_id: str) -> None:
        lot = self._waiting.get(spawn_id)
        if lot is not None:
            lot.unpark_all()


class SimulatedSpawner(Spawner):
    def __init__(self, settings: SimulatedSettings, backend: SimulatedBackend | None = None) -> None:
        self._settings = settings
        self.backend = backend or SimulatedBackend()

    async def start(self, attempt: Attempt, report: Report) -> str:
        simulation = _simulation(attempt.user_options)
        server = self.backend.begin(attempt.spawn_id, simulation, attempt.mark)
        self.backend.volumes.add((attempt.user_id, attempt.server_id))
        report(Progress("Spawning server...", 50))
        if self._settings.gate_url:
            await self._pass_gate(attempt.user)
        for since, percent, text in server.simulation.progress:
            await self.backend.sleep_until(server.begun + since)
            report(Progress(text, percent))
        await self.backend.sleep_until(server.up)
        if server.simulation.fail:
            raise SpawnError(server.simulation.fail, status=server.simulation.fail_status)
        if self.backend.has_ended(server):
            raise SpawnError("The simulated server has already ended.", exit_status=server.exit_status)
        return self._settings.url or f"http://{attempt.spawn_id}.{_DOMAIN}"

    async def wait_up(self, spawn_id: str, url: str) -> None:
        if (urlsplit(url).hostname or "").endswith(f".{_DOMAIN}"):
            await self.backend.wait_server_up(url)
        else:
            await wait_server_up(url)

    async def poll(self, spawn_id: str) -> Status:
        server = self.backend.find(spawn_id)
        await trio.lowlevel.checkpoint()
        if spawn_id in self.backend.lost:
            return Lost(_LOST)
        if server is None:
            return Running() if self._settings.url else Gone()
        return Gone(server.exit_status) if self.backend.has_ended(server) else Running()

    async def wait_news(self, spawn_id: str) -> None:
        if self.backend.find(spawn_id) is None and not self._settings.url:
            await trio.lowlevel.checkpoint()
            return
        await self.backend.wait_change(spawn_id)

    async def stop(self, spawn_id: str) -> Gone:
        server = self.backend.find(spawn_id)
        await trio.lowlevel.checkpoint()
        if spawn_id in self.backend.lost:
            raise UnreachableError(_LOST)
        if server is None:
            if not self._settings.url:
                return Gone()
            server = self.backend.begin(spawn_id, _PLAIN)
        if not server.simulation.stop_hangs:
            self.backend.end(spawn_id, server.simulation.stop_delay, 0)
        while not self.backend.has_ended(server):
            await self.backend.wait_change(spawn_id)
            self.backend.find(spawn_id)
        return Gone(server.exit_status)

    async def listed(self) -> list[Listed]:
        await trio.lowlevel.checkpoint()
        return [self.backend.listed(spawn_id) for spawn_id in self.backend.running()]

    async def list_attempts(self) -> list[str]:
        await trio.lowlevel.checkpoint()
        return self.backend.running()

    async def last_lines(self, spawn_id: str) -> list[str]:
        await trio.lowlevel.checkpoint()
        return self.backend.lines(spawn_id)

    async def follow_output(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        offset = after
        while True:
            text = "".join(f"{line}\n" for line in self.backend.lines(spawn_id)).encode()
            if len(text) > offset:
                yield text[offset:], len(text)
                offset = len(text)
            server = self.backend.find(spawn_id)
            if server is None or self.backend.has_ended(server):
                return
            await self.backend.wait_change(spawn_id)

    async def forget(self, spawn_id: str) -> None:
        server = self.backend.find(spawn_id)
        await trio.lowlevel.checkpoint()
        if server is not None and self.backend.has_ended(server):
            self.backend.drop(spawn_id)

    def may_keep(self, kept: Kept) -> bool:
        return (kept.user_id, kept.server_id) in self.backend.volumes

    async def delete_forever(self, kept: Kept) -> None:
        self.backend.check_reachable()
        await trio.lowlevel.checkpoint()
        self.backend.volumes.discard((kept.user_id, kept.server_id))

    async def _pass_gate(self, user: str) -> None:
        """Return when the gate has answered, which it may do late: the caller sets the deadline."""
        target = parse_url(f"{self._settings.gate_url}?{quote(user)}")
        while True:
            try:
                await get(target)
            except ConnectionError:
                await trio.sleep(_GATE_PAUSE)
            else:
                return


def _simulation(user_options: UserOptions) -> Simulation:
    """Raises SpawnError for options that make no sense."""
    if "simulate" not in user_options:
        return _PLAIN
    try:
        return msgspec.convert(user_options["simulate"], Simulation)
    except msgspec.ValidationError as error:
        raise SpawnError(f"Invalid option `simulate`: {error}.", status=400) from error


def _outage(server: SimulatedServer) -> tuple[float, float]:
    simulation = server.simulation
    if simulation.unreachable_from is None:
        return inf, inf
    begin = server.begun + simulation.unreachable_from
    return begin, begin + simulation.unreachable_for


def _moments(server: SimulatedServer) -> tuple[float, ...]:
    """When something becomes different by itself."""
    return server.ends, *_outage(server)


KIND = SpawnerKind(
    names=("simulated",),
    settings=SimulatedSettings,
    make=lambda settings, _: SimulatedSpawner(settings),
)
