"""One log, one backend, and the hubs that live on them: restarted, or told to read another configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import trio
from msgspec.structs import replace

import projections
from core.events.file.store import EventStore
from core.settings import Settings
from projections import ALL, users
from projections.rebuild import drift
from projections.servers import servers
from projections.users import UserRow
from spawners.simulated import SimulatedBackend
from tests.conftest import ADMIN_TOKEN, SECRET, Client, hub_in_memory, settings_for_tests
from web.hub.hub import Hub
from web.lifecycle.reload import Reloader

How = Literal["restart", "reload"]


class Lives:
    hub: Hub
    admin: Client

    def __init__(self) -> None:
        self._store = EventStore(":memory:", projections.ALL, threaded=False)
        self._backend = SimulatedBackend()
        self._life = AsyncExitStack()

    async def begin(self, settings: Settings) -> None:
        """Ends the life before this one, if there was any."""
        await self._life.aclose()
        self.hub = await self._life.enter_async_context(
            hub_in_memory(settings, store=self._store, backend=self._backend)
        )
        self.admin = await self._life.enter_async_context(Client(self.hub, ADMIN_TOKEN))

    async def change(self, settings: Settings, how: How) -> None:
        if how == "restart":
            await self.begin(settings)
        else:
            found = await Reloader(self.hub, lambda: (settings, []), SECRET).reload()
            assert found.waiting == []

    async def end(self) -> None:
        await self._life.aclose()
        left = drift(self._store.db, ALL)
        self._store.close()
        assert left == []

    # --- what there is ---

    def user(self, name: str) -> UserRow:
        row = users.by_name(self.hub.store.db, name)
        assert row is not None, name
        return row

    def states(self, name: str) -> set[str]:
        """Of all servers of this user."""
        return {server.state for server in servers.of_user(self.hub.store.db, self.user(name).id)}

    def alive(self) -> list[str]:
        """The attempts that run."""
        known = self._backend._servers.items()
        return [spawn_id for spawn_id, server in known if not self._backend.has_ended(server)]

    async def wait_all(self, name: str, state: str) -> None:
        with trio.fail_after(5):
            while self.states(name) != {state}:
                await self.hub.store.wait_any()

    async def token_of(self, name: str, *scopes: str) -> str:
        asked = {"scopes": list(scopes)} if scopes else {}
        answer = await self.admin.post(f"/users/{name}/tokens", json=asked)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token


@asynccontextmanager
async def lives(settings: Settings) -> AsyncIterator[Lives]:
    world = Lives()
    await world.begin(settings)
    try:
        yield world
    finally:
        await world.end()


def configured(*, blocked: set[str] | None = None, **hub: Any) -> Settings:
    settings = settings_for_tests(**hub)
    login = replace(settings.authenticator, blocked_users=blocked or set())
    return replace(settings, authenticator=login)
