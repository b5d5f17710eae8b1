"""`c.Authenticator.manage_groups`: a login says which groups its user is in, and in no others."""

from __future__ import annotations

from collections.abc import Collection

from core.errors import AlreadyExistsError
from core.events.record import By
from core.group import Create, Join, Leave
from core.naming.ids import new_id
from projections import groups
from web.hub.hub import Hub


async def put_into_groups(hub: Hub, user_id: str, names: Collection[str], *, by: By) -> None:
    """Groups that do not exist are made. Called again after an interruption it ends the same way."""
    db = hub.store.db
    present = {group.name: group.id for group in groups.of_user(db, user_id)}
    for name in dict.fromkeys(names):
        if name not in present:
            await _join(hub, user_id, name, by)
    for name in present.keys() - set(names):
        await hub.entities.groups.ask(present[name], Leave((user_id,)), by=by)


async def _join(hub: Hub, user_id: str, name: str, by: By) -> None:
    row = groups.by_name(hub.store.db, name)
    if row is None:
        try:
            await hub.entities.groups.ask(new_id("g"), Create(name, (user_id,)), by=by)
        except AlreadyExistsError:
            row = groups.by_name(hub.store.db, name)  # two logins came at once
        else:
            return
    if row is not None:
        await hub.entities.groups.ask(row.id, Join((user_id,)), by=by)
