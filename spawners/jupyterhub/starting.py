"""A start, in the thread of spawners: JupyterHub's hooks in its order, then the class's own `start`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jupyterhub.utils import maybe_future
from msgspec import Struct

from core.asyncio_thread.call import ask_hub, pour
from core.plugins.plugin_hub import ServerFacts
from spawners import output_file
from spawners.jupyterhub.address import address_of
from spawners.jupyterhub.in_thread import Live, World, stand_at
from spawners.jupyterhub.records import as_plain
from spawners.process_family import MARK

logger = logging.getLogger("callboard.plugins")

LOOK = 0.1  # seconds between looks at what the class calls its state ...
FIRST_LOOK = 0.01  # ... and before the first: what is made soon is recorded soon


class Order(Struct, frozen=True):
    """What to start. `environment`: the hub's part of the server's, with its token: never log it.

    `changes`: traits that the way to log in has set for this start. `state`: what the class kept of the server when it
    last ended. `output`: a file for what it writes, if it is a
    process of this machine. `tell`: progress, `keep`: the state whenever it has changed; both are the hub's.
    """

    server: ServerFacts
    environment: dict[str, str]
    changes: dict[str, Any]
    state: dict[str, Any]
    output: str
    tell: Callable[[Any], Awaitable[None]]
    keep: Callable[[dict[str, Any]], Awaitable[None]]


class Door:
    """Between the hub and a start: whoever comes first, a start that begins or a hub that calls it off, has it.

    `state`: of a start that was called off, for nobody is told of that any more.
    """

    def __init__(self, has_ended: Callable[[], None]) -> None:
        """`has_ended`: called over there, when nothing of a start that had begun is under way any more."""
        self.has_ended = has_ended
        self.state: dict[str, Any] | None = None
        self._lock = threading.Lock()
        self._is_taken = False

    def take(self) -> bool:
        """False for the second one."""
        with self._lock:
            is_first, self._is_taken = not self._is_taken, True
        return is_first


class Started(Struct, frozen=True):
    """`is_local`: its state is a process of this machine."""

    url: str
    state: dict[str, Any]
    is_local: bool


async def start(world: World, order: Order, door: Door) -> Started:
    if not door.take():
        raise asyncio.CancelledError
    try:
        live = world.begin(order.server, order.state)
        async with live.turn:
            return await _start(live, order, door)
    finally:
        door.has_ended()


async def hear(world: World, spawn_id: str, told: dict[str, Any]) -> None:
    """While its start waits for just that. Where the start is another thread's, or over, nobody wants to know."""
    live = world.known(spawn_id)
    for name, value in told.items():
        if live is not None and live.spawner.has_trait(name):
            setattr(live.spawner, name, value)


async def _start(live: Live, order: Order, door: Door) -> Started:
    spawner = live.spawner
    _introduce(spawner, order)
    spawner._spawn_pending = spawner._start_pending = True
    telling: list[asyncio.Task[None]] = []
    try:
        await _run_hooks(spawner, order, telling)
        spawner.environment = {**spawner.environment, MARK: order.server.spawn_id}
        with _written_to(spawner, order.output if live.is_local else ""):
            url = await _begin(spawner, order, door, telling)
    finally:
        spawner._spawn_pending = spawner._start_pending = False
        for task in telling:
            task.cancel()
    stand_at(spawner, url)
    return Started(url, as_plain(spawner.get_state()), live.is_local)


def _introduce(spawner: Any, order: Order) -> None:
    """What JupyterHub sets on a spawner before its start."""
    given = order.environment
    spawner.api_token = given.get("JUPYTERHUB_API_TOKEN", "")
    spawner.oauth_client_id = given.get("JUPYTERHUB_CLIENT_ID", spawner.oauth_client_id)
    spawner.oauth_access_scopes = json.loads(given.get("JUPYTERHUB_OAUTH_ACCESS_SCOPES", "[]"))
    spawner.oauth_client_allowed_scopes = json.loads(
        given.get("JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES", "[]")
    )
    spawner.public_url = given.get("JUPYTERHUB_PUBLIC_URL", "")
    spawner.public_hub_url = given.get("JUPYTERHUB_PUBLIC_HUB_URL", "")
    spawner.cookie_options = json.loads(given.get("JUPYTERHUB_COOKIE_OPTIONS", "{}"))
    spawner.cookie_host_prefix_enabled = given.get("JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED") == "1"
    spawner.admin_access = given.get("JUPYTERHUB_ADMIN_ACCESS") == "1"
    for name, value in order.changes.items():
        present = getattr(spawner, name)
        setattr(spawner, name, {**present, **value} if isinstance(present, dict) else value)


