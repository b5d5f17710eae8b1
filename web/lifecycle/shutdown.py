"""The end of a hub: of the servers, if they are to end with it, of the proxy, and the last event."""

from __future__ import annotations

import logging
from functools import partial

import trio

from core.actors.background import do
from core.errors import HubError
from core.events import hub as hub_events
from core.events.file.store import Write
from core.events.hub import HubStopped
from core.events.record import HUB
from core.server import Stop, Stopped
from projections import routes
from web.hub.hub import Hub
from web.lifecycle.known_attempts import unfinished
from web.proxies.process import Proxy

logger = logging.getLogger("callboard")

CLEANUP_TIMEOUT = 2.0  # seconds the proxy has to take note of the last routes


async def end_servers(hub: Hub) -> None:
    """While the hub still serves: whoever looks sees them go, and the proxy learns that their routes have gone."""
    if hub.service_processes is not None:
        await hub.service_processes.end_all()
    if not hub.ending.servers:
        return
    await stop_servers(hub)
    with trio.move_on_after(CLEANUP_TIMEOUT):
        await hub.proxies.wait_applied(routes.head(hub.store.db))


async def end(hub: Hub, proxy: Proxy) -> None:
    """The proxy ends or stays, as the settings say; then the log says that the hub has stopped."""
    if hub.ending.proxy:
        await proxy.stop()
    await hub.activity.record()
    await hub.refusals.record()
    await do("the end of the hub is not recorded", partial(_record_end, hub))


async def _record_end(hub: Hub) -> None:
    stream = hub_events.STREAM
    event = HubStopped(servers=hub.ending.servers)
    await hub.store.append(Write(stream, hub.store.version(stream), [event]), by=HUB)


async def stop_servers(hub: Hub) -> None:
    """End every server that is active, all at once."""

    async def stop_one(server_id: str) -> None:
        try:
            actor = hub.servers.actor(server_id)
            await actor.ask(Stop("The hub is shutting down.", reason="shutdown"), by=HUB)
            await actor.wait_until(lambda state: isinstance(state, Stopped))
        except HubError as error:
            logger.warning("server %s could not be stopped: %s", server_id, error)

    async with trio.open_nursery() as nursery:
        for row in unfinished(hub.store):
            nursery.start_soon(stop_one, row.id)
