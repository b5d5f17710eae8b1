"""Starting on a log that is not the newest: nothing that runs is ended, and somebody is asked first."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import trio
from msgspec.structs import replace

from core.errors import HubError
from core.events.file.database import DatabaseError
from core.events.file.store import Write
from core.events.record import HUB
from core.events.server import server_stream
from core.naming.ids import new_id
from core.plugins.spawner import Spawner
from core.reconcile.adoption import adopt
from core.reconcile.mark import Mark
from core.reconcile.sorting_out import Consent, named
from core.server import Server, replay
from core.token import prefix_of, quick_digest
from core.user import AddServer
from projections import users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.hub.hub import Hub
from web.lifecycle.known_attempts import known_attempts
from web.lifecycle.reconcile import ensure_user

TIMEOUT = 10.0  # seconds for the spawner to tell what runs

logger = logging.getLogger("callboard")


class OlderLogError(DatabaseError):
    """What runs says that this log is not the newest."""


async def meet_what_runs(hub: Hub, consent: Consent) -> tuple[Mark, ...]:
    """What a later state of this log has started and is to be adopted. Raises OlderLogError where nobody said so.

    Where the backend cannot be asked the hub begins; it asks again before it ends anything.
    """
    marks: dict[str, str] = {}
    for engine in hub.spawner:
        marks |= await _marks(engine.spawner)
    later = hub.marks.sort_out(marks, known_attempts(hub.store), consent).later
    if later and not consent.later:
        raise OlderLogError(
            f"{hub.store.path} is not the newest state of this log: servers run that were started later "
            f"({named(later)}). Put the newest back; or start once with --adopt to take them into this log, or with "
            "--end-strays to end them."
        )
    return later


async def _marks(spawner: Spawner) -> Mapping[str, str]:
    """Of what runs; nothing where that cannot be told in time."""
    told = "no answer in time"
    with trio.move_on_after(TIMEOUT):
        try:
            return {one.spawn_id: one.mark for one in await spawner.listed()}
        except Exception as error:
            told = str(error)
    logger.warning("whether the log is the newest cannot be told yet: %s", told)
    return {}


async def adopt_all(hub: Hub, later: tuple[Mark, ...]) -> None:
    """Take them into the log. No actor of a server may be awake yet."""
    for mark in later:
        try:
            await _adopt(hub, mark)
        except HubError as error:
            logger.warning("%s runs as %s and cannot be adopted: %s", named([mark]), mark.spawn_id, error)
        else:
            logger.warning("%s, which runs as %s, was taken into the log", named([mark]), mark.spawn_id)


async def _adopt(hub: Hub, mark: Mark) -> None:
    user, server = await _owner(hub, mark)
    token = hub.launch.token(mark.spawn_id, server.id, server.options() or {})
    start = replace(
        await hub.launch.command(user, server, None),
        spawn_id=mark.spawn_id,
        token_digest=quick_digest(token),
        token_prefix=prefix_of(token),
    )
    events = adopt(await _folded(hub, server), start)
    stream = server_stream(server.id)
    await hub.store.append(Write(stream, hub.store.version(stream), events), by=HUB)


async def _folded(hub: Hub, server: ServerRow) -> Server:
    records = await hub.store.read(server_stream(server.id), server.fold_from)
    return replay(record.event for record in records)  # type: ignore[misc]  # a server's stream holds nothing else


async def _owner(hub: Hub, mark: Mark) -> tuple[UserRow, ServerRow]:
    """Its user and its server, which exist from now on. Raises HubError."""
    user_id = await ensure_user(hub, mark.user)
    if servers.by_name(hub.store.db, user_id, mark.server) is None:
        await hub.entities.users.ask(user_id, AddServer(new_id("v"), mark.server), by=HUB)
    user = users.by_id(hub.store.db, user_id)
    server = servers.by_name(hub.store.db, user_id, mark.server)
    assert user is not None
    assert server is not None
    return user, server
