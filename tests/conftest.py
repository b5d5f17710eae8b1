"""A hub in memory: the real store, actors and application, the simulated spawner, no sockets and no threads."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from quart_trio import QuartTrio

from core import token
from core.events.file.store import EventStore
from core.events.file.writer import Writer
from core.settings import AuthenticatorSettings, HubSettings, ServiceSettings, Settings
from spawners.simulated import SimulatedBackend, SimulatedSettings, SimulatedSpawner
from tests.effort import choose_profile
from tests.made_once import compile_templates_once, log_in_memory
from tests.unit.web.openapi import openapi_check
from web.app.app import build_app
from web.hub.hub import Hub
from web.main import open_hub

pytest_plugins = ["tests.engines.leaks", "tests.engines.fixtures", "tests.engines.world_page"]

SECRET = bytes(range(32))
ADMIN_TOKEN = "admin-token-of-the-tests"  # of alice, an administrator
SERVICE_TOKEN = "service-token-of-the-tests"  # of a service that may do everything

choose_profile()
compile_templates_once()
SLOW_ROUNDS, token.SLOW_ROUNDS = token.SLOW_ROUNDS, 1  # every hub in memory is given these two anew


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the world is slow."""
    for item in items:
        if item.get_closest_marker("world"):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """All that was imported stays: no collection needs to look at it again."""
    gc.collect()
    gc.freeze()


class Client(httpx.AsyncClient):
    """Speaks to the hub in memory, below /hub/api, with a token unless told otherwise.

    Every answer is held against the OpenAPI document.
    """

    def __init__(self, hub: Hub, token: str | None, app: QuartTrio | None = None) -> None:
        self.app = app or build_app(hub)
        super().__init__(
            transport=httpx.ASGITransport(self.app),
            base_url="http://hub.test/hub/api",
            headers={"Authorization": f"token {token}"} if token else {},
            event_hooks={"response": [self._check]},
        )
        self.hub = hub

    async def _check(self, response: httpx.Response) -> None:
        await openapi_check.check(self.app, self.hub.base_url, response)

    def with_token(self, token: str | None) -> Client:
        return Client(self.hub, token, self.app)


def settings_for_tests(**hub: Any) -> Settings:
    defaults: dict[str, Any] = {
        "spawner_class": "simulated",
        "authenticator_class": "dummy",
        "allow_named_servers": True,
        "api_tokens": {ADMIN_TOKEN: "alice"},
        "services": [ServiceSettings("ops", api_token=SERVICE_TOKEN)],
        "load_roles": [
            {"name": "ops", "services": ["ops"], "scopes": ["admin:users", "admin:servers", "tokens"]}
        ],
    }
    return Settings(
        hub=HubSettings(**{**defaults, **hub}),
        authenticator=AuthenticatorSettings(admin_users={"alice"}, allow_all=True),
    )


@asynccontextmanager
async def hub_in_memory(
    settings: Settings | None = None,
    *,
    store: EventStore | None = None,
    backend: SimulatedBackend | None = None,
    services: SimulatedBackend | None = None,
    engines: Mapping[str, SimulatedBackend] | None = None,
) -> AsyncIterator[Hub]:
    """A hub that lives. Give the `store` and the `backend` of an earlier one to have it restarted.

    `services`: where managed services run; without it nobody looks after them. `engines`: others besides the main one.
    """
    chosen = settings or settings_for_tests()
    kept = store or log_in_memory()
    spawner = SimulatedSpawner(SimulatedSettings(), backend)
    service_spawner = SimulatedSpawner(SimulatedSettings(), services) if services else None
    others = {name: SimulatedSpawner(SimulatedSettings(), one) for name, one in (engines or {}).items()}
    try:
        async with open_hub(
            chosen,
            store=kept,
            secret=SECRET,
            spawner=spawner,
            others=lambda _: others,
            service_spawner=service_spawner,
        ) as hub:
            yield hub
    finally:
        if store is None:
            kept.close()


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with hub_in_memory() as hub:
        yield hub


@pytest.fixture(autouse=True)
def nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes the stores and logs that a test leaves open: one that fails leaves them so, too."""
    opened: list[EventStore | Writer] = []

    def remember(kind: type[EventStore] | type[Writer]) -> None:
        make = kind.__init__

        def make_and_remember(self: EventStore | Writer, *args: Any, **kwargs: Any) -> None:
            make(self, *args, **kwargs)
            opened.append(self)

        monkeypatch.setattr(kind, "__init__", make_and_remember)

    remember(EventStore)
    remember(Writer)
    yield
    for one in opened:
        one.close()


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[Client]:
    """An administrator's client."""
    async with Client(hub, ADMIN_TOKEN) as client:
        yield client


HubFactory = Callable[..., AbstractAsyncContextManager[Hub]]