async def _run_hooks(spawner: Any, order: Order, telling: list[asyncio.Task[None]]) -> None:
    """Each may be a function, a coroutine, or a method that the class has instead."""
    await spawner.run_auth_state_hook(order.server.person.auth_state)
    await spawner.apply_group_overrides()
    await spawner._run_apply_user_options(spawner.user_options)
    usual = own_progress(spawner)
    hook = _named(spawner.run_pre_spawn_hook())
    try:
        while not hook.done():
            await asyncio.wait([hook], timeout=LOOK)
            if own_progress(spawner) != usual and not telling:  # it tells by itself how it gets on
                telling.append(_follow(spawner, order))
        await hook
    finally:
        hook.cancel()


def own_progress(spawner: Any) -> Any:
    """How it tells of its progress. Some classes cannot say before they have begun: wrapspawner's raise then."""
    try:
        return spawner.progress
    except Exception:
        return None


async def _begin(spawner: Any, order: Order, door: Door, telling: list[asyncio.Task[None]]) -> str:
    """Where it will answer. One that is cancelled half way is stopped: what it had made by then, it knows alone."""
    starting = _named(spawner.start())
    if not telling:
        telling.append(_follow(spawner, order))
    try:
        await _keep_state_until(starting, spawner, order)
        await asyncio.sleep(0)  # a cancel that came while it blocked is heeded here
    except asyncio.CancelledError:
        starting.cancel()
        await asyncio.wait([starting])  # however long it goes on: what it makes until then is to be ended
        door.state = as_plain(spawner.get_state())
        await _stop_after_all(spawner)
        raise
    return address_of(starting.result(), spawner)


def _named(called: Any) -> asyncio.Future[Any]:
    """A task of the same name as this one: whoever finds the loop blocked can say by what."""
    future: asyncio.Future[Any] = asyncio.ensure_future(maybe_future(called))
    caller = asyncio.current_task()
    if isinstance(future, asyncio.Task) and caller is not None:
        future.set_name(caller.get_name())
    return future


async def _keep_state_until(starting: asyncio.Future[Any], spawner: Any, order: Order) -> None:
    """Have the state kept at each change, until the start has ended."""
    kept: dict[str, Any] = {}
    pause = FIRST_LOOK
    while not starting.done():
        await asyncio.wait([starting], timeout=pause)
        pause = min(2 * pause, LOOK)
        if (state := as_plain(spawner.get_state())) != kept:
            await ask_hub(order.keep, state)
            kept = state


def _follow(spawner: Any, order: Order) -> asyncio.Task[None]:
    async def follow() -> None:
        try:
            await pour(spawner.progress(), order.tell)
        except Exception as error:
            logger.warning("the progress of %s cannot be told: %r", spawner._log_name, error)

    return asyncio.create_task(follow(), name=f"progress of {spawner._log_name}")


async def _stop_after_all(spawner: Any) -> None:
    try:
        await maybe_future(spawner.stop())
    except Exception as error:
        logger.warning(
            "%s: what a start that was called off had begun cannot be ended: %r", spawner._log_name, error
        )


@contextmanager
def _written_to(spawner: Any, path: str) -> Iterator[None]:
    """Processes of this machine write to a file of theirs, unless the configuration says where: no path, no change."""
    if not path:
        yield
        return
    output = output_file.open_for_writing(path, None)
    usual = spawner.popen_kwargs
    kept_apart = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
    spawner.popen_kwargs = {**kept_apart, **usual}
    try:
        yield
    finally:
        spawner.popen_kwargs = usual
        os.close(output)
