"""The Quart application: the routes of the API and of the pages, in one table."""

from __future__ import annotations

from functools import cache

from quart import Request, Response
from quart_trio import QuartTrio

from web.api import (
    authorizations,
    density,
    engines,
    events,
    explain,
    groups,
    jobs,
    oauth,
    openapi,
    proxy,
    requests,
    route_stream,
    services,
    tokens,
    usage,
    users,
)
from web.api import hub as hub_api
from web.api import metrics as monitoring
from web.api.servers import logs, port, progress, servers, start
from web.api.sharing import share_codes, shared_with, shares, shares_by_code
from web.app.asgi import ASGIConnection, NoSocket
from web.app.dispatch import dispatch
from web.app.plugin_routes import PluginRoutes
from web.app.route_table import RouteTable
from web.hub.hub import Hub
from web.pages import authorize, fallback, files, user_url
from web.pages.table import ALL as PAGES
from web.request.routing import ROUTES
from web.request.sent.received import Request as HubRequest
from web.site.api_paths import api_prefixes

API = (
    hub_api.endpoints,
    engines.endpoints,
    explain.endpoints,
    groups.endpoints,
    jobs.endpoints,
    users.endpoints,
    tokens.endpoints,
    servers.endpoints,
    progress.endpoints,
    events.endpoints,
    requests.endpoints,
    density.endpoints,
    usage.endpoints,
    logs.endpoints,
    port.endpoints,
    start.endpoints,
    services.endpoints,
    proxy.endpoints,
    route_stream.endpoints,
    authorizations.endpoints,
    oauth.endpoints,
    monitoring.endpoints,
    shares.endpoints,
    shares_by_code.endpoints,
    shared_with.endpoints,
    share_codes.endpoints,
    openapi.endpoints,
)


class Application(QuartTrio):
    """Quart's, with one way for all requests."""

    request_class = HubRequest
    asgi_http_class = ASGIConnection  # type: ignore[assignment]
    asgi_websocket_class = NoSocket  # type: ignore[assignment]

    def __init__(self, hub: Hub, table: RouteTable) -> None:
        super().__init__("callboard", static_folder=None)
        self.routes = routes = PluginRoutes(table, lambda: hub.plugins.paths) if hub.plugins.opened else table
        self.extensions["callboard"] = hub
        self.extensions[ROUTES] = routes
        self.extensions[openapi.GROUPS] = API
        self.config["MAX_CONTENT_LENGTH"] = hub.settings.callboard.max_body_size
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False

    async def handle_request(self, request: Request) -> Response:
        return await dispatch(self, self.routes, request)


def build_app(hub: Hub) -> Application:
    return Application(hub, _routes(hub.base_url))


@cache
def _routes(base_url: str) -> RouteTable:
    """Always the same: some hundred patterns to compile, once for all hubs of a process."""
    table, base = RouteTable(), base_url.rstrip("/")
    for prefix in api_prefixes(base_url):
        table.add(API, prefix)
        table.add([authorize.endpoints], prefix)
    table.add([monitoring.endpoints, *PAGES], f"{base}/hub")
    table.add([fallback.outside, user_url.outside, files.outside], base)
    return table
