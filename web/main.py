"""Start here: builds every part, hands each what it needs, serves, and ends in order."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path

import trio
from tricycle import open_service_nursery

import projections
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
from core.actors.strays import end_strays
from core.actors.supervisor import Supervisor
from core.admission import Admission
from core.authenticator import SessionAuthenticator
from core.config import ConfigError, Settings, database_path
from core.crypt import load_keys
from core.errors import HubError, UnavailableError
from core.events import hub as hub_events
from core.events.database import MEMORY, LogLock, put_aside
from core.events.group import group_stream
from core.events.heads import head_of, note_head
from core.events.hub import HubStarted, HubStopped
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
from core.secret_file import load_or_make_secret
from core.server import Stop, Stopped
from core.spawner import Spawner
from projections import routes
from projections import servers as servers_table
from projections import share_codes as share_codes_table
from projections import shares as shares_table
from projections import users as users_table
from projections.servers import ServerRow
from spawners import make_spawner
from spawners.service_process import make_service_spawner
from web import version
from web.activity import LastSeen
from web.addresses import bind_address, connect_url, local_address
from web.app import build_app
from web.auth_states import AuthStates
from web.authenticators import make_authenticator
from web.bootstrap import bootstrap
from web.configured import configure_routes, configure_services
from web.control_commands import commands
from web.control_server import control_socket, serve_control
from web.event_log import EventLog
from web.expiry import keep_tidy
from web.failed_starts import FailedStarts, GivenUpError, give_up
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
from web.proxy_process import Proxy, make_proxy
from web.reload import Load, Reloader
from web.rights import Rights
from web.serve import listen, serve
from web.service_book import ServiceBook
from web.service_checks import ServiceChecks
from web.service_launch import ServiceLaunch
from web.sessions import Sessions
from web.stage import HubStage
from web.timed_polls import with_timed_polls
from web.views import Views
from web.what_it_does import say_what_it_does
from web.wishes import wishes

logger = logging.getLogger("callboard")

MANY_FILES = 65_536
LAST_CHANCE = 2.0  # seconds a hub that gives up goes on answering, as JupyterHub does
LAST_WORDS = 2.0  # seconds the proxy has to take note of the last routes
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
    views = Views(store.db, settings, connect_url(settings), auth_states, spawner.state)
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
                        hub_url=connect_url(settings),
                        tell=partial(service_entities.ask, by=HUB),
                    )
                )
            hub = Hub(
                settings=settings,
                secret=secret,
                address=local_address(settings.hub),
                store=store,
                spawner=spawner,
                servers=supervisor,
                stage=stage,
                users=users,
                token_entities=tokens,
                groups=Entities(store, group_stream, group.NoGroup(), group.decide, group.evolve),
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
                    settings.hub.base_url,
                    spawner.state,
                    services,
                    Clients(store.db),
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


async def resume(hub: Hub, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """After a restart: enter every unfinished state, go on with deletions, end what no server knows.

    Started once every unfinished server is awake, so that nobody is answered from half a picture.
    """
    began = trio.current_time()
    for server in _unfinished(hub.store):
        hub.servers.actor(server.id)
    await trio.lowlevel.checkpoint()
    hub.metrics.resumed(trio.current_time() - began)
    await _wait_checked(hub.store, hub.settings.hub.init_spawners_timeout)
    task_status.started()
    position = 0
    while leaving := users_table.leaving(hub.store.db, position):
        for departing in leaving:
            hub.departures.go_on(departing.id)
        position = leaving[-1].position
    last = ""
    while going := servers_table.leaving(hub.store.db, last):
        for server in going:
            hub.removals.go_on(server.user, server.id)
        last = going[-1].id
    await end_strays(hub.spawner, partial(_known_attempts, hub.store))


async def _wait_checked(store: EventStore, patience: float) -> None:
    """Return once every server that may run is known to, or after so many seconds; negative: however long it takes."""
    with trio.move_on_after(patience if patience >= 0 else inf):
        while servers_table.is_any_checked(store.db):
            await store.wait_any()


def _unfinished(store: EventStore) -> Iterator[ServerRow]:
    after = ""
    while rows := servers_table.unfinished(store.db, after):
        yield from rows
        after = rows[-1].id


def _known_attempts(store: EventStore) -> set[str]:
    """The spawn ids of all that may rightly run or is being ended."""
    return {spawn_id for row in _unfinished(store) for spawn_id in (row.spawn_id, *row.left_behind())}


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


async def stop_servers(hub: Hub) -> None:
    """End every server that is active, all at once."""

    async def end(server_id: str) -> None:
        try:
            actor = hub.servers.actor(server_id)
            await actor.ask(Stop("The hub is shutting down."), by=HUB)
            await actor.wait_until(lambda state: isinstance(state, Stopped))
        except HubError as error:
            logger.warning("server %s could not be stopped: %s", server_id, error)

    after = ""
    async with trio.open_nursery() as nursery:
        while rows := servers_table.unfinished(hub.store.db, after):
            for row in rows:
                nursery.start_soon(end, row.id)
            after = rows[-1].id


async def run(
    settings: Settings, *, on_ready: Callable[[Hub], Awaitable[None]], load: Load | None = None
) -> None:
    """A whole hub, until SIGTERM or SIGINT. Raises BindError, DatabaseError or ConfigError at its start.

    `load`: reads the configuration again; SIGHUP asks for that. Raises GivenUpError at its end, where that is why.
    """
    _allow_many_files()
    path = database_path(settings.hub.db_url)
    lock = None if path == MEMORY else LogLock(path)
    if settings.hub.reset_db and lock:
        put_aside(path)
    secret = load_or_make_secret(Path(settings.hub.cookie_secret_file), settings.hub.cookie_secret)
    listener = listen(bind_address(settings.hub))
    directory = Path(settings.callboard.state_dir or f"{path if path != MEMORY else 'callboard'}-servers")
    spawner = make_spawner(settings.hub.spawner_class, settings, directory)
    service_spawner = make_service_spawner(settings, directory / "services")
    store = EventStore(path, projections.ALL, threaded=path != MEMORY)
    try:
        with _pid_file(settings.hub.pid_file), _control(path) as control:
            async with open_hub(
                settings, store=store, secret=secret, spawner=spawner, service_spawner=service_spawner
            ) as hub:
                hub.reload = Reloader(hub, load, secret).reload if load else None
                await _serve_until_told(hub, listener, control, on_ready)
            if path != MEMORY:
                note_head(path, head_of(store.db), "end of a hub")
            if hub.ending.trouble:
                raise GivenUpError(hub.ending.trouble)
    finally:
        store.close()
        if lock:
            lock.release()


def _control(log: str) -> AbstractContextManager[socket.socket | None]:
    return nullcontext() if log == MEMORY else control_socket(log)


async def _serve_until_told(
    hub: Hub,
    listener: socket.socket,
    control: socket.socket | None,
    on_ready: Callable[[Hub], Awaitable[None]],
) -> None:
    app = build_app(hub)
    proxy = make_proxy(hub.settings, hub.address, hub.proxy_secret)
    async with trio.open_nursery() as house:
        await house.start(_watch_signals, hub)
        if control is not None:
            await house.start(serve_control, control, commands(hub))
        house.start_soon(hub.metrics.watch_loop)
        async with trio.open_nursery() as doors:
            await doors.start(partial(serve, app, listener, hub.closed.wait))
            async with trio.open_nursery() as opening:
                opening.start_soon(_cancel_when, hub.closing, opening.cancel_scope)
                await proxy.begin(hub.proxies.wait_connected)
                _settle_garbage()
                hub.metrics.hub_started((datetime.now(UTC) - hub.began).total_seconds())
                await on_ready(hub)
                await proxy.run()
            if hub.ending.trouble:
                await trio.sleep(LAST_CHANCE)
            await _end_servers(hub)
            hub.closed.set()  # streams end, and requests have a moment to finish
        await _end(hub, proxy)
        house.cancel_scope.cancel()


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _watch_signals(hub: Hub, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    with trio.open_signal_receiver(*wanted) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                await _reload(hub)
                continue
            if number == signal.SIGUSR1:
                say_what_it_does()
                continue
            logger.warning("%s: the hub is ending", signal.Signals(number).name)
            hub.closing.set()


async def _reload(hub: Hub) -> None:
    """Whatever is wrong with the configuration, the hub goes on."""
    if hub.reload is None:
        logger.warning("SIGHUP: there is no configuration to read anew")
        return
    try:
        found = await hub.reload()
    except (ConfigError, HubError, ValueError) as error:
        logger.error("the configuration cannot be used, nothing has changed: %s", error)  # noqa: TRY400 -- says all
    except Exception:
        logger.exception("the configuration could not be read anew")
    else:
        logger.warning("the configuration was read anew; %s", found)


async def _end_servers(hub: Hub) -> None:
    """While the hub still serves: whoever looks sees them go, and the proxy learns that their routes have gone."""
    if hub.service_processes is not None:
        await hub.service_processes.end_all()
    if not hub.ending.servers:
        return
    await stop_servers(hub)
    with trio.move_on_after(LAST_WORDS):
        await hub.proxies.wait_applied(routes.head(hub.store.db))


async def _end(hub: Hub, proxy: Proxy) -> None:
    """The proxy ends or stays, as the settings say; then the log says that the hub has stopped."""
    if hub.ending.proxy:
        await proxy.stop()
    await hub.activity.record()
    await hub.refusals.record()
    stream = hub_events.STREAM
    event = HubStopped(servers=hub.ending.servers)
    await hub.store.append(Write(stream, hub.store.version(stream), [event]), by=HUB)


@contextmanager
def _pid_file(path: str) -> Iterator[None]:
    """The hub's pid, in a file for as long as it lives. Raises ConfigError where that cannot be."""
    if not path:
        yield
        return
    try:
        Path(path).write_text(f"{os.getpid()}\n")
    except OSError as error:
        raise ConfigError(f"{path}: the pid file cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        Path(path).unlink(missing_ok=True)


def _allow_many_files() -> None:
    """Each running server and each connection holds a file descriptor: as many as the system allows, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < min(hard, MANY_FILES):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY_FILES), hard))


def _settle_garbage() -> None:
    """What start-up has made lives as long as the hub: keep the collector from looking at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
