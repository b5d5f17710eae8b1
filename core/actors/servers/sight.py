"""Whether an attempt to start a server runs, and whether it answers."""

from __future__ import annotations

import trio

from core.actors.asking import Pauses, root_cause, wait_out_of_sight
from core.actors.servers.deadlines import Deadlines
from core.actors.servers.runtime import ServerRuntime
from core.errors import SpawnError, UnreachableError
from core.plugins.spawner import Gone, Lost, Status


class Sight:
    """Of the attempts of a server whose present state has these deadlines."""

    __slots__ = ("_deadlines", "_runtime")

    def __init__(self, runtime: ServerRuntime, deadlines: Deadlines) -> None:
        self._runtime = runtime
        self._deadlines = deadlines

    async def poll(self, spawn_id: str) -> Status:
        """Raises UnreachableError also where there is no answer in time."""
        with trio.move_on_after(self._deadlines.poll):
            return await self._runtime.poll(spawn_id)
        raise UnreachableError("no answer in time")

    async def can_be_asked(self, spawn_id: str) -> bool:
        try:
            await self.poll(spawn_id)
        except Exception:
            return False
        return True

    async def wait_lost(self, spawn_id: str, poll_every: float) -> Gone | Lost:
        """Return when it is gone, or out of sight."""
        return await wait_out_of_sight(
            self._runtime.spawner, spawn_id, lambda: self.poll(spawn_id), poll_every
        )

    async def wait_answer_or_end(
        self, spawn_id: str, url: str, prefix: str
    ) -> SpawnError | Lost | Gone | None:
        """None once the server answers; else why it was given up, or how it ended or was lost meanwhile."""
        ended: Gone | Lost | None = None

        async def watch() -> None:
            nonlocal ended
            ended = await self.wait_lost(spawn_id, self._runtime.poll_delay())
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            given_up = await self._wait_answer(spawn_id, url, prefix)
            nursery.cancel_scope.cancel()
        return ended or given_up

    async def _wait_answer(self, spawn_id: str, url: str, prefix: str) -> SpawnError | None:
        timeout = self._deadlines.answer
        pauses = Pauses("wait for an answer of", spawn_id)
        with trio.move_on_after(timeout):
            while True:
                try:
                    await self._runtime.wait_up(spawn_id, f"{url}{prefix}api")
                except Exception as error:
                    reason = root_cause(error)
                    if isinstance(reason, SpawnError):
                        return reason
                    await pauses.after(error)
                else:
                    return None
        return SpawnError(f"The server did not answer at {url} within {timeout:g} seconds.")
