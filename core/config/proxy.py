"""What a config file says of the proxy, and what of it was meant for JupyterHub's and acts here as well."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec.structs import replace

from core.config.notes import IGNORED, OWN_PROXY
from core.config.section import Section
from core.config.validation import Word, convert
from core.errors import HubError
from core.machine.bind_port import port_of
from core.route import check_free, check_target, normal_spec
from core.settings import HubSettings, Port, ProxySettings

_ACTING = {"--redirect-port": "redirect_port", "--redirect-to": "redirect_to"}


def proxy_settings(section: Section, hub: HubSettings) -> ProxySettings:
    """With the paths and targets of extra routes as they are written in the hub."""
    found = section.fill(ProxySettings)
    found = replace(found, **{**_of_command(section), **_given(section, found)})
    found = _with_https(section, found, hub)
    return replace(found, extra_routes=_extra_routes(section, found, hub))


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
            routes[spec] = check_target(target)
        except HubError as error:
            raise section.trait("extra_routes").refuse({path: target}, error.message) from None
    return routes
