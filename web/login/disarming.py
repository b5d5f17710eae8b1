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
from core.errors import NotFoundError
from core.events.record import HUB
from core.events.user import user_stream
from core.user import Change
from projections import groups, roles, servers, sessions, share_codes, shares, tokens, users
from projections.users import UserRow
from web.hub.hub import Hub

WHY = "The configuration blocks the user."

logger = logging.getLogger("callboard.config")


async def disarm_blocked(hub: Hub) -> None:
    for user_id in users.existing(hub.store.db, hub.rights.blocked.names).values():
        await disarm(hub, user_id)
        await trio.lowlevel.checkpoint()


async def disarm(hub: Hub, user_id: str) -> None:
    """Called again after an interruption it does the rest. That servers end it does not wait for."""
    user = hub.rights.blocked.user(user_id)
    if user is None:
        return
    before = hub.store.head
    await _end_credentials(hub, user)
    await _take_rights(hub, user)
    await _end_sharing(hub, user)
    running = [server.id for server in servers.of_user(hub.store.db, user.id) if server.state != "stopped"]
    for server_id in running:
        hub.errands.go_on(f"stop of server {server_id}", partial(_stop, hub, user.id, server_id))
    if running or hub.store.head != before:
        logger.warning("user %s is blocked: what they held is revoked, and their servers stop", user.name)


async def _end_credentials(hub: Hub, user: UserRow) -> None:
    for session_id in sessions.ids_of_user(hub.store.db, user.id):
        await hub.sessions.end(session_id, WHY, by=HUB)
    while held := tokens.of_owner(hub.store.db, user_stream(user.id)):
        for row in held:
            with suppress(NotFoundError):  # gone meanwhile
                await hub.entities.tokens.ask(row.id, token.Revoke(WHY, of_server=bool(row.server)), by=HUB)


async def _take_rights(hub: Hub, user: UserRow) -> None:
    if user.admin:
        await hub.entities.users.ask(user.id, Change(admin=False), by=HUB)
    for row in groups.of_user(hub.store.db, user.id):
        with suppress(NotFoundError):
            await hub.entities.groups.ask(row.id, group.Leave((user.id,)), by=HUB)
    holder = user_stream(user.id)
    for name in roles.granted_to(hub.store.db, holder):
        await hub.entities.roles.ask(name, role.Withdraw(frozenset({holder})), by=HUB)


async def _end_sharing(hub: Hub, user: UserRow) -> None:
    """What others share with them, and the codes by which they let others in."""
    grantee = user_stream(user.id)
    for server_id in shares.servers_shared_with(hub.store.db, grantee):
        await hub.sharing.revoke(server_id, grantee, share.Revoke(), by=HUB)
    for code_id, server_id in share_codes.of_owner(hub.store.db, user.id):
        await hub.sharing.withdraw(server_id, code_id, by=HUB)


async def _stop(hub: Hub, user_id: str, server_id: str) -> None:
    if hub.rights.blocked.user(user_id) is not None:
        await hub.servers.end(server_id, WHY, "blocked")
