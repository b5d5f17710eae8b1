"""Deletes users: ends all servers of a user whose deletion was asked for, then deletes the user.

The request is an event: a hub that finds it open after a restart goes on from there.
"""

from __future__ import annotations

import trio

from core.actors.entity import Entities
from core.actors.errands import Errands
from core.actors.keepsakes import DeleteForever, delete_kept
from core.actors.servers.supervisor import Supervisor
from core.errors import HubError, NotFoundError
from core.events.file.writer import IdempotencyRecord
from core.events.record import HUB, By
from core.events.user import UserEvent
from core.user import AnyUser, Command, FinishDeletion, RequestDeletion, User


class UserDeletion:
    def __init__(
        self,
        users: Entities[AnyUser, Command, UserEvent],
        servers: Supervisor,
        errands: Errands,
        delete_forever: DeleteForever,
    ) -> None:
        self._users = users
        self._servers = servers
        self._errands = errands
        self._delete_forever = delete_forever

    async def begin(self, user_id: str, *, by: By, idempotency: IdempotencyRecord | None = None) -> None:
        """Record the wish; it is carried out from here on, whatever becomes of the caller."""
        await self._users.ask(user_id, RequestDeletion(), by=by, idempotency=idempotency)
        self.go_on(user_id)

    def go_on(self, user_id: str) -> None:
        """Carry out a wish that is in the log."""
        self._errands.go_on(_key(user_id), lambda: self._run(user_id))

    async def wait_gone(self, user_id: str) -> None:
        await self._errands.wait_done(_key(user_id))

    async def _run(self, user_id: str) -> None:
        try:
            user = await self._users.ask(user_id, RequestDeletion(), by=HUB)
        except NotFoundError:
            return  # gone already
        if isinstance(user, User):
            await self._end_servers(user)
            await delete_kept(self._delete_forever, user_id, user, [*user.servers, ""])
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
