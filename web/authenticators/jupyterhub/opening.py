"""Begins the thread of plug-ins, and ends it with the hub. Imported by hubs whose configuration asks for it alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec
import trio
from msgspec import Struct
from msgspec.structs import fields, replace
from traitlets.config import Config

from core.errors import HubError
from core.secrets.scrubbing import scrubbed
from core.secrets.secret_file import derive
from core.settings import (
    AuthenticatorSettings,
    ConfigError,
    PluginAuthenticatorSettings,
    PluginSettings,
    Settings,
)
from web.authenticators.jupyterhub.asking import HubSide, Traits
from web.authenticators.jupyterhub.authenticator import (
    JupyterHubAuthenticator,
    PluginPages,
    RefreshingJupyterHubAuthenticator,
)
from web.authenticators.jupyterhub.in_thread import OfTheHub, World
from web.authenticators.jupyterhub.plan import Plan
from web.authenticators.jupyterhub.thread import PluginThread

MEMORY = ":memory:"
_SETTINGS = "the authenticator's settings"


class Opened(Struct, frozen=True):
    """`authenticator`: None where the hub's own is in use. `traits`: as it was made with."""

    traits: Traits
    authenticator: JupyterHubAuthenticator | None
    pages: PluginPages
    thread: PluginThread

    def as_made(self, settings: Settings) -> Settings:
        """With the authenticator's traits as the class and the configuration have them. Raises ConfigError."""
        return settings if self.authenticator is None else with_traits(settings, self.traits.values)

    async def as_configured(self, given: Settings) -> Settings:
        """The same of a configuration that is read anew. Raises ConfigError."""
        if not isinstance(given.authenticator, PluginAuthenticatorSettings):
            return given
        plugin = given.authenticator.plugin
        with _refusing(plugin.kind):
            values = await self.thread.call(World.values_of, plugin.kind, plugin.config, what=_SETTINGS)
        return with_traits(given, values)


@asynccontextmanager
async def open_plugins(
    settings: Settings, hub: HubSide, secret: bytes, loaders: list[Any], log: str
) -> AsyncIterator[Opened]:
    """`log`: where the hub's log is. Raises ConfigError where the class cannot be made with this configuration."""
    plan = _plan(settings, hub, secret, loaders, log)
    thread = PluginThread(plan, within=settings.callboard.hook_timeout)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(thread.run)
        with _refusing(plan.kind):
            traits = await thread.call(World.traits, what="the authenticator's beginning")
        pages = PluginPages(thread, traits)
        kind = RefreshingJupyterHubAuthenticator if traits.refreshes else JupyterHubAuthenticator
        is_in_use = isinstance(settings.authenticator, PluginAuthenticatorSettings)
        yield Opened(traits, kind(thread, traits) if is_in_use else None, pages, thread)
        nursery.cancel_scope.cancel()


def _plan(settings: Settings, hub: HubSide, secret: bytes, loaders: list[Any], log: str) -> Plan:
    login, of_hub = settings.authenticator, settings.hub
    given = login.plugin if isinstance(login, PluginAuthenticatorSettings) else PluginSettings()
    return Plan(
        kind=given.kind or OfTheHub,
        config=given.config or Config(),
        hub=hub,
        base_url=of_hub.base_url,
        database=MEMORY if log == MEMORY else f"{log}-plugins",
        cookie_secret=derive(secret, "plugins' cookies"),
        loaders=loaders,
        extra_handlers=of_hub.extra_handlers,
        settings=_tornado_settings(settings),
    )


def _tornado_settings(settings: Settings) -> dict[str, Any]:
    """What handlers look up of the configuration. Source of the names: JupyterHub 6.1.1."""
    hub = settings.hub
    return {
        "cookie_max_age_days": hub.cookie_max_age_days,
        "cookie_options": hub.tornado_settings.cookie_options,
        "default_url": hub.default_url,
        "redirect_to_server": hub.redirect_to_server,
        "allow_named_servers": hub.allow_named_servers,
        "named_server_limit_per_user": hub.named_server_limit_per_user,
        "default_server_name": hub.default_server_name,
        "subdomain_host": hub.subdomain_host,
        "domain": hub.subdomain_host.partition("://")[2],
        "admin_access": hub.admin_access,
        "template_path": hub.template_paths,
    }


def with_traits(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """What is common to all ways to log in as this one has it. Raises ConfigError for what is of no use to the hub."""
    types = {field.name: field.type for field in fields(AuthenticatorSettings)}
    changes = {}
    for name, value in values.items():
        try:
            changes[name] = msgspec.convert(value, types[name], strict=False)
        except msgspec.ValidationError as error:
            raise ConfigError(f"c.Authenticator.{name}: {error}") from error
    return replace(settings, authenticator=replace(settings.authenticator, **changes))


@contextmanager
def _refusing(kind: type[Any]) -> Iterator[None]:
    """Raises ConfigError, in one line, for whatever the class does when it is made."""
    try:
        yield
    except ConfigError:
        raise
    except HubError as error:
        raise ConfigError(f"{kind.__name__}: {error.message}") from error
    except Exception as error:
        raise ConfigError(f"{kind.__name__}: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return scrubbed(" ".join(f"{type(error).__name__}: {error}".split()))[:500]
