"""What the actors of servers need of the hub around them."""

from __future__ import annotations

import math
import random

from core.actors.server_work import Deadlines
from core.config import Settings
from core.events.store import EventStore
from core.server import Server, Spawning
from core.spawn_limits import SpawnLimits
from core.spawner import Attempt, Spawner
from projections import routes
from web.launch import Launch
from web.proxies import Proxies

POLL_JITTER = 0.1


class HubStage:
    def __init__(
        self,
        store: EventStore,
        spawner: Spawner,
        settings: Settings,
        launch: Launch,
        limits: SpawnLimits,
        proxies: Proxies,
    ) -> None:
        self.store = store
        self.spawner = spawner
        local = settings.local_process
        self.deadlines = Deadlines(
            start=settings.spawner.start_timeout,
            answer=settings.spawner.http_timeout,
            stop=local.interrupt_timeout + local.term_timeout + local.kill_timeout + 5,
        )
        self.mailbox_size = settings.callboard.mailbox_size
        self._poll_interval = settings.spawner.poll_interval
        self._launch = launch
        self._limits = limits
        self._proxies = proxies

    async def attempt(self, server_id: str, spawning: Spawning) -> Attempt:
        return await self._launch.attempt(spawning)

    async def wait_up(self, url: str) -> None:
        await self.spawner.wait_up(url)

    async def wait_routed(self, server_id: str) -> None:
        route = routes.of_server(self.store.db, server_id)
        if route is not None:
            await self._proxies.wait_applied(route.position)

    def poll_delay(self) -> float:
        if self._poll_interval <= 0:
            return math.inf
        return self._poll_interval * random.uniform(1 - POLL_JITTER, 1 + POLL_JITTER)  # noqa: S311

    def on_change(self, server_id: str, before: Server, after: Server) -> None:
        self._limits.moved(before, after)
