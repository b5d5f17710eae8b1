"""Servers in containers, each named after its spawn id, which outlive the hub and tell the next one all it needs.

What a container is asked to be is in create_body.py; what the engine tells of it, in found.py. How it has ended is
written down beside the hub (endings.py) before it is removed, and from then on none of that spawn id is started.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection
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
    Elsewhere,
    Gone,
    Kept,
    Listed,
    Report,
    Running,
    Spawner,
    Status,
    TellStatus,
    UserOptions,
)
from core.plugins.spawner_kind import SpawnerKind
from spawners.docker.ender import Ender
from spawners.docker.endings import Endings, Owner
from spawners.docker.engine.calls import Engine, EngineRefusal
from spawners.docker.engine.found import (
    HUB,
    SERVER_ID,
    USER_ID,
    Alive,
    Ended,
    Made,
    stage_of,
)
from spawners.docker.engine.listing import Listing
from spawners.docker.engine.place import logins_of, place_of
from spawners.docker.engine.watch import Watch
from spawners.docker.pulling import Images
from spawners.docker.settings import DockerSettings
from spawners.docker.starting import Starter
from spawners.docker.taken_in import Newcomers, TakenIn, check_meant, id_in
from spawners.docker.traits import KNOWN, REASONS
from spawners.docker.written import Written
from spawners.pauses import pauses

UNSUPPORTED_OPTIONS = frozenset(
    {"custom", "flavor", "nodes", "option", "partition", "queue", "repo2docker", "system"}
)
_LOOK_AGAIN = 1.0  # seconds between looks at what no watch sees


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
        self._newcomers = Newcomers(directory)
        self._written = Written(self._engine, self._endings, self._newcomers)
        self._ender = Ender(
            self._engine, self._endings, self._newcomers, self._written, remove=settings.remove
        )
        images = Images(self._engine, logins_of(os.environ))
        self._starter = Starter(self._engine, self._endings, self._newcomers, self._ender, images)
        self._listing = Listing(self._engine, settings.hub_label, self._others)
        self._watch = Watch(self._engine, self._listing, settings.hub_label, self._ender.tidy)

    async def run(self, beat: Beat) -> None:
        await self._watch.run(beat)

    async def start(self, attempt: Attempt, report: Report) -> str:
        settings = attempt.settings_as(DockerSettings, self._settings)
        return await self._starter.start(attempt, settings, report)

    # --- from another hub, and to one ---

    async def take_in(self, found: Elsewhere, *, for_sure: bool = True) -> None:
        """A container of DockerSpawner's. It has no label of ours, and is known by its id."""
        container = check_meant(found, await self._engine.container(id_in(found.state)))
        if for_sure:
            name = str(found.state.get("object_name") or container.id)
            taken = TakenIn(container.id, name, found.url, Owner(found.user_id, found.server_id))
            await trio.to_thread.run_sync(self._newcomers.keep, found.spawn_id, taken)

    def hand_over(self, spawn_id: str) -> dict[str, Any]:
        """DockerSpawner finds a container by the name in its state, whatever it would call it itself."""
        if self._endings.ended(spawn_id) is not None:
            raise SpawnError("its container has ended")
        called = self._newcomers.called(spawn_id)
        taken = self._newcomers.of(spawn_id)
        return {"object_id": called, "object_name": called if taken is None else taken.name}

    # --- whether it runs ---

    async def poll(self, spawn_id: str) -> Status:
        name = self._newcomers.called(spawn_id)
        ended = self._endings.ended(spawn_id)
        if ended is not None:
            return _gone(ended)
        container = await self._engine.container(name)
        if container is None:
            return Gone()
        stage = stage_of(container)
        if not isinstance(stage, Ended):
            return Running(self.state(spawn_id))
        await self._ender.keep(spawn_id, container, stage)
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

    def _others(self) -> dict[str, str]:
        """Of what another hub has made: the spawn ids by container. One that has ended is nobody's any more."""
        found = self._newcomers.by_container()
        return {one: spawn_id for one, spawn_id in found.items() if self._endings.ended(spawn_id) is None}

    def state(self, spawn_id: str) -> dict[str, Any]:
        """What its container goes by, unless it is known to have ended."""
        return {} if self._endings.ended(spawn_id) else {"container": self._newcomers.called(spawn_id)}

    # --- stop ---

    async def stop(self, spawn_id: str) -> Gone:
        name = self._newcomers.called(spawn_id)
        self._starter.let_go(spawn_id)
        for pause in pauses():
            ended, container = self._endings.ended(spawn_id), await self._engine.container(name)
            if container is None:
                if ended is None:
                    await self._ender.bar(spawn_id)
                return _gone(ended or Ended())
            match stage := stage_of(container):
                case Made():
                    await self._engine.remove(name)
                case Alive():
                    await self._ender.end(name, container, stage)
                case Ended():
                    await self._ender.keep(spawn_id, container, stage)
                    return _gone(ended or stage)
                case _:
                    assert_never(stage)
            faults.point("container ended")
            await trio.sleep(pause)
        raise AssertionError("pauses never end")

    # --- output ---

    async def last_lines(self, spawn_id: str) -> list[str]:
        return await self._written.last_lines(spawn_id)

    def follow_output(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """The places are moments, in nanoseconds since 1970."""
        return self._written.follow(spawn_id, after)

    async def forget(self, spawn_id: str) -> None:
        if isinstance(await self.poll(spawn_id), Gone):
            await self._ender.remove(spawn_id)
            await trio.to_thread.run_sync(self._endings.drop, spawn_id)
            self._newcomers.drop(spawn_id)
            faults.point("output dropped")

    async def delete_forever(self, kept: Kept) -> None:
        """What is kept of their attempts, and the volumes that were made for them, by this hub or an earlier one."""
        labels = [f"{HUB}={self._settings.hub_label}", f"{USER_ID}={kept.user_id}"]
        if kept.server_id:
            labels.append(f"{SERVER_ID}={kept.server_id}")
        ended = [one.spawn_id for one in await self._engine.containers(*labels, ended=True)]
        written = await trio.to_thread.run_sync(self._endings.of, kept.user_id, kept.server_id)
        for spawn_id in {*ended, *written}:
            await self.forget(spawn_id)
        for name in await self._engine.volumes(*labels):
            try:
                await self._engine.remove_volume(name)
            except EngineRefusal as refusal:
                raise UnreachableError(f"the volume {name} cannot be deleted: {refusal.message}") from refusal

    def unsupported_options(self, user_options: UserOptions) -> frozenset[str]:
        return UNSUPPORTED_OPTIONS & user_options.keys()


def _gone(ended: Ended) -> Gone:
    return Gone(ended.exit_status, reason=ended.reason)


KIND = SpawnerKind(
    names=("callboard-docker",),
    folder="docker",
    settings=DockerSettings,
    make=DockerSpawner,
    known=KNOWN,
    reasons=REASONS,
)
