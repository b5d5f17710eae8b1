"""Tells the hub now and then when each route was last used."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import trio

from web.proxy.activity import Activity
from web.proxy.following.hub import HubClient

log = logging.getLogger("callboard.proxy")


async def report_to(hub: HubClient, activity: Activity, interval: float) -> None:
    while True:
        await trio.sleep(interval)
        await report(hub, activity)


async def report(hub: HubClient, activity: Activity) -> None:
    """What is new since the last report; it stays new if the hub cannot be told."""
    taken = activity.take()
    if not taken:
        return
    try:
        await hub.post("activity", {"routes": {spec: _iso(at) for spec, at in taken.items()}})
    except OSError as error:
        log.debug("activity is told later: %s", error)
        activity.put_back(taken)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
