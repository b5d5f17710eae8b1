"""A hub as a process: its files and sockets, its proxy, its signals, and the order in which all that ends."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import trio

import projections
from core.cancellation import cancelled_when
from core.errors import HubError
from core.events.file.backup import put_aside
from core.events.file.database import MEMORY, LogLock, log_id_at
from core.events.file.heads import head_of, note_head
from core.events.file.store import EventStore
from core.plugins.spawner import Spawner
from core.reconcile.sorting_out import Answer, Consent
from core.secrets.secret_file import load_or_make_secret
from core.settings import ConfigError, Settings, SpawnerSettings, database_path
from spawners import make_engine, make_spawner
from spawners.local.service_process import make_service_spawner
from web.app.app import build_app
from web.app.listen import listen
from web.app.serve import serve
from web.control.commands import commands
from web.control.server import control_socket, serve_control
from web.hub.giving_up import GivenUpError
from web.hub.hub import Hub
from web.lifecycle.proxy import make_proxy
from web.lifecycle.reload import Load, Reloader
from web.lifecycle.shutdown import end, end_servers
from web.main import open_hub
from web.monitoring.what_it_does import say_what_it_does
from web.moving.moving_in import check_moved_in
from web.process.service_manager import ServiceManager
from web.site.addresses import bind_address

logger = logging.getLogger("callboard")

MANY_FILES = 65_536
PRIVATE = 0o700
LAST_CHANCE = 2.0  # seconds a hub that gives up goes on answering, as JupyterHub does


EngineSettings = Callable[[str], SpawnerSettings | None]


def _unknown(_: str) -> SpawnerSettings | None:
    return None


async def run(
    settings: Settings,
    *,
    on_ready: Callable[[Hub], Awaitable[None]],
    load: Load | None = None,
    engine_settings: EngineSettings = _unknown,
    later: Answer = "",
) -> None:
    """A whole hub, until SIGTERM or SIGINT. Raises BindError, DatabaseError or ConfigError at its start.

    `load`: reads the configuration again; SIGHUP asks for that. Raises GivenUpError at its end, where that is why.
    `engine_settings`: of a spawner that the configuration does not name, though servers may run there.
    `later`: what to do with servers that a later state of the log has started.
    """
    _allow_many_files()
    manager = ServiceManager.of_environment()
    path = database_path(settings.hub.db_url)
    lock = None if path == MEMORY else LogLock(path)
    secret = load_or_make_secret(Path(settings.hub.cookie_secret_file), settings.hub.cookie_secret)
    listener = listen(bind_address(settings.hub))
    former_log = _reset_log(path) if settings.hub.reset_db and lock else ""
    directory = servers_folder(settings.callboard.state_dir, path)
    spawner = make_spawner(settings, directory)
    service_spawner = make_service_spawner(settings, directory / "services")
    store = EventStore(path, projections.ALL, threaded=path != MEMORY)
    try:
        check_moved_in(store)
        with _pid_file(settings.hub.pid_file), _control(path) as control:
            async with open_hub(
                settings,
                store=store,
                secret=secret,
                spawner=spawner,
                others=partial(_others, settings, directory, engine_settings),
                service_spawner=service_spawner,
                consent=Consent(later, former_log),
            ) as hub:
                hub.reload = Reloader(hub, load, secret).reload if load else None
                await _serve_until_told(hub, listener, control, on_ready, manager)
            if path != MEMORY and not store.lost:
                _note_head(path, store)
            if hub.ending.trouble:
                raise GivenUpError(hub.ending.trouble, hub.ending.status)
    finally:
        store.close()
        if lock:
            lock.release()


def _reset_log(path: str) -> str:
    """The id of the log that has been put aside, for a new one to begin."""
    former = log_id_at(path)
    if aside := put_aside(path):
        logger.warning("the log was put aside as %s (c.JupyterHub.reset_db): a new one begins", aside)
    return former


def _others(
    settings: Settings, directory: Path, engine_settings: EngineSettings, needed: Collection[str]
) -> Mapping[str, Spawner]:
    """The spawners of profiles, and those that servers were started in when the configuration named them still."""
    main, profiles = settings.hub.spawner_class, settings.callboard.spawner_profiles.values()
    wanted = {profile.spawner: profile.engine_settings for profile in profiles if profile.spawner != main}
    made = {name: make_engine(name, its, directory) for name, its in wanted.items()}
    for name in sorted(set(needed) - {main, *made}):
        logger.warning(
            "servers run in %s, which the configuration names no more: they are looked after", name
        )
        if (its := engine_settings(name)) is not None:
            made[name] = make_engine(name, its, directory)
    return made


def servers_folder(configured: str, log: str) -> Path:
    """Where the files of attempts go. What the hub makes and names itself is for nobody else; another's stays as it is.

    Raises ConfigError.
    """
    folder = Path(configured or f"{log if log != MEMORY else 'callboard'}-servers")
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        if not configured and folder.stat().st_mode & 0o077:
            folder.chmod(PRIVATE)
    except OSError as error:
        raise ConfigError(
            f"{folder}: the folder for servers' files cannot be used: {error.strerror}"
        ) from error
    return folder


def _note_head(log: str, store: EventStore) -> None:
    try:
        note_head(log, head_of(store.db), "end of a hub")
    except OSError as error:  # such as on a full disk
        logger.warning("the head of the log is not noted: %s", error)


def _control(log: str) -> AbstractContextManager[socket.socket | None]:
    return nullcontext() if log == MEMORY else control_socket(log)


async def _serve_until_told(
    hub: Hub,
    listener: socket.socket,
    control: socket.socket | None,
    on_ready: Callable[[Hub], Awaitable[None]],
    manager: ServiceManager,
) -> None:
    app = build_app(hub)
    proxy = make_proxy(hub)
    async with trio.open_nursery() as serving:
        await serving.start(_watch_signals, hub, manager)
        serving.start_soon(manager.keep_alive)
        if control is not None:
            await serving.start(serve_control, control, commands(hub))
        serving.start_soon(hub.metrics.watch_loop)
        async with trio.open_nursery() as doors:
            engine = hub.settings.callboard.http_engine
            await doors.start(partial(serve, app, listener, hub.closed.wait, engine=engine))
            serving.start_soon(proxy.carry)
            async with cancelled_when(hub.closing):
                await proxy.begin(hub.proxies.wait_connected)
                _settle_garbage()
                hub.metrics.hub_started((datetime.now(UTC) - hub.began).total_seconds())
                await on_ready(hub)
                manager.ready(f"Serving at {hub.settings.hub.bind_url}")
                await proxy.run()
            manager.stopping()
            if hub.ending.trouble:
                await trio.sleep(LAST_CHANCE)
            await end_servers(hub)
            hub.closed.set()  # streams end, and requests have a moment to finish
        await end(hub, proxy)
        serving.cancel_scope.cancel()


async def _watch_signals(
    hub: Hub, manager: ServiceManager, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    with trio.open_signal_receiver(*wanted) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                manager.reloading()
                await _reload(hub)
                manager.ready(f"Serving at {hub.settings.hub.bind_url}")
                continue
            if number == signal.SIGUSR1:
                say_what_it_does()
                continue
            logger.info("%s: the hub is ending", signal.Signals(number).name)
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
        logger.info("the configuration was read anew; %s", found)


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
