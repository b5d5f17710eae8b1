"""Whether somebody carries the routes: a program to start, or a proxy of somebody else's that takes the hub's token."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import trio

from core.settings import CHP, ConfigError, Settings
from web.commands.doctor.finding import Finding, ok, problem, warning
from web.proxies.carrier import TroubleError
from web.proxies.chp import auth_token
from web.proxies.rest import RestAPI

_INSTALL = "npm install configurable-http-proxy has it, below node_modules/.bin."


def look_at_proxy(settings: Settings) -> Iterator[Finding]:
    if settings.hub.proxy_class == CHP:
        is_ours = settings.proxy.should_start
        yield _program(settings.configurable_http_proxy.command[0]) if is_ours else _driven(settings)
    elif not settings.proxy.should_start:
        yield warning("proxy", "c.Proxy.should_start is off: somebody else has to run `callboard proxy`.")


def _program(name: str) -> Finding:
    found = shutil.which(name)
    if found is None:
        return problem("proxy", f"c.ConfigurableHTTPProxy.command: there is no program {name!r}.", _INSTALL)
    return ok("proxy", f"{found} is there.")


def _driven(settings: Settings) -> Finding:
    """Asked as the hub would ask it."""
    try:
        api = RestAPI(settings.configurable_http_proxy.api_url, auth_token(settings, ""))
        trio.run(_ask, api)
    except ConfigError as error:
        return problem("proxy", str(error))
    except TroubleError as error:
        return problem("proxy", f"The proxy ({api.name}) {error}.", "It may be started after the hub.")
    return ok("proxy", f"{api.name} takes routes.")


async def _ask(api: RestAPI) -> None:
    try:
        await api.routes()
    finally:
        await api.close()
