"""Sees users off: ends all servers of a user whose deletion was asked for, then the user.

The wish is an event; a hub that finds it unfulfilled after a restart goes on from there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from core.errors import HubError
from core.events.record import HUB, By
from core.server import Stop, Stopped
from core.user import FinishDeletion, RequestDeletion, User

if TYPE_CHECKING:
    from core.actors.entity import Entities
    from core.actors.supervisor import Supervisor
    from core.events.user import UserEvent
    from core.events.writer import Claim
    from core.user import AnyUser, Command

RETRY = 5.0  # seconds

logger = logging.getLogger("callboard.users")


class Departures:
    def __init__(self, users: Entities[AnyUser, Command, UserEvent], servers: Supervisor) -> None:
        self._users = users
        self._servers = servers
        self._under_way: dict[str, trio.Event] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    async def begin(self, user_id: str, *, by: By, claim: Claim | None = None) -> None:
        """Record the wish; it is carried out from here on, whatever becomes of the caller."""
        await self._users.ask(user_id, RequestDeletion(), by=by, claim=claim, urgent=True)
        self.go_on(user_id)

    def go_on(self, user_id: str) -> None:
        """Carry out a wish that is in the log."""
        if user_id not in self._under_way:
            assert self._nursery is not None, "departures are not running"
            self._under_way[user_id] = trio.Event()
            self._nursery.start_soon(self._see_off, user_id)

    async def wait_gone(self, user_id: str) -> None:
        gone = self._under_way.get(user_id)
        if gone is not None:
            await gone.wait()

    async def _see_off(self, user_id: str) -> None:
        while True:
            try:
                user = await self._users.ask(user_id, RequestDeletion(), by=HUB)
                if isinstance(user, User):
                    await self._end_servers(user)
                    await self._users.ask(user_id, FinishDeletion(), by=HUB)
                break
            except HubError as error:
                logger.warning("user %s cannot be deleted yet: %s", user_id, error)
                await trio.sleep(RETRY)
        self._under_way.pop(user_id).set()

    async def _end_servers(self, user: User) -> None:
        async with trio.open_nursery() as nursery:
            for server_id in user.servers:
                nursery.start_soon(self._end_server, server_id, user.name)

    async def _end_server(self, server_id: str, name: str) -> None:
        while True:
            try:
                actor = self._servers.actor(server_id)
                await actor.ask(Stop(f"User {name} is being deleted."), by=HUB)
                await actor.wait_until(lambda state: isinstance(state, Stopped))
            except HubError as error:
                logger.warning("a server of %s cannot be ended yet: %s", name, error)
                await trio.sleep(RETRY)
            else:
                return
