"""Plug-ins written for JupyterHub: begun before the hub is built, for their class has a say in its settings."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from core.asyncio_thread.host import Condition
from core.plugins.plugin_hub import RunsOwnHooks
from core.plugins.spawner import Spawner
from core.settings import ConfigError, PluginAuthenticatorSettings, Settings
from web.hub.hub_side import ThisHub
from web.presentation.templates_found import directories_of, loaders

if TYPE_CHECKING:
    from web.authenticators.jupyterhub.authenticator import JupyterHubAuthenticator, PluginPages
    from web.authenticators.jupyterhub.opening import Opened
    from web.hub.hub import Hub


class Plugins(Struct, frozen=True):
    """`authenticator`, `pages`: None where there is none of JupyterHub's kind."""

    hub: ThisHub | None = None
    opened: Opened | None = None

    @property
    def authenticator(self) -> JupyterHubAuthenticator | None:
        return self.opened.authenticator if self.opened else None

    @property
    def pages(self) -> PluginPages | None:
        return self.opened.pages if self.opened else None

    @property
    def paths(self) -> Sequence[str]:
        """Patterns of what their handlers serve."""
        return self.opened.pages.patterns if self.opened else ()

    def conditions(self, spawners: Iterable[Spawner]) -> dict[str, Condition]:
        """How the threads of plug-ins are, by what lives there."""
        found = {"authenticator": self.opened.thread.condition} if self.opened else {}
        for spawner in spawners:
            if isinstance(spawner, RunsOwnHooks):
                found["spawner"] = spawner.condition()
        return found

    @property
    def roles(self) -> Sequence[dict[str, Any]]:
        """That the authenticator knows before anybody has logged in."""
        return self.opened.traits.roles if self.opened else ()

    def as_made(self, settings: Settings) -> Settings:
        """What the hub is to be built with: a class of authenticator has defaults of its own. Raises ConfigError."""
        return settings if self.opened is None else self.opened.as_made(settings)

    async def as_configured(self, given: Settings) -> Settings:
        """A configuration read anew, with what its class of authenticator has by itself. Raises ConfigError."""
        return given if self.opened is None else await self.opened.as_configured(given)

    async def configure(self, settings: Settings) -> None:
        """Have the authenticator take what can change while it runs."""
        if self.opened is not None and self.opened.authenticator is not None:
            await self.opened.authenticator.configure(settings.authenticator)

    async def follow(self, hub: Hub) -> None:
        """Let them know of the hub, and of its users from here on."""
        if self.hub is not None and self.opened is not None:
            self.hub.attach(hub)
            await self.opened.thread.follow(hub.store)


@asynccontextmanager
async def plugins_of(settings: Settings, secret: bytes, log: str) -> AsyncIterator[Plugins]:
    """`log`: where the log is; what plug-ins keep is beside it. Raises ConfigError where they cannot be begun."""
    has_class = isinstance(settings.authenticator, PluginAuthenticatorSettings)
    if not has_class and not settings.hub.extra_handlers and not _have_brought_handlers():
        yield Plugins()
        return
    try:
        module = import_module("web.authenticators.jupyterhub.opening")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"classes and handlers of JupyterHub need the extra callboard[plugins] ({error.name} is not installed)"
        ) from error
    hub = ThisHub()
    found = loaders(directories_of(settings.hub))
    async with module.open_plugins(settings, hub, secret, found, log) as opened:
        yield Plugins(hub, opened)


def _have_brought_handlers() -> bool:
    """Whether a plug-in that is loaded has added some to JupyterHub's own; which is not loaded for that."""
    loaded = sys.modules.get("jupyterhub.apihandlers")
    return any(
        not handler.__module__.startswith("jupyterhub.")
        for _, handler, *_ in getattr(loaded, "default_handlers", ())
    )
