"""Start here: builds every part of a hub and hands each what it needs.

web/process.py is the process around it, web/resume.py and web/shutdown.py its first and last acts.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import trio
from tricycle import open_service_nursery

from core import group, oauth_code, role, route, service, session, token, user
from core.actors.activity import Activity
from core.actors.departures import Departures
from core.actors.entity import Entities
from core.actors.errands import Errands
from core.actors.refusals import Refusals
from core.actors.removals import Removals
from core.actors.service_process import ServiceProcesses
from core.actors.sharing import Sharing
from core.actors.spawn_turns import SpawnTurns
from core.actors.supervisor import Supervisor
from core.admission import Admission
from core.authenticator import SessionAuthenticator
from core.config import Settings
from core.crypt import load_keys
from core.errors import UnavailableError
from core.events import hub as hub_events
from core.events.group import group_stream
from core.events.hub import HubStarted
from core.events.oauth import code_stream
from core.events.record import HUB, Record
from core.events.role import role_stream
from core.events.route import route_stream
from core.events.service import service_stream
from core.events.session import session_stream
from core.events.store import EventStore, Write
from core.events.token import token_stream
from core.events.user import user_stream
from core.roles import ADMIN
from core.spawner import Spawner
from projections import servers as servers_table
from projections import share_codes as share_codes_table
from projections import shares as shares_table
from web import version
from web.activity import LastSeen
from web.addresses import connect_url, local_address
from web.auth_states import AuthStates
from web.authenticators import make_authenticator
from web.bootstrap import bootstrap
from web.configured import configure_routes, configure_services
from web.event_log import EventLog
from web.expiry import keep_tidy
from web.failed_starts import FailedStarts, give_up
from web.hosts import Hosts
from web.hub import Hub, ServiceEntities, TokenEntities, UserEntities
from web.invalid_users import check_users
from web.launch import Launch
from web.limits import limits_of
from web.metrics import Metrics
from web.metrics_of_hub import MetricsOfHub
from web.metrics_of_log import MetricsOfLog
from web.models import Models
from web.oauth.clients import Clients
from web.proxies import Proxies
from web.resume import resume
from web.rights import Rights
from web.service_book import ServiceBook
from web.service_checks import ServiceChecks
from web.service_launch import ServiceLaunch
from web.sessions import Sessions
from web.stage import HubStage
from web.timed_polls import with_timed_polls
from web.views import Views
from web.wishes import wishes

logger = logging.getLogger("callboard")

KEY_LIFE = 24 * 3600  # seconds an idempotency key is kept


class Folds:
    """Where folding a server may begin: known from its row."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def fold_from(self, server_id: str) -> int:
        row = servers_table.by_id(self._store.db, server_id)
        return row.fold_from if row else 0


