"""The spawners of the configuration while no hub runs: what runs is taken in by them, or handed over to another hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import SpawnError
from core.events.file.store import EventStore
from core.plugins.plugin_hub import RunsOwnHooks
from core.plugins.profiles import engine_of
from core.plugins.spawner import Elsewhere, Spawner
from core.secrets.crypt import CryptKeeper
from core.settings import Settings, SpawnerSettings
from projections import engines
from projections.servers.servers import ServerRow
from spawners import make_engine
from web.sessions.auth_states import AuthStates
from web.site.addresses import connect_url
from web.site.hosts import Hosts
from web.starts.plugin_side import PluginSide
from web.starts.spawner_states import SpawnerStates


class SpawnersAtRest:
    """`directory`: of the files of attempts. `for_sure`: else it is only seen what could be taken in."""

    def __init__(
        self, settings: Settings, directory: Path, store: EventStore, secret: bytes, *, for_sure: bool
    ) -> None:
        self._db = store.db
        self._settings = settings
        self._directory = directory
        self._for_sure = for_sure
        self._side = PluginSide(
            store.db,
            settings,
            Hosts(settings.hub),
            connect_url(settings),
            AuthStates(store, CryptKeeper([]), enabled=False),
            SpawnerStates(store, secret),
        )
        self._made: dict[str, Spawner] = {}

    async def take(self, found: Elsewhere) -> None:
        """Raises SpawnError, in words, where it cannot be; UnreachableError where the engine cannot be asked."""
        await self._spawner(engine_of(self._settings, found.user_options)).take_in(
            found, for_sure=self._for_sure
        )

    def hand_over(self, server: ServerRow) -> dict[str, Any]:
        """Raises SpawnError, in words, where another hub cannot go on with it."""
        name = engines.engine_of(self._db, server.spawn_id) or self._settings.hub.spawner_class
        try:
            return self._spawner(name).hand_over(server.spawn_id)
        except OSError as error:
            raise SpawnError(f"it cannot be seen whether it runs: {error.strerror}") from error

    async def close(self) -> None:
        """End the threads of plug-ins."""
        for spawner in self._made.values():
            if (close := getattr(spawner, "close", None)) is not None:
                await close()

    def _spawner(self, name: str) -> Spawner:
        if name not in self._made:
            made = self._made[name] = make_engine(name, self._settings_of(name), self._directory)
            if isinstance(made, RunsOwnHooks):
                made.attach(self._side)
        return self._made[name]

    def _settings_of(self, name: str) -> SpawnerSettings:
        """The main spawner's, or those of a profile."""
        if name == self._settings.hub.spawner_class:
            return self._settings.spawner
        profiles = self._settings.callboard.spawner_profiles.values()
        found = [profile.engine_settings for profile in profiles if profile.spawner == name]
        if not found:
            raise SpawnError(f"the configuration names no spawner {name!r}")
        return found[0]
