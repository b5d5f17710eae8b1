"""Which proxy carries a hub's routes, by its configuration."""

from __future__ import annotations

from importlib import import_module

from core.secrets.secret_file import derive
from core.settings import CHP
from web.hub.hub import Hub
from web.proxies.health import EVERY
from web.proxies.own import OwnProgram, ProxyElsewhere
from web.proxies.process import Proxy, ProxyProcess
from web.site.addresses import connect_origin


def make_proxy(hub: Hub) -> Proxy:
    """Raises ConfigError."""
    settings, hub.proxies.is_expected = hub.settings, True
    if settings.hub.proxy_class == CHP:
        return _driven(hub)
    if not settings.proxy.should_start:
        return ProxyElsewhere(connect_origin(settings))
    return ProxyProcess(OwnProgram(settings, hub.address, hub.proxy_secret), EVERY)


def _driven(hub: Hub) -> Proxy:
    chp = import_module(
        "web.proxies.chp"
    )  # an HTTP client, which hubs with a proxy of their own need not wait for
    secret = derive(hub.proxy_secret.encode(), CHP).hex()
    driven = chp.make_driven(
        hub.settings,
        hub.address,
        chp.auth_token(hub.settings, secret),
        table=hub.route_table,
        proxies=hub.proxies,
        activity=hub.activity,
    )
    hub.proxies.driven = driven
    proxy: Proxy = driven
    return proxy
