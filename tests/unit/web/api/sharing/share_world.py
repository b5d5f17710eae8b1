"""People to share with: bob has a server `lab`, carol and dave have nothing of his, dave and erin are students."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from core.events.file.store import Write
from core.events.group import GroupCreated, group_stream
from core.events.record import HUB
from core.naming.ids import new_id
from projections import ALL, users
from projections.rebuild import drift
from projections.servers import servers
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from web.hub.hub import Hub

PEOPLE = ("bob", "carol", "dave", "erin")
SHARERS = {
    "name": "sharers",
    "users": ["bob"],
    "scopes": ["shares!user", "read:users:name", "read:groups:name"],
}


class ShareWorld:
    def __init__(self, hub: Hub, admin: Client) -> None:
        self.hub = hub
        self.admin = admin

    async def as_user(self, name: str, *scopes: str) -> Client:
        """A client with a token of this user's, cut down to these scopes if there are any."""
        asked = {"scopes": list(scopes)} if scopes else {}
        answer = await self.admin.post(f"/users/{name}/tokens", json=asked)
        assert answer.status_code == 201, answer.text
        return self.admin.with_token(answer.json()["token"])

    async def share(self, server: str = "bob/lab", **body: Any) -> httpx.Response:
        return await self.admin.post(f"/shares/{server}", json=body)

    async def code(self, server: str = "bob/lab", **body: Any) -> dict[str, Any]:
        answer = await self.admin.post(f"/share-codes/{server}", json=body)
        assert answer.status_code == 200, answer.text
        model: dict[str, Any] = answer.json()
        return model

    async def scopes_of(self, name: str) -> list[str]:
        """What a whole token of this user's allows now, of things that are not the user's."""
        token = await self.admin.post(f"/users/{name}/tokens")
        return [scope for scope in token.json()["scopes"] if not scope.endswith(f"={name}")]

    def user_id(self, name: str) -> str:
        user = users.by_name(self.hub.store.db, name)
        assert user is not None
        return user.id

    def server_id(self, owner: str, name: str) -> str:
        server = servers.by_name(self.hub.store.db, self.user_id(owner), name)
        assert server is not None
        return server.id

    async def add_group(self, name: str, members: Sequence[str]) -> str:
        group_id = new_id("g")
        event = GroupCreated(name, tuple(self.user_id(member) for member in members))
        await self.hub.store.append(Write(group_stream(group_id), 0, [event]), by=HUB)
        return group_id

    async def members(self, method: str, *names: str, group: str = "students") -> None:
        """They join (`POST`) or leave (`DELETE`)."""
        answer = await self.admin.request(method, f"/groups/{group}/users", json={"users": list(names)})
        assert answer.status_code == 200, answer.text

    def check_projections(self) -> None:
        db = self.hub.store.db
        assert drift(db, ALL) == []


@asynccontextmanager
async def share_world(**settings: Any) -> AsyncIterator[ShareWorld]:
    chosen = settings_for_tests(**{"load_roles": [SHARERS], "services": [], **settings})
    async with hub_in_memory(chosen) as hub, Client(hub, ADMIN_TOKEN) as admin:
        world = ShareWorld(hub, admin)
        assert (await admin.post("/users", json={"usernames": list(PEOPLE)})).status_code == 201
        assert (await admin.put("/users/bob/servers/lab", json={})).status_code == 201
        await world.add_group("students", ["dave", "erin"])
        yield world
        world.check_projections()
