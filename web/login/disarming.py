"""What the log says that blocked users hold is taken from them, and what runs for them is stopped.

Their rights have gone already, with the configuration that blocks them (web/rights/rights.py). So nothing comes back
but what the configuration gives, when they are no longer blocked.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial

import trio

from core import group, role, share, token
from core.actors.errands import Errands
from core.actors.hub_entities import HubEntities
from core.actors.servers.supervisor import Supervisor
from core.actors.sharing import Sharing
from core.errors import NotFoundError
from core.events.file.store import EventStore
from core.events.record import HUB
from core.events.user import user_stream
from core.user import Change
from projections import groups, roles, sessions, tokens, users
from projections.servers import servers
from projections.sharing import share_codes, shares
from projections.users import UserRow
from web.rights.rights import Rights
from web.sessions.sessions import Sessions

WHY = "The configuration blocks the user."

logger = logging.getLogger("callboard.config")


class Disarming:
    def __init__(
        self,
        store: EventStore,
        rights: Rights,
        entities: HubEntities,
        sessions: Sessions,
        sharing: Sharing,
        servers: Supervisor,
        errands: Errands,
    ) -> None:
        self._store = store
        self._rights = rights
        self._entities = entities
        self._sessions = sessions
        self._sharing = sharing
        self._servers = servers
        self._errands = errands

    async def disarm_all(self) -> None:
        for user_id in users.existing(self._store.db, self._rights.blocked.names).values():
            await self.disarm(user_id)
            await trio.lowlevel.checkpoint()

    async def disarm(self, user_id: str) -> None:
        """Called again after an interruption it does the rest. That servers end it does not wait for."""
        user = self._rights.blocked.user(user_id)
        if user is None:
            return
        before = self._store.head
        await self._end_credentials(user)
        await self._take_rights(user)
        await self._end_sharing(user)
        running = [
            server.id for server in servers.of_user(self._store.db, user.id) if server.state != "stopped"
        ]
        for server_id in running:
            self._errands.go_on(f"stop of server {server_id}", partial(self._stop, user.id, server_id))
        if running or self._store.head != before:
            logger.warning("user %s is blocked: what they held is revoked, and their servers stop", user.name)

    async def _end_credentials(self, user: UserRow) -> None:
        for session_id in sessions.ids_of_user(self._store.db, user.id):
            await self._sessions.end(session_id, WHY, by=HUB)
        while held := tokens.of_owner(self._store.db, user_stream(user.id)):
            for row in held:
                with suppress(NotFoundError):  # gone meanwhile
                    await self._entities.tokens.ask(
                        row.id, token.Revoke(WHY, of_server=bool(row.server)), by=HUB
                    )

    async def _take_rights(self, user: UserRow) -> None:
        if user.admin:
            await self._entities.users.ask(user.id, Change(admin=False), by=HUB)
        for row in groups.of_user(self._store.db, user.id):
            with suppress(NotFoundError):
                await self._entities.groups.ask(row.id, group.Leave((user.id,)), by=HUB)
        holder = user_stream(user.id)
        for name in roles.granted_to(self._store.db, holder):
            await self._entities.roles.ask(name, role.Withdraw(frozenset({holder})), by=HUB)

    async def _end_sharing(self, user: UserRow) -> None:
        """What others share with them, and the codes by which they let others in."""
        grantee = user_stream(user.id)
        for server_id in shares.servers_shared_with(self._store.db, grantee):
            await self._sharing.revoke(server_id, grantee, share.Revoke(), by=HUB)
        for code_id, server_id in share_codes.of_owner(self._store.db, user.id):
            await self._sharing.withdraw(server_id, code_id, by=HUB)

    async def _stop(self, user_id: str, server_id: str) -> None:
        if self._rights.blocked.user(user_id) is not None:
            await self._servers.end(server_id, WHY, "blocked")
