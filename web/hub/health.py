"""What is not well with a hub that is there, in lines for people and monitors."""

from __future__ import annotations

from collections.abc import Iterator

from core.scopes import Reach, Service, listed
from core.scopes.held import covers
from projections import routes
from web.hub.hub import Hub
from web.rights.identity import Identity
from web.texts.translate import _, told


def troubles(hub: Hub, identity: Identity | None) -> list[str]:
    """None if all is well. `identity`: who asks; others than those who may list services learn only how many."""
    says_why = _reach(identity).everywhere
    engines = engine_troubles(hub, says_why=says_why)
    proxies = proxy_troubles(hub, says_why=says_why)
    return [*log_troubles(hub), *proxies, *engines, *plugin_troubles(hub), *_services(hub, identity)]


def proxy_troubles(hub: Hub, *, says_why: bool) -> Iterator[str]:
    """For anybody. `says_why`: with the names of proxies, which tell of places."""
    head, proxies = routes.head(hub.store.db), hub.proxies
    if proxies.is_expected and not proxies.connected:
        yield "no proxy follows this hub"
    for known in proxies.every():
        name = f" {known.name}" if says_why else ""
        if known.trouble:
            yield f"a proxy{name} {known.trouble}"
        elif known.left_out:
            yield f"a proxy{name} is {known.behind(head)} events behind since {known.left_out:%H:%M} UTC"
    for gone, since in proxies.gone().items():
        yield f"a proxy{f' {gone}' if says_why else ''} has been away since {since:%H:%M} UTC"


def plugin_troubles(hub: Hub) -> Iterator[str]:
    conditions = hub.plugins.conditions(engine.spawner for engine in hub.spawner)
    for of, condition in conditions.items():
        if condition.left:
            yield f"threads of plug-ins ({of}) that hang: {condition.left}"


def engine_troubles(hub: Hub, *, says_why: bool) -> Iterator[str]:
    """For anybody. `says_why`: with what an error said, which may name places."""
    for engine in hub.spawner:
        if silence := engine.silence:
            yield silence.removesuffix(".")
        elif trouble := engine.watch.trouble(says_why=says_why):
            yield f"{engine.title}: {trouble}" if len(hub.spawner) > 1 else trouble


def log_troubles(hub: Hub) -> list[str]:
    """For anybody: without the path of the log."""
    store = hub.store
    if not store.trouble:
        return []
    still = "" if store.has_room else "; stops and revocations are"
    return [f"nothing is recorded now{still}: {store.trouble}"]


def log_banner(hub: Hub, *, names_path: bool) -> str:
    """For the pages; empty if all is well. `names_path`: to who looks after the hub."""
    store = hub.store
    if not store.trouble:
        return ""
    said = [_("Nothing new can be recorded now: {why}.").format(why=told(store.trouble))]
    if not store.has_room:
        said.append(_("Servers can still be stopped, and rights revoked."))
    if names_path:
        said.append(_("The log is {path}.").format(path=store.path))
    return " ".join(said)


def _reach(identity: Identity | None) -> Reach:
    """Which services they may list."""
    return (identity and listed(identity.scopes, "list:services")) or Reach()


def _services(hub: Hub, identity: Identity | None) -> list[str]:
    reach = _reach(identity)
    down = hub.services.not_up()
    seen = {name for name in down if covers(reach, Service(name), hub.rights.memberships)}
    lines = [f"service {name} is not up: {why}" for name, why in down.items() if name in seen]
    others = len(down) - len(seen)
    more = " more" if seen else ""
    return [*lines, f"services that are not up: {others}{more}"] if others else lines
