"""Deletes users: ends all servers of a user whose deletion was asked for, then deletes the user.

The request is an event: a hub that finds it open after a restart goes on from there.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import trio

from core.actors.deleting_forever import delete_kept, kept_for
from core.actors.entity import Entities
from core.actors.errands import Errands
from core.actors.servers.supervisor import Supervisor
from core.errors import HubError, NotFoundError
from core.events.file.writer import IdempotencyRecord
from core.events.record import HUB, By
from core.events.user import UserEvent
from core.plugins.spawner import Spawner
from core.user import AnyUser, Command, FinishDeletion, RequestDeletion, User


class UserDeletion:
    def __init__(
        self,
        users: Entities[AnyUser, Command, UserEvent],
        servers: Supervisor,
        errands: Errands,
        spawner: Spawner,
    ) -> None:
        self._users = users
        self._servers = servers
        self._errands = errands
        self._spawner = spawner

    async def begin(self, user_id: str, *, by: By, idempotency: IdempotencyRecord | None = None) -> None:
        """Record the wish; it is carried out from here on, whatever becomes of the caller.

        Where no server of the user's has to be ended, and nothing is kept for them, the user is gone with that.
        """
        user = await self._users.ask_by_then(user_id, partial(self._request, user_id), by, idempotency)
        if isinstance(user, User):
            self.go_on(user_id)

    def _request(self, user_id: str, user: AnyUser) -> RequestDeletion:
        if not isinstance(user, User) or any(map(self._spawner.may_keep, kept_for(user_id, user))):
            return RequestDeletion()
        return RequestDeletion(frozenset(filter(self._servers.has_ended, user.servers)))

    def go_on(self, user_id: str) -> None:
        """Carry out a wish that is in the log."""
        self._errands.go_on(_key(user_id), lambda: self._run(user_id))

    def is_under_way(self, user_id: str) -> bool:
        return self._errands.is_under_way(_key(user_id))

    async def wait_gone(self, user_id: str) -> None:
        await self._errands.wait_done(_key(user_id))

    async def _run(self, user_id: str) -> None:
        with suppress(NotFoundError):  # gone already: whoever asks meanwhile may have seen to it
            user = await self._users.ask_by_then(user_id, partial(self._request, user_id), HUB)
            if isinstance(user, User):
                await self._end_servers(user)
                await delete_kept(self._spawner.delete_forever, user_id, user, [*user.servers, ""])
                await self._users.ask(user_id, FinishDeletion(), by=HUB)

    async def _end_servers(self, user: User) -> None:
        """Return once nothing is left of any of them, for with their user they would be forgotten."""
        refusals: list[HubError] = []

        async def end(server_id: str) -> None:
            try:
                await self._servers.end(server_id, f"User {user.name} is being deleted.", "removed")
            except HubError as refusal:
                refusals.append(refusal)

        async with trio.open_nursery() as nursery:
            for server_id in user.servers:
                nursery.start_soon(end, server_id)
        if refusals:
            raise refusals[0]


def _key(user_id: str) -> str:
    return f"deletion of user {user_id}"
