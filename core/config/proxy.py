"""What a config file says of the proxy: the hub's own, or JupyterHub's, which it then drives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta
from msgspec.structs import replace

from core.config.notes import IGNORED, ODD, OWN_PROXY
from core.config.prepare import words
from core.config.section import Section
from core.config.validation import Word, convert
from core.errors import HubError, InvalidError
from core.machine.bind_port import port_of
from core.route import check_free, check_target, normal_spec
from core.settings import CHP, ConfigurableHTTPProxySettings, HubSettings, Ignore, Port, ProxySettings

Positive = Annotated[float, Meta(gt=0)]
_ACTING = {"--redirect-port": "redirect_port", "--redirect-to": "redirect_to"}


OLDER = {
    "proxy_cmd": "command",
    "proxy_auth_token": "auth_token",
    "proxy_check_interval": "check_running_interval",
    "debug_proxy": "debug",
    "proxy_api_ip": "api_url",
    "proxy_api_port": "api_url",
}
"""Options of `c.JupyterHub` that JupyterHub has deprecated, and those of its proxy that took their place."""


def proxy_class(top: Section, section: Section) -> str:
    """As it is chosen. Who runs one of JupyterHub's and says so, choosing none, has that one: it was the default."""
    found = top.read("proxy_class", str, HubSettings().proxy_class)
    if "proxy_class" in top or "should_start" not in section:
        return str(found)
    is_meant = section.trait("should_start").section == "ConfigurableHTTPProxy"
    if is_meant and not section.read("should_start", bool, True):
        section.note("should_start", ODD, f"taken for c.JupyterHub.proxy_class = {CHP!r}")
        return CHP
    return str(found)


def proxy_settings(section: Section, hub: HubSettings) -> ProxySettings:
    """With the paths and targets of extra routes as they are written in the hub."""
    found = section.fill(ProxySettings)
    if hub.proxy_class != CHP:
        found = replace(found, **{**_of_command(section), **_given(section, found)})
    found = _with_https(section, found, hub)
    return replace(found, extra_routes=_extra_routes(section, found, hub))


def chp_settings(section: Section, top: Section, hub: HubSettings) -> ConfigurableHTTPProxySettings:
    """Of the proxy that is not the hub's own; else its options are noted."""
    older, usual = [name for name in OLDER if name in top], ConfigurableHTTPProxySettings()
    if hub.proxy_class != CHP:
        for name in older:
            top.note(name, IGNORED, OWN_PROXY)
        for name in ConfigurableHTTPProxySettings.__struct_fields__:
            if name in section and name != "command" and section.raw(name) != getattr(usual, name):
                section.note(name, IGNORED, OWN_PROXY)
        return usual
    for name in older:
        top.note(name, ODD, f"deprecated: use c.ConfigurableHTTPProxy.{OLDER[name]}")
    found = section.fill(ConfigurableHTTPProxySettings)
    found = replace(found, **_of_older(top, section))
    if urlsplit(found.api_url).scheme not in ("http", "https", "http+unix"):
        raise section.trait("api_url").refuse(found.api_url, "expected a URL such as http://127.0.0.1:8001")
    return found


def _of_older(top: Section, section: Section) -> dict[str, Any]:
    found: dict[str, Any] = {
        "command": top.read("proxy_cmd", list[str], None, _words),
        "auth_token": top.read("proxy_auth_token", str, None),
        "check_running_interval": top.read("proxy_check_interval", Positive, None),
        "debug": top.read("debug_proxy", bool, None),
    }
    if {"proxy_api_ip", "proxy_api_port"} & top.names():
        host = top.read("proxy_api_ip", str, "127.0.0.1")
        found["api_url"] = f"http://{host}:{top.read('proxy_api_port', Port, 8001)}"
    return {name: value for name, value in found.items() if value is not None and name not in section}


def _words(value: Any, _: Ignore) -> Any:
    return words(value)


def _given(section: Section, found: ProxySettings) -> dict[str, int]:
    return {name: getattr(found, name) for name in _ACTING.values() if name in section}


def _of_command(section: Section) -> dict[str, int]:
    """What the command of configurable-http-proxy says that our own proxy does too. All else in it is noted."""
    if "command" not in section:
        return {}
    trait, found = section.trait("command"), {}
    for option, value in _options(section.read("command", list[str], [])):
        if option in _ACTING:
            found[_ACTING[option]] = convert(trait, Word(value), Port)
        else:
            section.note("command", IGNORED, OWN_PROXY, f"[{option!r}]")
    return found


def _options(command: list[str]) -> Iterator[tuple[str, str]]:
    """Of the words behind the program: `--name value` or `--name=value`; other words stand alone."""
    words = iter(command[1:])
    for word in words:
        name, _, value = word.partition("=")
        if name in _ACTING:
            yield name, value or next(words, "")
        elif word.startswith("-"):
            yield name, value


def _with_https(section: Section, found: ProxySettings, hub: HubSettings) -> ProxySettings:
    """Without redirecting where there is no https to be sent on to, for which JupyterHub's proxy starts too."""
    if not found.redirect_port:
        return found
    name = "redirect_port" if "redirect_port" in section else "command"
    bind = urlsplit(hub.bind_url)
    if bind.scheme == "http+unix" or found.redirect_port == port_of(bind):
        raise section.trait(name).refuse(found.redirect_port, "another port than that of bind_url")
    if hub.ssl_cert or found.redirect_to:
        return found
    section.note(name, IGNORED, "there is no https to redirect to: set ssl_cert, or redirect_to")
    return replace(found, redirect_port=0)


def _extra_routes(section: Section, found: ProxySettings, hub: HubSettings) -> dict[str, str]:
    routes = {}
    for path, target in found.extra_routes.items():
        try:
            hub_host = urlsplit(hub.subdomain_host).hostname or ""
            spec = normal_spec(path, with_hosts=bool(hub_host))
            check_free(spec, hub.base_url, hub.hub_routespec, hub_host)
            if hub_host and hub.proxy_class == CHP and spec.startswith("/"):
                raise InvalidError(f"with subdomains {CHP} needs a host in front of {spec}")
            routes[spec] = check_target(target)
        except HubError as error:
            raise section.trait("extra_routes").refuse({path: target}, error.message) from None
    return routes
