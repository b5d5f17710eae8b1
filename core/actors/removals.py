"""Removes servers for good: each is ended first. The request is an event: a hub that restarts goes on with it."""

from __future__ import annotations

from core.actors.deleting_forever import DeleteForever, delete_kept
from core.actors.entity import Entities
from core.actors.errands import Errands
from core.actors.servers.supervisor import Supervisor
from core.errors import NotFoundError
from core.events.file.writer import IdempotencyRecord
from core.events.record import HUB, By
from core.events.user import UserEvent
from core.user import AnyUser, Command, FinishRemoval, RequestRemoval, User


class Removals:
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

    async def begin(
        self, user_id: str, server_id: str, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> None:
        """Record the wish; it is carried out from here on, whatever becomes of the caller."""
        await self._users.ask(user_id, RequestRemoval(server_id), by=by, idempotency=idempotency)
        self.go_on(user_id, server_id)

    def go_on(self, user_id: str, server_id: str) -> None:
        """Carry out a wish that is in the log."""
        self._errands.go_on(_key(server_id), lambda: self._remove(user_id, server_id))

    async def wait_gone(self, server_id: str) -> None:
        await self._errands.wait_done(_key(server_id))

    async def _remove(self, user_id: str, server_id: str) -> None:
        try:
            user = await self._users.ask(user_id, RequestRemoval(server_id), by=HUB)
        except NotFoundError:
            return  # gone already, with its user
        await self._servers.end(server_id, "The server is being removed.", "removed")
        assert isinstance(user, User)
        await delete_kept(self._delete_forever, user_id, user, [server_id])
        await self._users.ask(user_id, FinishRemoval(server_id), by=HUB)


def _key(server_id: str) -> str:
    return f"removal of server {server_id}"
