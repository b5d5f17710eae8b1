"""Servers in containers, each named after its spawn id, which outlive the hub and tell the next one all it needs.

What a container is asked to be is in create_body.py; what the engine tells of it, in found.py. How it has ended is
written down beside the hub (endings.py) before it is removed, and from then on none of that spawn id is started.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_never

import trio

from core.errors import SpawnError, UnreachableError
from core.machine import faults
from core.naming.ids import is_id
from core.plugins.spawner import (
    Attempt,
    Beat,
    Gone,
    Kept,
    Listed,
    Progress,
    Report,
    Running,
    Spawner,
    Status,
    TellStatus,
    UserOptions,
)
from core.plugins.spawner_kind import SpawnerKind
from spawners.docker import address
from spawners.docker.create_body import create_body
from spawners.docker.endings import Endings
from spawners.docker.engine import CONFLICT, Engine, EngineRefusal, EngineTrouble, failure_of
from spawners.docker.found import (
    HUB,
    SERVER_ID,
    USER_ID,
    Alive,
    Container,
    Ended,
    Made,
    Summary,
    name_of,
    stage_of,
)
from spawners.docker.listing import Listing
from spawners.docker.output import Frames, Piece, last_lines, since, tail
from spawners.docker.place import place_of
from spawners.docker.pulling import Images
from spawners.docker.settings import USUAL_GRACE, DockerSettings
from spawners.docker.traits import KNOWN, REASONS
from spawners.docker.watch import Watch
from spawners.pauses import pauses
from spawners.ports import Ports

logger = logging.getLogger("callboard.spawner")

UNSUPPORTED_OPTIONS = frozenset(
    {"custom", "flavor", "nodes", "option", "partition", "queue", "repo2docker", "system"}
)
_STARTS_AT_ONCE = 16
_LOOK_AGAIN = 1.0  # seconds between looks at what no watch sees
_LINES_KEPT = "2000"
_ENGINE_AWAY = Progress("The container engine does not answer. It is asked again until it does.")


class DockerSpawner(Spawner):
    title = "Docker"

    def __init__(self, settings: DockerSettings, directory: Path) -> None:
        """`directory`: for how attempts have ended. Raises ConfigError for a place where no engine can be."""
        self._settings = settings
        place = place_of(
            settings.docker_host, settings.docker_tls_verify, settings.docker_cert_path, os.environ
        )
        self._engine = Engine(place)
        self._endings = Endings(directory)
        self._images = Images(self._engine)
        self._listing = Listing(self._engine, settings.hub_label)
        self._watch = Watch(self._engine, self._listing, settings.hub_label, self._tidy)
        self._starting = trio.CapacityLimiter(_STARTS_AT_ONCE)
        self._ports = Ports("", None, dict)  # of containers that have the network of this machine

    async def run(self, beat: Beat) -> None:
        await self._watch.run(beat)

    # --- start ---

    async def start(self, attempt: Attempt, report: Report) -> str:
        name = _name(attempt.spawn_id)
        settings = attempt.settings_as(DockerSettings, self._settings)
        self._check_not_ended(attempt.spawn_id)
        try:
            container = await self._engine.container(name)
            if container is None:
                image = await self._images.provide(settings, report)
                report(Progress("Spawning server...", 50))
                async with self._starting:
                    await self._make(attempt, settings, image.cmd)
                    return await self._run(attempt.spawn_id, settings)
            report(Progress("Spawning server...", 50))
            async with self._starting:
                return await self._run(attempt.spawn_id, settings)
        except UnreachableError:
            report(_ENGINE_AWAY)
            raise

    def _check_not_ended(self, spawn_id: str) -> None:
        ended = self._endings.ended(spawn_id)
        if ended is not None:
            raise _has_ended(ended)

    async def _make(self, attempt: Attempt, settings: DockerSettings, image_cmd: list[str]) -> None:
        """Return once there is a container for the attempt, whoever has made it."""
        name = _name(attempt.spawn_id)
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
        name = _name(spawn_id)
        container = await self._known(name)
        if isinstance(stage_of(container), Made):
            failure = await failure_of(lambda: self._engine.start(name))
            if failure is not None:
                raise SpawnError(f"The server's container could not be started: {failure.message}")
            faults.point("container started")
            container = await self._known(name)
        stage = stage_of(container)
        if isinstance(stage, Ended):
            await self._keep_ending(spawn_id, container, stage)
            raise _has_ended(stage)
        return address.url_of(container, self._engine.place, settings.network_name)

    async def _known(self, name: str) -> Container:
        container = await self._engine.container(name)
        if container is None:
            raise SpawnError("The server's container has been removed.")
        return container

    # --- whether it runs ---

    async def poll(self, spawn_id: str) -> Status:
        name = _name(spawn_id)
        ended = self._endings.ended(spawn_id)
        if ended is not None:
            return _gone(ended)
        container = await self._engine.container(name)
        if container is None:
            return Gone()
        stage = stage_of(container)
        if not isinstance(stage, Ended):
            return Running(self.state(spawn_id))
        await self._keep_ending(spawn_id, container, stage)
        return _gone(stage)

    async def poll_many(self, spawn_ids: Collection[str], tell: TellStatus) -> None:
        unseen = [one for one in spawn_ids if not self._tell_seen(one, tell)]
        if len(unseen) > 1:
            listed = {one.spawn_id for one in await self._listing.now()}
            for spawn_id in listed.intersection(unseen):
                tell(spawn_id, Running(self.state(spawn_id)))
            unseen = [one for one in unseen if one not in listed]
        await super().poll_many(unseen, tell)

    def _tell_seen(self, spawn_id: str, tell: TellStatus) -> bool:
        if not self._watch.sees_now(spawn_id):
            return False
        tell(spawn_id, Running(self.state(spawn_id)))
        return True

    async def wait_news(self, spawn_id: str) -> None:
        while True:
            if self._watch.sees(spawn_id):
                await self._watch.wait_gone(spawn_id)
                return
            if isinstance(await self.poll(spawn_id), Gone):
                return
            await trio.sleep(_LOOK_AGAIN)

    async def listed(self) -> list[Listed]:
        now = datetime.now(UTC)
        found = [one.listed(now) for one in await self._listing.now() if is_id(one.spawn_id)]
        return sorted(found, key=lambda one: one.spawn_id)

    def state(self, spawn_id: str) -> dict[str, Any]:
        """Its container's name, unless it is known to have ended."""
        return {} if self._endings.ended(spawn_id) else {"container": _name(spawn_id)}

    # --- stop ---

    async def stop(self, spawn_id: str) -> Gone:
        name = _name(spawn_id)
        for pause in pauses():
            ended, container = self._endings.ended(spawn_id), await self._engine.container(name)
            if container is None:
                if ended is None:
                    await self._write_ending(spawn_id, Ended(), [])
                return _gone(ended or Ended())
            match stage := stage_of(container):
                case Made():
                    await self._engine.remove(name)
                case Alive():
                    await self._end(name, container, stage)
                case Ended():
                    await self._keep_ending(spawn_id, container, stage)
                    self._ports.release(spawn_id)
                    return _gone(ended or stage)
                case _:
                    assert_never(stage)
            faults.point("container ended")
            await trio.sleep(pause)
        raise AssertionError("pauses never end")

    async def _end(self, name: str, container: Container, stage: Alive) -> None:
        """As its image and the configuration want it to be ended."""
        grace = container.config.stop_timeout
        with suppress(EngineRefusal):  # it has ended meanwhile
            if stage.is_paused:  # what is frozen cannot end
                await self._engine.unpause(name)
            await self._engine.stop(name, USUAL_GRACE if grace is None else grace)

    async def _keep_ending(self, spawn_id: str, container: Container, ended: Ended) -> None:
        """Write down how it has ended and what it wrote, then remove it."""
        if self._endings.ended(spawn_id) is None:
            output = await self._written(spawn_id, container)
            if await self._write_ending(spawn_id, ended, output) is None:
                return  # the container is the only one that knows
        if self._settings.remove:
            await self._engine.remove(_name(spawn_id))

    async def _write_ending(self, spawn_id: str, ended: Ended, output: list[Piece]) -> Ended | None:
        """None where that is not possible."""
        try:
            await trio.to_thread.run_sync(self._endings.write, spawn_id, ended, output)
        except OSError as error:
            logger.warning("cannot write down how %s has ended: %s", spawn_id, error)
            return None
        return ended

    async def _tidy(self, listed: list[Summary]) -> None:
        """What was made after it had been stopped, by an engine that was late, goes."""
        for one in listed:
            if is_id(one.spawn_id) and self._endings.ended(one.spawn_id) is not None:
                logger.warning(
                    "removing the container of %s, which was stopped before it was made", one.spawn_id
                )
                await self._engine.remove(_name(one.spawn_id))

    # --- output ---

    async def last_lines(self, spawn_id: str) -> list[str]:
        name = _name(spawn_id)
        if self._endings.ended(spawn_id) is not None:
            return last_lines(self._endings.output(spawn_id))
        container = await self._engine.container(name)
        return [] if container is None else last_lines(await self._written(spawn_id, container))

    async def follow_output(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """The places are moments, in nanoseconds since 1970."""
        name = _name(spawn_id)
        while True:
            container = await self._engine.container(name)
            has_ended = container is None or isinstance(stage_of(container), Ended)
            pieces = self._kept(spawn_id) if container is None else self._following(name, container, after)
            begin = after
            async with aclosing(pieces):
                async for at, data in pieces:
                    if at > begin:
                        after = max(at, after + 1)  # two may have been written at the same moment
                        yield data, after
            if has_ended:
                return
            await trio.sleep(_LOOK_AGAIN)

    async def _kept(self, spawn_id: str) -> AsyncGenerator[Piece, None]:
        for piece in self._endings.output(spawn_id):
            yield piece

    async def _following(self, name: str, container: Container, after: int) -> AsyncGenerator[Piece, None]:
        frames = Frames(is_terminal=container.config.tty)
        try:
            async with self._engine.output(name, follow=True, since=since(after)) as data:
                async for chunk in data:
                    for piece in frames.take(chunk):
                        yield piece
        except EngineRefusal:
            return  # removed meanwhile, or of a kind that keeps no output

    async def _written(self, spawn_id: str, container: Container) -> list[Piece]:
        """Nothing where the engine keeps no output of its containers."""
        try:
            async with self._engine.output(_name(spawn_id), follow=False, tail=_LINES_KEPT) as data:
                return await tail(Frames(is_terminal=container.config.tty), data)
        except (EngineRefusal, EngineTrouble, ValueError) as error:
            logger.warning("cannot read what %s has written: %s", spawn_id, error)
            return []

    async def forget(self, spawn_id: str) -> None:
        if isinstance(await self.poll(spawn_id), Gone):
            await self._engine.remove(_name(spawn_id))
            await trio.to_thread.run_sync(self._endings.drop, spawn_id)
            faults.point("output dropped")

    async def delete_forever(self, kept: Kept) -> None:
        """The volumes that were made for them, by this hub or an earlier one; first what has ended and uses them."""
        labels = [f"{HUB}={self._settings.hub_label}", f"{USER_ID}={kept.user_id}"]
        if kept.server_id:
            labels.append(f"{SERVER_ID}={kept.server_id}")
        for one in await self._engine.containers(*labels, ended=True):
            await self.forget(one.spawn_id)
        for name in await self._engine.volumes(*labels):
            try:
                await self._engine.remove_volume(name)
            except EngineRefusal as refusal:
                raise UnreachableError(f"the volume {name} cannot be deleted: {refusal.message}") from refusal

    def unsupported_options(self, user_options: UserOptions) -> frozenset[str]:
        return UNSUPPORTED_OPTIONS & user_options.keys()


def _name(spawn_id: str) -> str:
    if not is_id(spawn_id):
        raise ValueError(f"not a spawn id: {spawn_id!r}")
    return name_of(spawn_id)


def _gone(ended: Ended) -> Gone:
    return Gone(ended.exit_status, reason=ended.reason)


def _has_ended(ended: Ended) -> SpawnError:
    told = "" if ended.exit_status is None else f", with exit status {ended.exit_status}"
    message = f"The server's container has already ended{told}. {ended.reason}".rstrip()
    return SpawnError(message, exit_status=ended.exit_status)


KIND = SpawnerKind(
    names=("callboard-docker",),
    folder="docker",
    settings=DockerSettings,
    make=DockerSpawner,
    known=KNOWN,
    reasons=REASONS,
)
