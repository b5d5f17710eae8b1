"""A hub in memory that logs people in by a class of JupyterHub's kind, as a configuration file would name it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace
from traitlets.config import Config

from core.events.file.store import EventStore
from core.settings import CryptSettings, PluginAuthenticatorSettings, PluginSettings, Settings
from spawners.simulated import SimulatedBackend
from tests.conftest import hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser
from web.hub.hub import Hub

KEYS = CryptSettings(keys=["11" * 32])


def settings_with(kind: type | None, traits: dict[str, Any] | None = None, **hub: Any) -> Settings:
    """`traits`: of the class, or by class where the keys are names of classes. `hub`: of `c.JupyterHub`."""
    settings = replace(settings_for_tests(**hub), crypt=KEYS)
    if kind is None:
        return settings
    given = traits or {}
    by_class = given if any(key[:1].isupper() for key in given) else {kind.__name__: given}
    full = {
        f"{section}.{name}": value for section, values in by_class.items() for name, value in values.items()
    }
    plugin = PluginSettings(kind, Config(by_class), full)
    return replace(settings, authenticator=PluginAuthenticatorSettings(plugin=plugin))


@asynccontextmanager
async def hub_with(
    kind: type | None,
    traits: dict[str, Any] | None = None,
    *,
    store: EventStore | None = None,
    backend: SimulatedBackend | None = None,
    **hub: Any,
) -> AsyncIterator[Hub]:
    async with hub_in_memory(settings_with(kind, traits, **hub), store=store, backend=backend) as found:
        yield found


async def page(browser: Browser, path: str) -> str:
    """What somebody sees who goes there."""
    answer = await browser.get(path, headers=NAVIGATES)
    assert answer.status_code == 200, answer.text
    return answer.text
