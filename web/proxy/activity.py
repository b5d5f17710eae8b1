"""When each route was last used, gathered in memory and told to the hub now and then."""

import logging
import time
from datetime import UTC, datetime

import trio

from web.proxy.hub import HubClient

log = logging.getLogger("callboard.proxy")


class Activity:
    def __init__(self) -> None:
        self._latest: dict[str, float] = {}

    def note(self, spec: str) -> None:
        self._latest[spec] = time.time()

    async def report_to(self, hub: HubClient, interval: float) -> None:
        while True:
            await trio.sleep(interval)
            await self.report(hub)

    async def report(self, hub: HubClient) -> None:
        """What is new since the last report; it stays new if the hub cannot be told."""
        taken, self._latest = self._latest, {}
        if not taken:
            return
        try:
            await hub.post("activity", {"routes": {spec: _iso(at) for spec, at in taken.items()}})
        except OSError as error:
            log.debug("activity is told later: %s", error)
            self._latest = taken | self._latest


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