@asynccontextmanager
async def open_hub(
    settings: Settings,
    *,
    store: EventStore,
    secret: bytes,
    spawner: Spawner,
    service_spawner: Spawner | None = None,
    configure: Callable[[Hub], None] = lambda _: None,
) -> AsyncIterator[Hub]:
    """A hub that lives, without sockets: the store writes, actors act. Its end leaves servers as they are.

    `service_spawner`: runs the managed services; without one they are left alone.
    """
    services = ServiceBook(store.db, {service.name: service for service in settings.hub.services})
    metrics = Metrics()
    wanted = wishes(settings)
    rights = Rights(
        store.db,
        services,
        wanted.table,
        admin_services_by_flag=wanted.roles.members[ADMIN].services is None,
    )
    limits = limits_of(settings, store.db)
    turns = SpawnTurns(limits)
    store.listen(limits.heard)
    store.listen(turns.heard)
    keeper = load_keys(settings.crypt.keys, os.environ)
    auth_states = AuthStates(store, keeper, enabled=settings.authenticator.enable_auth_state)
    hosts = Hosts(settings.hub)
    views = Views(store.db, settings, hosts, connect_url(settings), auth_states, spawner.state)
    authenticator = make_authenticator(settings, wanted.names, secret)
    sessions = authenticator if isinstance(authenticator, SessionAuthenticator) else None
    launch = Launch(settings, secret, rights, views, sessions)
    proxies = Proxies()
    errands = Errands()
    timed = with_timed_polls(spawner, lambda seconds, running: metrics.polled(seconds, running=running))
    stage = HubStage(store, timed, settings, launch, turns, proxies, errands)
    async with open_service_nursery() as writing:
        await writing.start(store.run)
        async with open_service_nursery() as living:
            since = await _record_start(store)
            supervisor = Supervisor(stage, Folds(store), since=since)
            users: UserEntities = Entities(store, user_stream, user.NoUser(), user.decide, user.evolve)
            tokens: TokenEntities = Entities(store, token_stream, token.NoToken(), token.decide, token.evolve)
            activity = Activity(store, settings.hub.activity_resolution)
            store.listen(rights.forget)
            service_entities: ServiceEntities = Entities(
                store, service_stream, service.NoService(), service.decide, service.evolve
            )
            processes = None
            if service_spawner is not None:
                processes = ServiceProcesses(
                    ServiceLaunch(
                        service_spawner,
                        services,
                        secret,
                        settings=settings.hub,
                        hosts=hosts,
                        hub_url=connect_url(settings),
                        tell=partial(service_entities.ask, by=HUB),
                    )
                )
            hub = Hub(
                settings=settings,
                secret=secret,
                address=local_address(settings.hub),
                hosts=hosts,
                store=store,
                spawner=spawner,
                servers=supervisor,
                stage=stage,
                users=users,
                token_entities=tokens,
                groups=Entities(
                    store, group_stream, group.NoGroup(), group.decide, group.evolve, group.shortened
                ),
                role_entities=Entities(store, role_stream, role.NoRole(), role.decide, role.evolve),
                user_names=wanted.names,
                auth_states=auth_states,
                refusals=Refusals(store),
                authenticator=authenticator,
                admission=Admission(settings.authenticator, wanted.names),
                departures=Departures(users, supervisor, errands),
                removals=Removals(users, supervisor, errands),
                sharing=Sharing(
                    store,
                    share_of=partial(shares_table.id_between, store.db),
                    shares_on=partial(shares_table.ids_on, store.db),
                    codes_on=partial(share_codes_table.ids_on, store.db),
                ),
                activity=activity,
                limits=limits,
                turns=turns,
                launch=launch,
                proxies=proxies,
                rights=rights,
                models=Models(
                    rights,
                    LastSeen(activity),
                    hosts,
                    spawner.state,
                    services,
                    Clients(store.db, hosts),
                ),
                services=services,
                service_entities=service_entities,
                service_processes=processes,
                extra_routes=Entities(store, route_stream, route.NoRoute(), route.decide, route.evolve),
                metrics=metrics,
                roles=wanted.roles,
                oauth_codes=Entities(
                    store, code_stream, oauth_code.NoCode(), oauth_code.decide, oauth_code.evolve
                ),
                sessions=Sessions(
                    store.db,
                    Entities(store, session_stream, session.NoSession(), session.decide, session.evolve),
                    settings,
                    secret,
                ),
            )
            measure(hub)
            configure(hub)
            await living.start(supervisor.run)
            await living.start(errands.run)
            living.start_soon(activity.run)
            living.start_soon(hub.refusals.run)
            living.start_soon(_forget_keys, store)
            living.start_soon(keep_tidy, hub)
            living.start_soon(_reseal, auth_states)
            living.start_soon(check_users, hub)
            await configure_services(hub, secret)
            await configure_routes(hub)
            await bootstrap(hub, wanted)
            await living.start(resume, hub)
            living.start_soon(turns.open)
            living.start_soon(ServiceChecks(services, settings.hub.service_check_interval).run)
            if processes is not None:
                living.start_soon(processes.run)
            yield hub
            await activity.record()
            await hub.refusals.record()
            living.cancel_scope.cancel()
        writing.cancel_scope.cancel()


def measure(hub: Hub) -> None:
    """Have metrics and event log hear of all that they are about."""
    of_log = MetricsOfLog(hub.metrics, hub.proxies)
    hub.store.listen(of_log.heard)
    hub.store.on_commit = hub.metrics.committed
    hub.proxies.on_applied = of_log.applied
    hub.metrics.collect_from(MetricsOfHub(hub))
    if limit := hub.settings.spawner.consecutive_failure_limit:
        hub.store.listen(FailedStarts(limit, partial(give_up, hub)).heard)
    if handlers := hub.settings.event_logger.handlers:
        hub.store.listen(EventLog(hub.store.db, handlers).heard)


async def _record_start(store: EventStore) -> Record:
    write = Write(hub_events.STREAM, store.version(hub_events.STREAM), [HubStarted(version.OWN)])
    (record,) = await store.append(write, by=HUB)
    return record


async def _reseal(auth_states: AuthStates) -> None:
    try:
        await auth_states.reseal()
    except UnavailableError as error:
        logger.warning("auth_state is not encrypted with the first key yet: %s", error)


async def _forget_keys(store: EventStore) -> None:
    while True:
        try:
            await store.forget_keys(datetime.now(UTC) - timedelta(seconds=KEY_LIFE))
        except Exception:
            logger.exception("old idempotency keys could not be dropped")
        await trio.sleep(3600)
