"""Builds what starts, watches and ends servers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import NamedTuple

from core.actors.engines.engine import Engine
from core.actors.engines.engines import Engines
from core.actors.engines.missing import MissingSpawner
from core.actors.errands import Errands
from core.actors.hub_entities import HubEntities
from core.actors.servers.shared_polls import SharedPolls
from core.actors.servers.spawn_turns import SpawnTurns
from core.actors.servers.supervisor import Supervisor
from core.config.desired import DesiredState
from core.events.file.store import EventStore
from core.events.log.tables import Tables
from core.plugins.plugin_hub import RunsOwnHooks
from core.plugins.spawner import Spawner
from core.queue.spawn_limits import SpawnLimits
from core.settings import Settings
from projections import engines as engines_table
from projections.servers import servers as servers_table
from web.monitoring.metrics import Metrics
from web.proxies.connected import Proxies
from web.rights.rights import Rights
from web.sessions.logins import Logins
from web.sessions.saved_auth_states import SavedAuthStates
from web.site.addresses import connect_url
from web.site.hosts import Hosts
from web.starts.launch import Launch
from web.starts.limits import limits_of
from web.starts.marks import Marks
from web.starts.plugin_side import PluginSide
from web.starts.plugin_starts import PluginStarts
from web.starts.server_runtime import HubServerRuntime
from web.starts.spawner_states import SpawnerStates
from web.starts.views import Views

Others = Callable[[Collection[str]], Mapping[str, Spawner]]
"""From the names of the engines in which servers may run to all that are to be asked besides the main one."""


class StartParts(NamedTuple):
    """Parts of `Hub`, by the names that they have there."""

    spawner: Engines
    limits: SpawnLimits
    turns: SpawnTurns
    launch: Launch
    polls: SharedPolls
    proxies: Proxies
    errands: Errands
    marks: Marks
    runtime: HubServerRuntime
    servers: Supervisor


def build_starts(
    settings: Settings,
    wanted: DesiredState,
    *,
    store: EventStore,
    secret: bytes,
    spawner: Spawner,
    others: Others,
    hosts: Hosts,
    entities: HubEntities,
    rights: Rights,
    logins: Logins,
    metrics: Metrics,
) -> StartParts:
    engines = _engines(settings.hub.spawner_class, spawner, others, store.db)
    limits = limits_of(settings, store.db)
    turns = SpawnTurns(limits)
    store.listen(limits.on_records, limits.HEARS)
    store.listen(turns.on_records, limits.HEARS)
    launch = _launch(settings, wanted, store, secret, hosts, entities, rights, logins, engines)
    polls = SharedPolls(engines, lambda seconds, running: metrics.polled(seconds, running=running))
    proxies, errands, marks = Proxies(), Errands(), Marks(store, secret)
    runtime = HubServerRuntime(store, engines, settings, launch, marks, turns, proxies, errands, polls)
    servers = Supervisor(runtime, KnownServers(store))
    return StartParts(engines, limits, turns, launch, polls, proxies, errands, marks, runtime, servers)


def _engines(main: str, spawner: Spawner, others: Others, db: Tables) -> Engines:
    """All in which servers run, also those that the configuration does not name any more."""
    needed = {name for name in engines_table.with_servers(db) if name not in ("", main)}
    found = {name: MissingSpawner(name) for name in needed} | dict(others(needed))
    made = {
        name: Engine(name, one, silent_since=engines_table.silent_since(db, name))
        for name, one in {main: spawner, **found}.items()
    }
    return Engines(made.pop(main), made.values(), partial(engines_table.engine_of, db))


def _launch(
    settings: Settings,
    wanted: DesiredState,
    store: EventStore,
    secret: bytes,
    hosts: Hosts,
    entities: HubEntities,
    rights: Rights,
    logins: Logins,
    engines: Engines,
) -> Launch:
    hub_url, keeper = connect_url(settings), logins.auth_states
    save = SavedAuthStates(keeper, entities.users).save
    views = Views(
        store.db,
        settings,
        hosts,
        hub_url,
        logins,
        wanted.names,
        rights,
        engines.state,
        save,
        engines.free_now,
    )
    side = PluginSide(store.db, settings, hosts, hub_url, keeper, SpawnerStates(store, secret))
    return Launch(
        settings,
        secret,
        rights,
        views,
        logins.session_opener,
        logins.start_authenticator,
        wanted.names,
        _plugins_of_starts(settings, engines, side),
    )


def _plugins_of_starts(settings: Settings, engines: Engines, side: PluginSide) -> dict[str, PluginStarts]:
    """By engine, for those in which classes of JupyterHub's kind start servers."""
    found = {}
    for engine in engines:
        if isinstance(engine.spawner, RunsOwnHooks):
            engine.spawner.attach(side)
            found[engine.name] = PluginStarts(engine.spawner, side, settings.callboard.hook_timeout)
    return found


class KnownServers:
    """What a server's row says of it."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def fold_from(self, server_id: str) -> int:
        row = servers_table.by_id(self._store.db, server_id)
        return row.fold_from if row else 0

    def has_ended(self, server_id: str) -> bool:
        row = servers_table.by_id(self._store.db, server_id)
        return row is None or row.has_ended
