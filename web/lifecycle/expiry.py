"""Takes expired tokens and sessions out of the tables. Of no use from the moment they expire: this only tidies up."""

from __future__ import annotations

from datetime import UTC, datetime

from core.events.record import HUB
from core.token import Revoke
from projections import tokens
from web.hub.hub import Hub


async def take_out_expired(hub: Hub) -> None:
    now = datetime.now(UTC)
    await revoke_expired(hub, now)
    await end_expired(hub, now)


async def revoke_expired(hub: Hub, now: datetime) -> None:
    while rows := tokens.expired(hub.store.db, now):
        for row in rows:
            await hub.entities.tokens.ask(row.id, Revoke("It has expired."), by=HUB)


async def end_expired(hub: Hub, now: datetime) -> None:
    while rows := hub.sessions.expired(now):
        for row in rows:
            await hub.sessions.end(row.id, "It has expired.", by=HUB)
