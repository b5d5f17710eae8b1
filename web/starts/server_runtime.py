"""What the actors of servers need of the hub around them."""

from __future__ import annotations

import logging
import math
import random
from contextlib import AbstractAsyncContextManager
from functools import partial

from msgspec.structs import replace

from core.actors.errands import Errands
from core.actors.servers.deadlines import Deadlines
from core.actors.servers.shared_polls import SharedPolls
from core.actors.servers.spawn_turns import SpawnTurns
from core.events.file.store import EventStore
from core.plugins.profiles import every_spawner, settings_of
from core.plugins.spawner import Attempt, Spawner, Status, Telling, UserOptions
from core.server import Checking, Queued, Ready, Server, Spawning, Stopped
from core.settings import PluginSpawnerSettings, Settings
from projections import routes
from projections.servers import servers
from web.proxies.connected import Proxies, told_of_late
from web.starts.launch import Launch
from web.starts.marks import Marks

logger = logging.getLogger("callboard.server")


def _acts_after_stops(settings: Settings) -> bool:
    return settings.pam.open_sessions or any(
        spawner.post_stop_hook is not None or isinstance(spawner, PluginSpawnerSettings)
        for spawner in every_spawner(settings)
    )


class HubServerRuntime:
    def __init__(
        self,
        store: EventStore,
        spawner: Spawner,
        settings: Settings,
        launch: Launch,
        marks: Marks,
        turns: SpawnTurns,
        proxies: Proxies,
        errands: Errands,
        polls: SharedPolls,
    ) -> None:
        self.store = store
        self.spawner = spawner
        self.mailbox_size = settings.callboard.mailbox_size
        self.configure(settings)
        self._launch = launch
        self._marks = marks
        self._turns = turns
        self._proxies = proxies
        self._errands = errands
        self._polls = polls

    def configure(self, settings: Settings) -> None:
        """Deadlines of states entered from now on, and of the next polls."""
        self._settings = settings
        self._poll_interval = settings.spawner.poll_interval
        self._poll_jitter = settings.spawner.poll_jitter

    def deadlines_of(self, user_options: UserOptions) -> Deadlines:
        settings = self._settings
        spawner = settings_of(settings, user_options)
        return Deadlines(
            start=spawner.start_timeout,
            answer=spawner.http_timeout,
            turn=settings.callboard.spawn_queue_timeout,
            stop=spawner.stop_timeout,
            waiting=spawner.waiting_timeout,
            hook=settings.callboard.hook_timeout if _acts_after_stops(settings) else 0,
        )

    def wait_turn(self, server_id: str, timeout: float) -> AbstractAsyncContextManager[bool]:
        return self._turns.wait_turn(server_id, timeout)

    def waits_in_engine(self, server_id: str, waits: bool) -> None:
        self._turns.waits_in_engine(server_id, waits)

    async def attempt(self, server_id: str, spawning: Spawning, telling: Telling) -> Attempt:
        attempt = await self._launch.attempt(server_id, spawning, telling)
        row = servers.by_id(self.store.db, server_id)
        user_id = "" if row is None else row.user
        mark = self._marks.of(server_id, spawning)
        return replace(attempt, mark=mark, user_id=user_id, server_id=server_id)

    async def after_end(self, server_id: str) -> None:
        await self._launch.after_stop(server_id)

    async def wait_up(self, spawn_id: str, url: str) -> None:
        await self.spawner.wait_up(spawn_id, url)

    async def poll(self, spawn_id: str) -> Status:
        return await self._polls.poll(spawn_id)

    async def wait_routed(self, server_id: str) -> None:
        route = routes.of_server(self.store.db, server_id)
        if route is not None:
            await self._proxies.wait_applied(route.position)

    def unrouted(self, server_id: str) -> str:
        route = routes.of_server(self.store.db, server_id)
        late = [] if route is None else self._proxies.leave_out(route.position)
        return told_of_late(len(late), len(self._proxies.connected)) if late else ""

    def poll_delay(self) -> float:
        if self._poll_interval <= 0:
            return math.inf
        return self._poll_interval * random.uniform(1 - self._poll_jitter, 1 + self._poll_jitter)  # noqa: S311

    def on_change(self, server_id: str, before: Server, after: Server) -> None:
        logger.debug("server %s: %s -> %s", server_id, type(before).__name__, type(after).__name__)
        if isinstance(before, Queued) and isinstance(after, Stopped):
            self._launch.forget(before.spawn_id)
        if isinstance(before, Ready | Checking) and isinstance(
            after, Stopped
        ):  # it has died: nobody ended it
            self._errands.go_on(f"post-stop/{server_id}", partial(self.after_end, server_id))
