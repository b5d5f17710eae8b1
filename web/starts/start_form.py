"""What is filled in before a start: the form, and what its fields mean."""

from __future__ import annotations

from typing import Any, Protocol

from core.plugins.plugin_hub import FormData
from core.settings import SpawnerSettings
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.hook_views.handler import HandlerView
from web.hook_views.spawner import SpawnerView
from web.starts.plugin_starts import PluginStarts
from web.starts.spawn_hooks import SpawnHooks


class StartForm(Protocol):
    async def html(self) -> str:
        """`""` where there is nothing to fill in. Raises SpawnError."""

    async def more(self, data: FormData) -> str:
        """HTML, where these fields are but the first half of what is to be filled in. Raises SpawnError."""

    async def options(self, data: FormData, *, is_query: bool) -> dict[str, Any]:
        """What these fields stand for. `is_query`: they were in a URL. Raises FormError, InvalidError, SpawnError."""


class FormOfConfiguration:
    """`view`: what its functions are handed."""

    def __init__(self, hooks: SpawnHooks, settings: SpawnerSettings, view: SpawnerView) -> None:
        self._hooks = hooks
        self._settings = settings
        self._view = view

    async def html(self) -> str:
        return await self._hooks.form(self._view) if self._settings.form else ""

    async def more(self, data: FormData) -> str:
        del data
        return ""

    async def options(self, data: FormData, *, is_query: bool) -> dict[str, Any]:
        del is_query  # both are read alike
        return await self._hooks.options_from_form(self._view, data)


class FormOfPlugin:
    """Of a class of JupyterHub's kind."""

    def __init__(self, plugin: PluginStarts, owner: UserRow, server: ServerRow, handler: HandlerView) -> None:
        self._plugin = plugin
        self._owner = owner
        self._server = server
        self._handler = handler

    async def html(self) -> str:
        return await self._plugin.form(self._owner, self._server, self._handler)

    async def more(self, data: FormData) -> str:
        del data
        return ""

    async def options(self, data: FormData, *, is_query: bool) -> dict[str, Any]:
        return await self._plugin.options(self._owner, self._server, data, self._handler, is_query=is_query)
