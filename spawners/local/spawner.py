"""Servers as processes of this machine, each in a session of its own, which outlive the hub.

A launcher (`launch.sh`) stands between hub and server: it writes down who the server is and how it ended, so
that the next hub knows as much as the one that started it. The lock of an attempt is taken by the hub before
the launcher exists, and handed down to it and to the server: whoever finds it free knows that nothing runs
and nothing is on its way. Linux only (pidfds, /proc).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, assert_never
from urllib.parse import urlsplit

import trio

from core.errors import SpawnError, UnreachableError
from core.machine import faults
from core.machine.process_identity import Identity, open_process
from core.naming.ids import is_id
from core.plugins.spawner import (
    Attempt,
    Elsewhere,
    Gone,
    Listed,
    Progress,
    Report,
    Running,
    Spawner,
    UserOptions,
)
from core.plugins.spawner_kind import SpawnerKind
from spawners import output_file
from spawners.local.answering import trouble_after_end, wait_answer
from spawners.local.attempt_files import Alive, AttemptFiles, AttemptStatus, Ended, UnderWay, Untouched
from spawners.local.launchers import CLEANUP_TIMEOUT, Launch, Launchers
from spawners.local.launching import launch as launch_server
from spawners.local.process_end import end_family, end_server, has_left_nothing
from spawners.local.settings import LocalProcessSettings
from spawners.local.taken_in import process_meant
from spawners.pauses import pauses
from spawners.ports import Ports
from spawners.process_family import Census

UNSUPPORTED_OPTIONS = frozenset(
    {
        "custom",
        "flavor",
        "gpus",
        "image",
        "nodes",
        "option",
        "partition",
        "profile",
        "queue",
        "repo2docker",
        "system",
    }
)
"""Options that say where or in what image to run. All others are free-form and nobody's promise."""

_LAUNCHES_AT_MOST = 3
_FIRST_LOOK, _LAST_LOOK = 1.0, 60.0  # seconds between looks at how much output there is
_FOLLOW_PAUSE = 0.25


