"""Services and extra routes of the configuration: added, changed and removed when a hub starts.

Those that were made over the API stay as they are, and neither kind ever takes the place of the other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from core import route, service
from core.config import ServiceSettings
from core.errors import HubError
from core.events.record import HUB
from core.events.service import ServiceDefinition, service_stream
from core.ids import new_id
from core.service import service_prefix
from core.token import Issue, quick_digest
from projections import extra_routes, services, tokens
from web.hub import Hub
from web.services.launch import service_token

logger = logging.getLogger("callboard")


def definition_of(settings: ServiceSettings, base_url: str) -> ServiceDefinition:
    """What the log says of a configured service. Empty info and a display of true are what nobody has said."""
    is_client = bool(settings.url or settings.oauth_redirect_uri)
    wanted = ServiceDefinition(
        url=settings.url,
        admin=settings.admin,
        managed=bool(settings.command),
        info=settings.info or None,
        display=None if settings.display else False,
        oauth_client_id=settings.oauth_client_id if is_client else "",
        oauth_redirect_uri=settings.oauth_redirect_uri,
        oauth_client_allowed_scopes=settings.oauth_client_allowed_scopes,
        oauth_no_confirm=settings.oauth_no_confirm,
    )
    return service.defined(settings.name, base_url, wanted)


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
            command = service.Configure(name, definition_of(settings, base_url))
            await hub.entities.services.ask(name, command, by=HUB)
        except HubError as error:
            logger.warning("c.JupyterHub.services: %s", error.message)
        else:
            await _ensure_token(hub, settings, secret)


async def _ensure_token(hub: Hub, settings: ServiceSettings, secret: bytes) -> None:
    """For a managed service of which the configuration names none."""
    if not settings.command or settings.api_token:
        return
    digest = quick_digest(service_token(settings, secret))
    if tokens.by_digest(hub.store.db, digest) is None:
        issue = Issue(service_stream(settings.name), digest, ["inherit"], "generated at startup")
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
