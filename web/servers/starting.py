"""A start: asked for, and waited for. An HTTP request may ask, or a timer."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import trio
from msgspec.structs import replace

from core.actors.engines.engines import Engines
from core.actors.servers.endings import as_error
from core.actors.servers.server import ServerActor
from core.actors.servers.spawn_turns import SpawnTurns
from core.actors.servers.supervisor import Supervisor
from core.errors import HubError, SpawnError, UnavailableError
from core.events.file.writer import IdempotencyRecord
from core.events.record import By
from core.plugins.profiles import profile_named
from core.server import Checking, Queued, Server, Spawning, Start, Stopped, Stopping
from core.settings import Settings
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.login.refresh import LoginRefresh
from web.login.request_facts import RequestFacts
from web.servers.waiting import in_time
from web.starts.launch import Launch


class Started(NamedTuple):
    """`spawn_id`: None where a start was under way already."""

    actor: ServerActor
    spawn_id: str | None


class Starting:
    """`settings`: as they are now. `is_ending`: whether the servers are about to be stopped. `closed`: the hub is."""

    def __init__(
        self,
        servers: Supervisor,
        engines: Engines,
        launch: Launch,
        turns: SpawnTurns,
        refresh: LoginRefresh,
        settings: Callable[[], Settings],
        *,
        is_ending: Callable[[], bool],
        closed: trio.Event,
    ) -> None:
        self._servers = servers
        self._engines = engines
        self._launch = launch
        self._turns = turns
        self._refresh = refresh
        self._settings = settings
        self._is_ending = is_ending
        self._closed = closed

    async def begin(
        self,
        owner: UserRow,
        server: ServerRow,
        user_options: dict[str, Any] | None = None,
        *,
        by: By,
        idempotency: IdempotencyRecord | None = None,
        request: RequestFacts | None = None,
    ) -> Started:
        """Ask for a start. `user_options`: None for those of the last one."""
        if self._is_ending():
            raise UnavailableError("The hub is shutting down.")
        if self._settings().authenticator.refresh_pre_spawn:
            await self._refresh.check_before(owner, by=by, request=request)
        await self._servers.look(server.id)  # as in JupyterHub, a start notices that a server has died
        command = await self._launch.command(owner, server, user_options)
        actor = self._servers.actor(server.id)
        if request is not None:
            self._launch.remember(command.spawn_id, request.view)
        try:
            spawn_id = await self._ask(actor, command, by, idempotency)
        except HubError:
            self._launch.forget(command.spawn_id)
            raise
        if spawn_id == command.spawn_id:
            return Started(actor, spawn_id)
        self._launch.forget(command.spawn_id)
        return Started(actor, None)

    async def _ask(
        self, actor: ServerActor, command: Start, by: By, idempotency: IdempotencyRecord | None
    ) -> str:
        """The id of the start that is under way now."""
        if isinstance(actor.state, Stopped | Checking) and (
            silence := self._engines.named(command.engine).silence
        ):
            raise UnavailableError(f"{silence} Nothing can be started there now.")
        low, high = sorted(self._settings().hub.spawn_throttle_retry_range)
        stored = command.user_options is None and actor.state.user_options
        profile = profile_named(command.user_options or stored or {})
        with self._turns.acquire_slot(actor.state, random.randint(low, high), profile) as queued:  # noqa: S311
            state = await actor.ask(replace(command, queued=queued), by=by, idempotency=idempotency)
        assert isinstance(state, Queued | Spawning)
        return state.spawn_id

    @property
    def usual_wait(self) -> float:
        """How many seconds a caller waits who does not say."""
        return self._settings().hub.tornado_settings.slow_spawn_timeout

    async def wait_settled(self, started: Started, seconds: float) -> Server | None:
        """The state after the start; None where another was under way, or if it takes longer than so many seconds.

        Raises SpawnError where the start failed or was cancelled.
        """
        actor, spawn_id = started
        if spawn_id is None:
            return None

        def is_settled(state: Server) -> bool:
            return not isinstance(state, Queued | Spawning) or state.spawn_id != spawn_id

        if not await in_time(actor.wait_until(is_settled), seconds, unless=self._closed):
            return None
        state = actor.state
        if isinstance(state, Stopped) and state.failure is not None and state.failure.spawn_id == spawn_id:
            raise as_error(state.failure)
        if isinstance(state, Stopped | Stopping):
            raise SpawnError("The start was cancelled.")
        return state
