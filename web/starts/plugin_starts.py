"""The hooks and forms of a class of JupyterHub's kind, which has them itself: with deadlines, and errors for people."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio

from core.errors import HubError, SpawnError
from core.plugins.hook_errors import as_form_error, as_spawn_error, log_failure
from core.plugins.plugin_hub import FormData, RunsOwnHooks
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.starts.plugin_side import PluginSide

logger = logging.getLogger("callboard.hooks")

T = TypeVar("T")


class PluginStarts:
    """`timeout`: seconds for each."""

    def __init__(self, spawner: RunsOwnHooks, side: PluginSide, timeout: float) -> None:
        self._spawner = spawner
        self._side = side
        self._timeout = timeout

    async def form(self, owner: UserRow, server: ServerRow, handler: Any) -> str:
        """HTML; "" where there is none. Raises SpawnError."""
        facts = self._side.server(owner, server, None, handler)
        return await self._told("options_form", self._spawner.options_form(facts), as_spawn_error)

    async def options(
        self, owner: UserRow, server: ServerRow, data: FormData, handler: Any, *, is_query: bool
    ) -> dict[str, Any]:
        """Those that a sent form, or a query, stands for. Raises FormError, SpawnError."""
        facts = self._side.server(owner, server, {}, handler)
        read = self._spawner.options_from_query if is_query else self._spawner.options_from_form
        name = "options_from_query" if is_query else "options_from_form"
        return await self._told(name, read(facts, data), as_form_error)

    async def scopes(
        self, owner: UserRow, server: ServerRow, user_options: dict[str, Any] | None, trait: str
    ) -> list[str]:
        """Raises SpawnError."""
        facts = self._side.server(owner, server, user_options)
        return await self._told(trait, self._spawner.scopes(facts, trait), as_spawn_error)

    async def ready_event(self, server_id: str, event: dict[str, Any]) -> dict[str, Any]:
        """As it was, where the hook fails."""
        facts = self._side.server_of_id(server_id)
        if facts is None:
            return event
        try:
            return await self._told(
                "progress_ready_hook", self._spawner.ready_event(facts, event), as_spawn_error
            )
        except SpawnError:
            return event

    async def after_stop(self, server_id: str) -> None:
        """What fails here is logged, and hinders nothing."""
        facts = self._side.server_of_id(server_id)
        if facts is None:
            return
        try:
            await self._told("post_stop_hook", self._spawner.after_stop(facts), as_spawn_error)
        except SpawnError:
            return

    async def _told(self, name: str, called: Awaitable[T], as_error: Callable[[Exception], HubError]) -> T:
        with trio.move_on_after(self._timeout):
            try:
                return await called
            except Exception as error:
                log_failure(logger, name, error)
                raise as_error(error) from error
        logger.warning("%s did not end within %g seconds", name, self._timeout)
        raise SpawnError(f"{name} of this server did not end in time.", status=503)
