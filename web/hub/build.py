"""Builds every part of a hub and hands each what it needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from core.actors.activity import Activity
from core.actors.hub_entities import HubEntities
from core.actors.jobs import Jobs
from core.actors.removals import Removals
from core.actors.service_process import ServiceProcesses
from core.actors.sharing import Sharing
from core.actors.user_deletion import UserDeletion
from core.config.desired import DesiredState
from core.events.file.store import EventStore
from core.events.hub import ClockCorrected
from core.events.record import HUB
from core.logins.failures import Refusals
from core.plugins.admission import Admission
from core.plugins.spawner import Spawner
from core.secrets.crypt import load_keys
from core.secrets.secret_file import derive
from core.settings import Settings
from projections.sharing import share_codes as share_codes_table
from projections.sharing import shares as shares_table
from web.authenticators import make_authenticator
from web.history.feed import Feed
from web.hub.build_acts import build_acts, build_bulk
from web.hub.build_starts import Others, build_starts
from web.hub.hub import Ending, Hub
from web.hub.plugins import Plugins
from web.hub.timetable import Timetable
from web.models.activity import LastSeen
from web.models.models import Models
from web.models.shares import ShareModels
from web.monitoring.metrics import Metrics
from web.presentation.presentation import Presentation
from web.proxies.table import RouteTable
from web.proxy.command import TOKEN_VARIABLE
from web.rights.identity import TokenBook
from web.rights.oauth_clients import Clients
from web.rights.operators import Operators
from web.rights.rights import Rights
from web.rights.service_book import ServiceBook
from web.services.launch import ServiceLaunch
from web.sessions.auth_states import AuthStates
from web.sessions.confirmations import Confirmations
from web.sessions.logins import Logins
from web.sessions.sessions import Sessions
from web.site.addresses import connect_url, proxied_address
from web.site.headers import AnswerHeaders
from web.site.hosts import Hosts
from web.site.stream_places import StreamPlaces


def build_hub(
    settings: Settings,
    wanted: DesiredState,
    *,
    store: EventStore,
    secret: bytes,
    spawner: Spawner,
    others: Others,
    service_spawner: Spawner | None,
    plugins: Plugins,
) -> Hub:
    """Every part of a hub, and who listens to the log. Nothing runs yet, and nothing is written."""
    db, hosts, entities, metrics = store.db, Hosts(settings.hub), HubEntities(store), Metrics()
    services = ServiceBook(db, {service.name: service for service in settings.hub.services})
    rights = Rights(db, services, wanted.rights)
    logins = _logins(settings, wanted, store, secret, plugins)
    starts = build_starts(
        settings,
        wanted,
        store=store,
        secret=secret,
        spawner=spawner,
        others=others,
        hosts=hosts,
        entities=entities,
        rights=rights,
        logins=logins,
        metrics=metrics,
    )
    engines, servers, errands = starts.spawner, starts.servers, starts.errands
    tokens = TokenBook(db, store.fact("salt"), lambda: store.has_told_all)
    store.listen(rights.forget)
    store.listen(tokens.forget, tokens.HEARS)
    activity = Activity(store, settings.hub.activity_resolution)
    store.listen(activity.on_records, (ClockCorrected,))
    clients = Clients(db, hosts, rights.known)
    sessions = Sessions(db, entities.sessions, settings, secret)
    store.listen(sessions.on_records, (ClockCorrected,))
    address = proxied_address(settings)
    hub = Hub(
        settings=settings,
        address=address,
        hosts=hosts,
        store=store,
        entities=entities,
        roles=wanted.roles,
        rights=rights,
        activity=activity,
        services=services,
        user_names=wanted.names,
        logins=logins,
        sessions=sessions,
        tokens=tokens,
        oauth_clients=clients,
        plugins=plugins,
        refusals=Refusals(store),
        operators=Operators(rights.of_operators),
        proxy_secret=os.environ.get(TOKEN_VARIABLE) or derive(secret, "proxy").hex(),
        spawner=engines,
        polls=starts.polls,
        runtime=starts.runtime,
        errands=errands,
        jobs=Jobs(entities.jobs, Timetable(db), errands),
        servers=servers,
        launch=starts.launch,
        marks=starts.marks,
        limits=starts.limits,
        turns=starts.turns,
        user_deletion=UserDeletion(entities.users, servers, errands, engines),
        removals=Removals(entities.users, servers, errands, engines.delete_forever),
        sharing=Sharing(
            store,
            share_of=partial(shares_table.id_between, db),
            shares_on=partial(shares_table.ids_on, db),
            codes_on=partial(share_codes_table.ids_on, db),
        ),
        service_processes=None
        if service_spawner is None
        else _service_processes(
            service_spawner, lambda: starts.launch.settings, services, entities, hosts, secret
        ),
        proxies=starts.proxies,
        route_table=RouteTable(store, hosts, (settings.hub.hub_routespec or settings.hub.base_url, address)),
        models=Models(rights, LastSeen(activity), hosts, engines.state, services, clients),
        share_models=ShareModels(hosts),
        feed=Feed(store),
        stream_places=StreamPlaces(settings.callboard.max_streams, settings.callboard.max_streams_per_user),
        headers=AnswerHeaders(settings.hub),
        presentation=Presentation(settings.hub),
        metrics=metrics,
        ending=Ending(settings.hub.cleanup_servers, settings.hub.cleanup_proxy),
    )
    hub.acts = build_acts(hub, derive(secret, "token form"))
    hub.bulk = build_bulk(hub)
    for kind, work in hub.bulk.works():
        hub.jobs.teach(kind, work)
    return hub


def _logins(
    settings: Settings, wanted: DesiredState, store: EventStore, secret: bytes, plugins: Plugins
) -> Logins:
    keeper = load_keys(settings.crypt.keys, os.environ)
    return Logins(
        authenticator=plugins.authenticator or make_authenticator(settings, wanted.names, secret),
        admission=Admission(settings.authenticator, wanted.names),
        auth_states=AuthStates(store, keeper, enabled=settings.authenticator.enable_auth_state),
        confirmations=Confirmations(settings.authenticator.auth_refresh_age),
    )


def _service_processes(
    spawner: Spawner,
    settings: Callable[[], Settings],
    services: ServiceBook,
    entities: HubEntities,
    hosts: Hosts,
    secret: bytes,
) -> ServiceProcesses:
    return ServiceProcesses(
        ServiceLaunch(
            spawner,
            services,
            secret,
            settings=settings,
            hosts=hosts,
            hub_url=connect_url(settings()),
            tell=partial(entities.services.ask, by=HUB),
        )
    )
