"""A spawner in one file, with an option of its own: processes of this one, each from one of several images."""

import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import trio
from msgspec.structs import replace

from core.errors import SpawnError
from core.plugins.spawner import Attempt, Gone, Listed, Progress, Report, Running, Spawner
from core.plugins.spawner_kind import SpawnerKind
from core.settings import SpawnerSettings


class ToySettings(SpawnerSettings, frozen=True):
    section: ClassVar[str] = "ToySpawner"
    image: str = "plain"
    stop_timeout = 5

    def with_options(self, user_options: Mapping[str, Any]) -> Self:
        if (image := user_options.get("image", self.image)) not in ("plain", "science"):
            raise SpawnError(f"There is no image {image!r}.", status=400)
        return replace(self, image=image)


class Made(NamedTuple):
    process: subprocess.Popen[bytes]
    url: str
    mark: str
    began: float


class ToySpawner(Spawner):
    def __init__(self, settings: ToySettings, directory: Path, engine: dict[str, Made] | None = None) -> None:
        self._settings, self._directory = settings, directory
        self._engine = {} if engine is None else engine

    async def start(self, attempt: Attempt, report: Report) -> str:
        report(Progress("Spawning server...", 50))
        if attempt.spawn_id not in self._engine:
            self._make(attempt, attempt.settings_as(ToySettings, self._settings))
        if isinstance(gone := await self.poll(attempt.spawn_id), Gone):
            raise SpawnError("It has ended already.", exit_status=gone.exit_status)
        return self._engine[attempt.spawn_id].url

    def _make(self, attempt: Attempt, settings: ToySettings) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        env = attempt.environment | {"IMAGE": settings.image, "JUPYTERHUB_SERVICE_URL": url + attempt.prefix}
        with (self._directory / attempt.spawn_id).open("wb") as output:
            process = subprocess.Popen(settings.cmd, env=env, stdout=output)
        self._engine[attempt.spawn_id] = Made(process, url, attempt.mark, time.monotonic())

    async def poll(self, spawn_id: str) -> Running | Gone:
        await trio.lowlevel.checkpoint()
        status = self._engine[spawn_id].process.poll() if spawn_id in self._engine else None
        return Running() if spawn_id in self._engine and status is None else Gone(status)

    async def wait_news(self, spawn_id: str) -> None:
        while isinstance(await self.poll(spawn_id), Running):
            await trio.sleep(0.02)

    async def stop(self, spawn_id: str) -> Gone:
        while isinstance(status := await self.poll(spawn_id), Running):
            self._engine[spawn_id].process.kill()
            await trio.sleep(0.02)
        return status

    async def listed(self) -> list[Listed]:
        made = [(name, self._engine[name]) for name in sorted(self._engine)]
        return [
            Listed(name, one.mark, time.monotonic() - one.began)
            for name, one in made
            if isinstance(await self.poll(name), Running)
        ]

    async def last_lines(self, spawn_id: str) -> list[str]:
        kept = spawn_id in self._engine
        return (self._directory / spawn_id).read_text().splitlines()[-100:] if kept else []

    async def forget(self, spawn_id: str) -> None:
        if isinstance(await self.poll(spawn_id), Gone):
            self._engine.pop(spawn_id, None)


KIND = SpawnerKind(("toy",), ToySettings, ToySpawner)
