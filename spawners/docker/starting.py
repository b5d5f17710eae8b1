"""From an attempt to a container that runs: made once, whoever asks, and started once."""

from __future__ import annotations

import trio

from core.errors import SpawnError
from core.machine import faults
from core.plugins.spawner import Attempt, Progress, Report
from spawners.docker import address
from spawners.docker.create_body import create_body
from spawners.docker.ender import Ender
from spawners.docker.endings import Endings
from spawners.docker.engine.calls import CONFLICT, Engine, EngineRefusal, failure_of
from spawners.docker.engine.found import Container, Ended, Made, name_of, stage_of
from spawners.docker.pulling import Images
from spawners.docker.settings import DockerSettings
from spawners.docker.taken_in import Newcomers
from spawners.pauses import pauses
from spawners.ports import Ports

_AT_ONCE = 16  # so many are made and started at the same time; an engine is no faster with more


class Starter:
    def __init__(
        self, engine: Engine, endings: Endings, newcomers: Newcomers, ender: Ender, images: Images
    ) -> None:
        self._engine = engine
        self._newcomers = newcomers
        self._endings = endings
        self._ender = ender
        self._images = images
        self._at_once = trio.CapacityLimiter(_AT_ONCE)
        self._ports = Ports("", None, dict)  # of containers that have the network of this machine

    async def start(self, attempt: Attempt, settings: DockerSettings, report: Report) -> str:
        """The URL of its server. Raises SpawnError and UnreachableError."""
        self._check_not_ended(attempt.spawn_id)
        if (taken := self._newcomers.of(attempt.spawn_id)) is not None:
            await self._alive(attempt.spawn_id, taken.container)
            return taken.url
        container = await self._engine.container(name_of(attempt.spawn_id))
        image = await self._images.provide(settings, report) if container is None else None
        report(Progress("Spawning server...", 50))
        async with self._at_once:
            if image is not None:
                await self._make(attempt, settings, image.cmd)
            return await self._run(attempt.spawn_id, settings)

    def let_go(self, spawn_id: str) -> None:
        """Of the port that was kept for it."""
        self._ports.release(spawn_id)

    def _check_not_ended(self, spawn_id: str) -> None:
        ended = self._endings.ended(spawn_id)
        if ended is not None:
            raise has_ended(ended)

    async def _make(self, attempt: Attempt, settings: DockerSettings, image_cmd: list[str]) -> None:
        """Return once there is a container for the attempt, whoever has made it."""
        name = name_of(attempt.spawn_id)
        body = create_body(attempt, settings, self._engine.place, image_cmd, self._port(attempt, settings))

        async def create() -> None:
            faults.point("container asked for")
            with trio.CancelScope(shield=True):  # the engine goes on anyway: who stops it now shall find it
                await self._engine.create(name, body)
            faults.point("container made")

        for pause in pauses():
            failure = await failure_of(create)
            if failure is None or await self._engine.container(name) is not None:
                return
            if not isinstance(failure, EngineRefusal) or failure.status != CONFLICT:
                raise SpawnError(f"The container engine makes no container: {failure.message}")
            self._check_not_ended(attempt.spawn_id)
            await trio.sleep(pause)  # the name is taken, by one that is still being made

    def _port(self, attempt: Attempt, settings: DockerSettings) -> int:
        if address.network_of(settings.network_name, settings.extra_host_config) == address.HOST:
            return settings.port or self._ports.take(attempt.spawn_id)
        return settings.inner_port

    async def _run(self, spawn_id: str, settings: DockerSettings) -> str:
        """Start the container unless that has been done; the URL of its server."""
        name = name_of(spawn_id)
        container = await self._known(name)
        if isinstance(stage_of(container), Made):
            failure = await failure_of(lambda: self._engine.start(name))
            if failure is not None:
                raise SpawnError(f"The server's container could not be started: {failure.message}")
            faults.point("container started")
        container = await self._alive(spawn_id, name)
        return address.url_of(container, self._engine.place, settings.network_name)

    async def _alive(self, spawn_id: str, name: str) -> Container:
        container = await self._known(name)
        if isinstance(stage := stage_of(container), Ended):
            await self._ender.keep(spawn_id, container, stage)
            raise has_ended(stage)
        return container

    async def _known(self, name: str) -> Container:
        container = await self._engine.container(name)
        if container is None:
            raise SpawnError("The server's container has been removed.")
        return container


def has_ended(ended: Ended) -> SpawnError:
    told = "" if ended.exit_status is None else f", with exit status {ended.exit_status}"
    message = f"The server's container has already ended{told}. {ended.reason}".rstrip()
    return SpawnError(message, exit_status=ended.exit_status)
