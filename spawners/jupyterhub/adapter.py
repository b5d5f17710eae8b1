"""A spawner of JupyterHub's kind behind our protocol: the hub's side of it.

The class runs in a thread with asyncio; what it blocks or breaks is its own starts and ends. A start is recorded before
it begins, with its state at every change, so that the next hub adopts what runs. Whatever `poll` raises, or does not
answer in time, is "could not ask", and never "gone".
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from time import time
from typing import Any

import trio
from msgspec.structs import replace

from core.asyncio_thread.host import Condition
from core.config.masking import mask
from core.config.plugins.classes import full_name
from core.errors import SpawnError, UnreachableError
from core.plugins.hook_errors import as_spawn_error, log_failure
from core.plugins.plugin_hub import PluginHub
from core.plugins.spawner import Attempt, Beat, Elsewhere, Gone, Listed, Progress, Report, Running, Spawner
from core.plugins.told_progress import as_progress
from core.settings import PluginSpawnerSettings
from spawners.jupyterhub import ending, starting
from spawners.jupyterhub.engine import Engine
from spawners.jupyterhub.facts import changes_of, new_record, of_attempt, of_record, taken_in
from spawners.jupyterhub.hooks import OwnHooks
from spawners.jupyterhub.kept_files import KeptFiles
from spawners.jupyterhub.processes import Orphans, process_of, process_taken_in, wait_end
from spawners.jupyterhub.records import Record, Records

logger = logging.getLogger("callboard.plugins")

POLL = 25.0  # seconds for a look at whether something runs
STOP = 110.0  # seconds for an end
COME_BACK = 10.0  # seconds that an end waits for a start that was called off


class PluginSpawner(OwnHooks, Spawner):
    """`directory`: for locks, and for what processes of this machine write."""

    def __init__(self, settings: PluginSpawnerSettings, directory: Path) -> None:
        self._settings = settings
        self._files = KeptFiles(directory / "plugins")
        self._orphans = Orphans()
        self._starting: dict[str, tuple[starting.Door, trio.Event]] = {}  # starts that have not come back

    def attach(self, hub: PluginHub) -> None:
        self._hub = hub
        self._records = Records(hub.states, full_name(self._settings.plugin.kind))
        self._engine = Engine(self._settings.plugin, hub.site())

    def condition(self) -> Condition:
        return self._engine.condition

    async def run(self, beat: Beat) -> None:
        await self._engine.run(beat)

    async def close(self) -> None:
        """End the thread, as `run` does at its end."""
        await self._engine.close()

    # --- start ---

    async def start(self, attempt: Attempt, report: Report) -> str:
        async with self._files.held(attempt.spawn_id):
            record = self._records.of(attempt.spawn_id)
            if record is None:
                record = new_record(attempt)
                await self._end_earlier(record)
                await self._records.keep(record)
            elif record.phase == "starting":
                await self._end(record)  # an older hub has begun it: what became of that, nobody knows
            else:
                return await self._joined(record)
            report(Progress("Spawning server...", 50))
            return await self._start(attempt, record, report)

    async def _joined(self, record: Record) -> str:
        if isinstance(await self._look(record), Running):
            return record.url
        raise SpawnError("The server has already ended.")

    async def _end_earlier(self, record: Record) -> None:
        """Of the same server: a class names what it makes after servers, so one would end another's."""
        for earlier in self._records.all():
            if earlier.server_id == record.server_id and earlier.phase != "ended":
                await self._stop(earlier)

    async def _start(self, attempt: Attempt, record: Record, report: Report) -> str:
        order = starting.Order(
            of_attempt(attempt, self._hub),
            attempt.environment,
            changes_of(attempt, self._settings),
            self._records.between(attempt.server_id),
            self._files.output(attempt.spawn_id),
            partial(_tell, report),
            partial(self._keep_state, attempt.spawn_id),
        )
        what = f"start of {attempt.user}/{attempt.server}"
        back = trio.Event()
        door = starting.Door(partial(_set, trio.lowlevel.current_trio_token(), back))
        self._starting[attempt.spawn_id] = door, back
        try:
            started = await self._engine.call(starting.start, order, door, within=math.inf, what=what)
        except Exception as error:
            log_failure(logger, what, error)
            raise as_spawn_error(error) from error
        finally:
            if door.take() or back.is_set():
                self._starting.pop(attempt.spawn_id, None)
        process = process_of(started.state) if started.is_local else None
        await self._records.change(
            record.spawn_id, phase="started", url=started.url, state=started.state, process=process
        )
        return started.url

    async def _keep_state(self, spawn_id: str, state: dict[str, Any]) -> None:
        await self._records.change(spawn_id, state=state, process=process_of(state))

    async def take_in(self, found: Elsewhere, *, for_sure: bool = True) -> None:
        """Its class says whether it runs, by the state that it left with the other hub."""
        record = taken_in(found, process_taken_in(self._settings.plugin.kind, found))
        seen = await self._engine.ask(
            ending.look, of_record(record, self._hub), within=POLL, what=f"poll of {record.called}"
        )
        if not seen.runs:
            raise SpawnError("its spawner says that it has ended")
        if for_sure:
            await self._records.keep(replace(record, state=seen.state))

    def hand_over(self, spawn_id: str) -> dict[str, Any]:
        record = self._records.of(spawn_id)
        if record is None or record.phase != "started":
            raise SpawnError("it has ended")
        return record.state

    # --- whether it runs ---

    async def poll(self, spawn_id: str) -> Running | Gone:
        record = self._records.of(spawn_id)
        return Gone() if record is None else await self._look(record)

    async def _look(self, record: Record) -> Running | Gone:
        if record.phase == "ended":
            return record.gone
        seen = await self._engine.ask(
            ending.look, of_record(record, self._hub), within=POLL, what=f"poll of {record.called}"
        )
        self._files.trim(record.spawn_id)
        if seen.runs:
            await self._records.change(record.spawn_id, state=seen.state)
            return Running(self.state(record.spawn_id))
        if record.phase == "starting":
            return Gone(seen.exit_status, reason=seen.reason)
        return await self._has_ended(record, seen)

    async def _has_ended(self, record: Record, seen: ending.Seen) -> Gone:
        """Record it, with what the class wants to have again."""
        what = f"end of {record.called}"
        between = await self._engine.ask(ending.clear, of_record(record, self._hub), within=POLL, what=what)
        await self._records.keep_between(record.server_id, between)
        await self._records.end(record.spawn_id, seen.exit_status, seen.reason)
        return Gone(seen.exit_status, reason=seen.reason)

    async def wait_news(self, spawn_id: str) -> None:
        """Of processes of this machine. Whatever else there is, is polled."""
        record = self._records.of(spawn_id)
        if record is None or record.phase == "ended":
            await trio.lowlevel.checkpoint()
        elif record.process is not None:
            await wait_end(record.process)
        else:
            await trio.sleep_forever()

    # --- its end ---

    async def stop(self, spawn_id: str) -> Gone:
        await self._wait_back(spawn_id)
        async with self._files.held(spawn_id):
            record = self._records.of(spawn_id)
            return Gone() if record is None else await self._stop(record)

    async def _stop(self, record: Record) -> Gone:
        if record.phase == "ended":
            return record.gone
        return await self._has_ended(record, await self._end(record))

    async def _end(self, record: Record) -> ending.Seen:
        """Raises UnreachableError as long as it runs."""
        seen = await self._engine.ask(
            ending.stop, of_record(record, self._hub), within=STOP, what=f"stop of {record.called}"
        )
        if seen.runs:
            raise UnreachableError(f"stop of {record.called}: it still runs")
        await self._orphans.end(record.spawn_id)
        return seen

    async def _wait_back(self, spawn_id: str) -> None:
        """A start that was called off may still be making something, as long as it has not come back."""
        if spawn_id not in self._starting:
            return
        door, back = self._starting[spawn_id]
        with trio.move_on_after(COME_BACK):
            await back.wait()
        if door.state is not None:
            await self._records.change(spawn_id, state=door.state, process=process_of(door.state))
        if not back.is_set():
            raise UnreachableError("its start was called off, and has not come back")
        self._starting.pop(spawn_id, None)

    # --- what is known ---

    async def hear(self, spawn_id: str, told: Mapping[str, Any]) -> None:
        what = f"what the server of {spawn_id} tells of itself"
        await self._engine.ask(starting.hear, spawn_id, dict(told), within=POLL, what=what)

    async def listed(self) -> list[Listed]:
        found = [record for record in self.known() if record.phase != "ended"]
        await trio.lowlevel.checkpoint()
        return [
            Listed(record.spawn_id, record.mark, time() - record.began)
            for record in sorted(found, key=lambda record: record.spawn_id)
        ]

    def known(self) -> list[Record]:
        """All that is recorded of attempts."""
        return self._records.all()

    def state(self, spawn_id: str) -> dict[str, Any]:
        record = self._records.of(spawn_id)
        shown: dict[str, Any] = {} if record is None or record.phase == "ended" else mask(record.state)
        return shown

    async def last_lines(self, spawn_id: str) -> list[str]:
        await trio.lowlevel.checkpoint()
        return self._files.last_lines(spawn_id)

    async def follow_output(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """The places are offsets, in bytes. Only processes of this machine write where the hub can read."""

        async def has_ended() -> bool:
            return isinstance(await self.poll(spawn_id), Gone)

        async for piece in self._files.follow(spawn_id, after, has_ended):
            yield piece

    async def forget(self, spawn_id: str) -> None:
        async with self._files.held(spawn_id):
            if isinstance(await self.poll(spawn_id), Gone):
                await self._records.drop(spawn_id)
                self._files.drop(spawn_id)


async def _tell(report: Report, event: Any) -> None:
    if (progress := as_progress(event)) is not None:
        report(progress)


def _set(token: trio.lowlevel.TrioToken, event: trio.Event) -> None:
    try:
        token.run_sync_soon(event.set)
    except trio.RunFinishedError:  # the hub has ended meanwhile
        return
