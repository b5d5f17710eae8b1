"""Whether somebody carries the routes: a program to start, or a proxy of somebody else's that takes the hub's token."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import trio

from core.settings import CHP, ConfigError, Settings
from web.commands.doctor.finding import Finding, ok, problem, warning
from web.proxies.carrier import TroubleError
from web.proxies.chp import auth_token
from web.proxies.health import health_url, unverified
from web.proxies.rest import RestAPI

_START = "Somebody else has to run `callboard proxy`, with the same CALLBOARD_PROXY_TOKEN as the hub."
_ANY = unverified()  # whose certificate it is matters to those who send something there
_INSTALL = "npm install configurable-http-proxy has it, below node_modules/.bin."


def look_at_proxy(settings: Settings) -> Iterator[Finding]:
    if settings.hub.proxy_class == CHP:
        is_ours = settings.proxy.should_start
        yield _program(settings.configurable_http_proxy.command[0]) if is_ours else _driven(settings)
    elif not settings.proxy.should_start:
        yield _elsewhere(settings)


def _elsewhere(settings: Settings) -> Finding:
    """Somebody else's `callboard proxy`, which may be on another machine."""
    public = settings.hub.bind_url
    parts = urlsplit(public)
    host = parts.netloc.removesuffix(f":{parts.port}") or "127.0.0.1"
    address = f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    try:
        serves = httpx.get(
            health_url(address, tls=parts.scheme == "https"), trust_env=False, verify=_ANY
        ).is_success
    except httpx.HTTPError:
        serves = False
    if serves:
        return ok("proxy", f"A proxy serves at {public}.")
    return warning("proxy", f"c.Proxy.should_start is off, and no proxy serves at {public} yet.", _START)


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
