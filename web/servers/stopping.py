"""A stop, and the removal that may follow it: asked for, and waited for."""

from __future__ import annotations

from collections.abc import Callable

import trio

from core.actors.removals import Removals
from core.actors.servers.supervisor import Supervisor
from core.errors import HubError
from core.events.file.writer import IdempotencyRecord
from core.events.log.tables import Tables
from core.events.record import By
from core.events.stop_reason import StopReason, reason_of
from core.server import Stop, Stopped
from core.settings import Settings
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.login.refresh import LoginRefresh
from web.login.request_facts import RequestFacts
from web.servers.waiting import in_time


class Stopping:
    """`settings`: as they are now. `closed`: the hub no longer serves."""

    def __init__(
        self,
        db: Tables,
        servers: Supervisor,
        removals: Removals,
        refresh: LoginRefresh,
        settings: Callable[[], Settings],
        *,
        closed: trio.Event,
    ) -> None:
        self._db = db
        self._servers = servers
        self._removals = removals
        self._refresh = refresh
        self._settings = settings
        self._closed = closed

    async def stop(
        self,
        owner: UserRow,
        server: ServerRow,
        *,
        by: By,
        why: str = "",
        reason: StopReason = "",
        wait: float = 0.0,
        idempotency: IdempotencyRecord | None = None,
        request: RequestFacts | None = None,
    ) -> bool:
        """Ask for a stop. False where it takes longer than `wait` seconds; it goes on then.

        `why`: for people. `reason`: for programs; without one it is that of whoever asks by hand.
        """
        await self._check_login(owner, by, request)
        command = Stop(why, reason=reason or reason_of(by.principal))
        actor = self._servers.actor(server.id)
        await actor.ask(command, by=by, idempotency=idempotency)
        stopped = actor.wait_until(lambda state: isinstance(state, Stopped))
        return await in_time(stopped, wait, unless=self._closed)

    async def remove(
        self,
        owner: UserRow,
        server: ServerRow,
        *,
        by: By,
        wait: float = 0.0,
        idempotency: IdempotencyRecord | None = None,
        request: RequestFacts | None = None,
    ) -> bool:
        """Have a server stopped and then removed. False where it takes longer than `wait` seconds; it goes on then."""
        await self._check_login(owner, by, request)
        await self._removals.begin(owner.id, server.id, by=by, idempotency=idempotency)
        return await in_time(self._removals.wait_gone(server.id), wait, unless=self._closed)

    async def stop_ready(self, user_id: str, why: str, *, by: By) -> None:
        """All servers of the user that are ready, at once. It waits no longer than for any stop."""
        with trio.move_on_after(self.usual_wait):
            async with trio.open_nursery() as nursery:
                for server in servers.of_user(self._db, user_id):
                    if server.state == "ready":
                        nursery.start_soon(self._stop_if_possible, server.id, why, by)

    async def _stop_if_possible(self, server_id: str, why: str, by: By) -> None:
        try:
            actor = self._servers.actor(server_id)
            await actor.ask(Stop(why, reason=reason_of(by.principal)), by=by)
            await actor.wait_until(lambda state: isinstance(state, Stopped))
        except HubError:
            return  # something else is under way with it

    async def _check_login(self, owner: UserRow, by: By, request: RequestFacts | None) -> None:
        if self._settings().authenticator.refresh_pre_stop:
            await self._refresh.check_before(owner, by=by, request=request)

    @property
    def usual_wait(self) -> float:
        """How many seconds a caller waits who does not say."""
        return self._settings().hub.tornado_settings.slow_stop_timeout
