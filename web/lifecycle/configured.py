"""Services and extra routes of the configuration: added, changed and removed when a hub starts.

Those that were made over the API stay as they are, and neither kind ever takes the place of the other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from core import route, service
from core.config.service_definition import defined, said_of, service_prefix
from core.errors import HubError
from core.events.record import HUB
from core.events.service import service_stream
from core.naming.ids import new_id
from core.settings import ServiceSettings
from core.token import Issue, prefix_of, quick_digest
from projections import extra_routes, services, tokens
from web.hub.hub import Hub
from web.services.launch import service_token

logger = logging.getLogger("callboard")


async def configure_services(hub: Hub, secret: bytes) -> None:
    """With the tokens of those that the hub runs, which are issued once."""
    configured, base_url = hub.services.configured, hub.base_url
    for row in services.every(hub.store.db):
        if row.from_config and row.name not in configured:
            await hub.entities.services.ask(row.name, service.Remove(row.name, by_config=True), by=HUB)
        elif not row.from_config and row.defined().url:
            await hub.entities.services.ask(
                row.name, service.Move(service_prefix(base_url, row.name)), by=HUB
            )
    for name, settings in configured.items():
        try:
            command = service.Configure(name, defined(name, base_url, said_of(settings)))
            await hub.entities.services.ask(name, command, by=HUB)
        except HubError as error:
            logger.warning("c.JupyterHub.services: %s", error.message)
        else:
            await _ensure_token(hub, settings, secret)


async def _ensure_token(hub: Hub, settings: ServiceSettings, secret: bytes) -> None:
    """For a managed service of which the configuration names none."""
    if not settings.command or settings.api_token:
        return
    token = service_token(settings, secret)
    digest = quick_digest(token)
    if tokens.by_digest(hub.store.db, digest) is None:
        note = "generated at startup"
        issue = Issue(service_stream(settings.name), digest, ["inherit"], note, prefix=prefix_of(token))
        await hub.entities.tokens.ask(new_id("t"), issue, by=HUB)


async def configure_routes(hub: Hub) -> None:
    wanted: Mapping[str, str] = hub.settings.proxy.extra_routes
    for row in extra_routes.every(hub.store.db):
        if row.from_config and row.spec not in wanted:
            await hub.entities.routes.ask(row.spec, route.Remove(by_config=True), by=HUB)
    for spec, target in wanted.items():
        try:
            await hub.entities.routes.ask(spec, route.Add(spec, target, from_config=True), by=HUB)
        except HubError as error:
            logger.warning("c.Proxy.extra_routes: %s", error.message)