class LocalProcessSpawner(Spawner):
    """Starts servers as processes. `simple`: with the hub's rights, else as the system's user of that name.

    A stop ends the server, then its descendants and what is left of its process group. After an end that was
    not in order (a crash, SIGKILL) it ends every process that carries the attempt's mark in its environment.
    So what people have detached on purpose lives on only after a server that ended in order.
    """

    title = "This machine"

    def __init__(
        self,
        directory: Path,
        settings: LocalProcessSettings,
        *,
        simple: bool,
        launch: Launch | None = None,
    ) -> None:
        """`launch`: how an attempt that holds no process yet gets one; by default as a server."""
        self._directory = str(directory.absolute())
        self._settings = settings
        self._ports = Ports(settings.ip, settings.port_range, self._ports_in_use)
        self._launchers = Launchers(
            launch or partial(launch_server, ports=self._ports, configured=settings, simple=simple)
        )
        self._census = Census()
        self._pids: dict[str, int] = {}  # of servers known to run

    async def start(self, attempt: Attempt, report: Report) -> str:
        files = self._files(attempt.spawn_id)
        report(Progress("Spawning server...", 50))
        launches = 0
        for pause in pauses():
            with _asking():
                stage = files.stage()
                if isinstance(stage, Alive):
                    return files.url()
            if isinstance(stage, Ended) or (isinstance(stage, UnderWay) and stage.server_has_ended):
                raise _ended(stage, await self._trouble(attempt.spawn_id, files))
            if isinstance(stage, Untouched):
                launches += 1
                if launches > _LAUNCHES_AT_MOST:
                    raise SpawnError("The server could not be launched: the launcher ends without a trace.")
                await self._launchers.launch(attempt, files)
            await trio.sleep(pause)
        raise AssertionError("pauses never end")

    async def take_in(self, found: Elsewhere, *, for_sure: bool = True) -> None:
        identity = process_meant(found)
        if for_sure:
            with _asking():
                files = self._files(found.spawn_id)
                files.create()
                files.write_url(found.url)
                files.write_identity(identity)
        await trio.lowlevel.checkpoint()

    def hand_over(self, spawn_id: str) -> dict[str, Any]:
        stage = self._files(spawn_id).stage()
        if not isinstance(stage, Alive):
            raise SpawnError("its process has ended")
        return {"pid": stage.identity.pid}

    async def wait_up(self, spawn_id: str, url: str) -> None:
        with _asking():
            await wait_answer(self._files(spawn_id), url)

    async def poll(self, spawn_id: str) -> Running | Gone:
        with _asking():
            files = self._files(spawn_id)
            stage = await _look(files)
            match stage:
                case Alive(identity):
                    output_file.trim(files.output)
                    self._pids[spawn_id] = identity.pid
                    return Running(self.state(spawn_id))
                case UnderWay():
                    return Running()
                case Untouched():
                    return Gone()
                case Ended(exit_status):
                    trouble = await self._trouble(spawn_id, files)
                    await self._let_go(spawn_id)
                    return Gone(exit_status, trouble)
                case _:
                    assert_never(stage)

    async def wait_news(self, spawn_id: str) -> None:
        with _asking():
            files = self._files(spawn_id)
            for pause in pauses():
                stage = files.stage()
                if not isinstance(stage, UnderWay) or stage.server_has_ended:
                    break
                await trio.sleep(pause)
            if isinstance(stage, Alive):
                await _wait_end(stage.identity, files.output)
            else:
                await trio.lowlevel.checkpoint()

    async def stop(self, spawn_id: str) -> Gone:
        with _asking():
            files = self._files(spawn_id)
            ended = await self._end(spawn_id, files)
            if files.exists() and not files.is_swept():  # it died before anybody asked it to
                await end_family(spawn_id, set(), self._census, self._settings)
                files.mark_swept()
            await self._let_go(spawn_id)
            return Gone(ended.exit_status)

    async def listed(self) -> list[Listed]:
        self._launchers.reap_all()
        with _asking():
            found = await trio.to_thread.run_sync(self._not_ended)
            return [self._files(spawn_id).listed(spawn_id) for spawn_id in found]

    def state(self, spawn_id: str) -> dict[str, Any]:
        if spawn_id not in self._pids:
            try:
                stage = self._files(spawn_id).stage()
            except OSError:
                return {}
            if not isinstance(stage, Alive):
                return {}
            self._pids[spawn_id] = stage.identity.pid
        return {"pid": self._pids[spawn_id]}

    async def last_lines(self, spawn_id: str) -> list[str]:
        await trio.lowlevel.checkpoint()
        try:
            return output_file.last_lines(self._files(spawn_id).output)
        except OSError:
            return []

    async def follow_output(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """The places are offsets, in bytes."""
        files, offset = self._files(spawn_id), after
        while True:
            with _asking():
                ended = isinstance(files.stage(), Ended | Untouched)
                data, offset = output_file.read(files.output, offset)
            if data:
                yield data, offset
            elif ended:
                return
            else:
                await trio.sleep(_FOLLOW_PAUSE)

    async def forget(self, spawn_id: str) -> None:
        with _asking():
            files = self._files(spawn_id)
            if isinstance(await _look(files), Ended | Untouched):
                self._ports.release(spawn_id)
                await trio.to_thread.run_sync(files.remove)
                faults.point("output dropped")

    def unsupported_options(self, user_options: UserOptions) -> frozenset[str]:
        return UNSUPPORTED_OPTIONS & user_options.keys()

    async def _end(self, spawn_id: str, files: AttemptFiles) -> Ended:
        """Return when the server has ended, its launcher has said how, and none can be launched any more."""
        for pause in pauses():
            stage = await _look(files)
            match stage:
                case Ended():
                    return stage
                case Alive(identity):
                    family, in_order = await end_server(identity, self._settings)
                    faults.point("server ended")
                    await self._launchers.reap_soon(spawn_id)
                    if not (in_order and await has_left_nothing(family, identity.session)):
                        await end_family(spawn_id, family, self._census, self._settings)
                    files.mark_swept()
                case Untouched():
                    if not files.exists():
                        return Ended()
                    if files.bar():
                        faults.point("launch barred")
                        files.mark_swept()
                case UnderWay():
                    await trio.sleep(pause)
                case _:
                    assert_never(stage)
        raise AssertionError("pauses never end")

    async def _trouble(self, spawn_id: str, files: AttemptFiles) -> str:
        """What is wrong with the port of a server that has ended, unless a later one was given it."""
        port = urlsplit(files.url()).port
        if port is None or self._ports.is_anothers(spawn_id, port):
            return ""
        return await trio.to_thread.run_sync(trouble_after_end, files)

    def _files(self, spawn_id: str) -> AttemptFiles:
        if not is_id(spawn_id):
            raise ValueError(f"not a spawn id: {spawn_id!r}")
        return AttemptFiles(f"{self._directory}/{spawn_id}")

    def _not_ended(self) -> list[str]:
        try:
            names = sorted(filter(is_id, os.listdir(self._directory)))
        except FileNotFoundError:
            return []
        return [name for name in names if isinstance(self._files(name).stage(), Alive | UnderWay)]

    def _ports_in_use(self) -> dict[str, int]:
        ports = {name: urlsplit(self._files(name).url()).port for name in self._not_ended()}
        return {name: port for name, port in ports.items() if port}

    async def _let_go(self, spawn_id: str) -> None:
        """Of what was kept in memory while it ran."""
        self._pids.pop(spawn_id, None)
        self._ports.release(spawn_id)
        await self._launchers.reap_soon(spawn_id)


async def _look(files: AttemptFiles) -> AttemptStatus:
    """The stage, once a launcher whose server has ended has had its time to say how."""
    await trio.lowlevel.checkpoint()
    with trio.move_on_after(CLEANUP_TIMEOUT):
        for pause in pauses():
            stage = files.stage()
            if not (isinstance(stage, UnderWay) and stage.server_has_ended):
                return stage
            await trio.sleep(pause)
    return Ended()  # somebody holds the lock, but the launcher was killed


async def _wait_end(identity: Identity, output: str) -> None:
    """Return when the process has ended; meanwhile keep its output short."""
    pidfd = open_process(identity)
    if pidfd is None:
        return
    pause, seen = _FIRST_LOOK, 0
    try:
        while True:
            with trio.move_on_after(pause):
                await trio.lowlevel.wait_readable(pidfd)
                return
            output_file.trim(output)
            now = output_file.size(output)
            much = now - seen > output_file.SLACK // 2
            pause, seen = max(pause / 2, _FIRST_LOOK) if much else min(pause * 2, _LAST_LOOK), now
    finally:
        os.close(pidfd)


def _ended(stage: AttemptStatus, trouble: str) -> SpawnError:
    status = stage.exit_status if isinstance(stage, Ended) else None
    if status in (126, 127):
        return SpawnError(f"The server's command could not be run (status {status}).", exit_status=status)
    told = "" if status is None else f", with exit status {status}"
    return SpawnError(f"The server's process has already ended{told}. {trouble}".rstrip(), exit_status=status)


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreachableError(f"This machine's processes cannot be asked after: {error}.") from error


KIND = SpawnerKind(
    names=("localprocess", "default"),
    settings=LocalProcessSettings,
    make=lambda settings, directory: LocalProcessSpawner(directory, settings, simple=False),
    known=frozenset({"interrupt_timeout", "kill_timeout", "popen_kwargs", "shell_cmd", "term_timeout"}),
)
SIMPLE = SpawnerKind(
    names=("simple",),
    settings=LocalProcessSettings,
    make=lambda settings, directory: LocalProcessSpawner(directory, settings, simple=True),
    own_section="SimpleLocalProcessSpawner",
    known=frozenset({"home_dir_template"}),
)
