"""Takes expired tokens and sessions out of the tables. Of no use from the moment they expire: this only tidies up."""

from __future__ import annotations

from datetime import UTC, datetime

from core.actors.hub_entities import HubEntities
from core.events.log.tables import Tables
from core.events.record import HUB
from core.token import Revoke
from projections import tokens
from web.sessions.sessions import Sessions

EXPIRED = "It has expired."


async def take_out_expired(db: Tables, entities: HubEntities, sessions: Sessions) -> None:
    now = datetime.now(UTC)
    await revoke_expired(db, entities, now)
    await end_expired(sessions, now)


async def revoke_expired(db: Tables, entities: HubEntities, now: datetime) -> None:
    while rows := tokens.expired(db, now):
        for row in rows:
            await entities.tokens.ask(row.id, Revoke(EXPIRED), by=HUB)


async def end_expired(sessions: Sessions, now: datetime) -> None:
    while rows := sessions.expired(now):
        for row in rows:
            await sessions.end(row.id, EXPIRED, by=HUB)
