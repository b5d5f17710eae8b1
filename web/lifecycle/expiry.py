"""Takes expired tokens and sessions out of the tables. Of no use from the moment they expire: this only tidies up."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import trio

from core.errors import HubError
from core.events.record import HUB
from core.token import Revoke
from projections import tokens
from web.hub import Hub

INTERVAL = 3600.0  # seconds

logger = logging.getLogger("callboard.tokens")


async def keep_tidy(hub: Hub) -> None:
    """At the start, and once an hour."""
    while True:
        try:
            await revoke_expired(hub, datetime.now(UTC))
            await end_expired(hub, datetime.now(UTC))
        except HubError as error:
            logger.warning("expired tokens and sessions stay until the next hour: %s", error)
        except Exception:
            logger.exception("expired tokens and sessions stay until the next hour")
        await trio.sleep(INTERVAL)


async def revoke_expired(hub: Hub, now: datetime) -> None:
    while rows := tokens.expired(hub.store.db, now):
        for row in rows:
            await hub.entities.tokens.ask(row.id, Revoke("It has expired."), by=HUB)


async def end_expired(hub: Hub, now: datetime) -> None:
    while rows := hub.sessions.expired(now):
        for row in rows:
            await hub.sessions.end(row.id, "It has expired.", by=HUB)
