"""With the disk full, what only takes away goes through, whichever part of the hub records it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import projections
from core.events.file import room
from core.events.file.store import EventStore
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory
from tests.logs import FullDisk
from tests.unit.web.pages.browser import Browser, logged_in
from web.request.routing import ROUTES


class Loss(NamedTuple):
    """A request that takes something away. `route`: the path as it is declared."""

    route: str
    method: str
    path: str
    body: Any = None


JOB = {"act": "stop", "users": ["bob"], "due": "2126-12-01T08:00:00Z"}
TAKEN = (
    Loss("/proxy/<rest:path>", "DELETE", "/proxy/extra"),
    Loss("/users/<user>/tokens/<token>", "DELETE", "/users/bob/tokens/TOKEN"),
    Loss("/jobs/<job>", "DELETE", "/jobs/JOB"),
    Loss("/groups/<group>/users", "DELETE", "/groups/crew/users", {"users": ["bob"]}),
    Loss("/groups/<group>", "DELETE", "/groups/crew"),
    Loss("/services/<service>", "DELETE", "/services/mine"),
    Loss("/shares/<user>/<maybe:server>", "DELETE", "/shares/bob/lab"),
    Loss("/share-codes/<user>/<maybe:server>", "DELETE", "/share-codes/bob/lab"),
    Loss("/users/<user>/shared/<owner>/<maybe:name>", "DELETE", "/users/carol/shared/bob/lab"),
    Loss("/groups/<group>/shared/<owner>/<maybe:name>", "DELETE", "/groups/crew/shared/bob/lab"),
    Loss("/users/<user>/servers/<maybe:server>", "DELETE", "/users/bob/servers/lab"),
    Loss("/users/<user>/servers/<maybe:server>", "DELETE", "/users/bob/servers/lab", {"remove": True}),
    Loss("/users/<user>/server", "DELETE", "/users/bob/server"),
    Loss("/users/<user>/<server>", "DELETE", "/users/bob/lab"),
    Loss("/users/<user>", "DELETE", "/users/bob"),
    Loss("/users/<user>", "PATCH", "/users/carol", {"admin": False}),
    Loss(
        "/shares/<user>/<maybe:server>",
        "PATCH",
        "/shares/bob/lab",
        {"user": "carol", "scopes": ["read:servers!server=bob/lab"]},
    ),
)
GIVEN = (
    Loss("/users/<user>", "POST", "/users/dave"),
    Loss("/users/<user>", "PATCH", "/users/bob", {"admin": True}),
    Loss("/users/<user>/tokens", "POST", "/users/bob/tokens", {}),
    Loss("/groups/<group>/users", "POST", "/groups/crew/users", {"users": ["carol"]}),
    Loss("/users/<user>/servers/<maybe:server>", "POST", "/users/carol/servers/new"),
    Loss("/jobs", "POST", "/jobs", JOB),
)


class World:
    """A hub with something of everything, whose disk has no room but that of the ballast."""

    def __init__(self, admin: Client, browser: Browser, ids: dict[str, str]) -> None:
        """`ids`: what stands in a path for what the hub has named, and its name."""
        self.admin = admin
        self.browser = browser
        self._ids = ids

    async def send(self, loss: Loss, **headers: str) -> int:
        answer = await self.admin.request(loss.method, self._path(loss), json=loss.body, headers=headers)
        return answer.status_code

    async def read(self, loss: Loss) -> Any:
        return (await self.admin.get(self._path(loss))).json()

    def _path(self, loss: Loss) -> str:
        return "/".join(self._ids.get(part, part) for part in loss.path.split("/"))


@pytest.fixture
async def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    log = str(tmp_path / "log")
    disk = FullDisk(log)
    store = EventStore(log, projections.ALL, threaded=False, connect=disk.connect)
    async with hub_in_memory(store=store) as hub:
        admin = Client(hub, ADMIN_TOKEN)
        await admin.post("/users", json={"usernames": ["bob"]})
        await admin.post("/users", json={"usernames": ["carol"], "admin": True})
        for name in ("servers/lab", "server"):
            assert (await admin.post(f"/users/bob/{name}", json={})).status_code in (201, 202)
        ids = {
            "TOKEN": (await admin.post("/users/bob/tokens", json={})).json()["id"],
            "JOB": (await admin.post("/jobs", json=JOB)).json()["id"],
        }
        share = {"scopes": ["access:servers", "read:servers"]}
        for path, body in {
            "/proxy": {"path": "/extra/", "target": "http://127.0.0.1:9"},
            "/groups/crew": {"users": ["bob"]},
            "/services/mine": {"api_token": "token-of-my-service"},
            "/shares/bob/lab": {"user": "carol", **share},
            "/share-codes/bob/lab": {},
        }.items():
            assert (await admin.post(path, json=body)).is_success, path
        assert (await admin.post("/shares/bob/lab", json={"group": "crew", **share})).is_success
        world = World(admin, await logged_in(hub, "carol", admin.app), ids)
        disk.fill()
        monkeypatch.setattr(room, "has_room", lambda _: False)
        yield world
    store.close()


@pytest.mark.parametrize("loss", TAKEN, ids=lambda loss: f"{loss.method} {loss.path} {loss.body or ''}")
async def test_what_only_takes_away_goes_through(full: World, loss: Loss, autojump_clock: object) -> None:
    head = full.admin.hub.store.head
    assert await full.send(loss) in (200, 202, 204)
    assert full.admin.hub.store.head > head, "something was recorded"


@pytest.mark.parametrize("loss", TAKEN, ids=lambda loss: f"{loss.method} {loss.path} {loss.body or ''}")
async def test_so_it_does_under_a_key(full: World, loss: Loss, autojump_clock: object) -> None:
    for _ in range(2):  # what was recorded with it is repeated, be the final answer kept or not
        assert await full.send(loss, **{"Idempotency-Key": "k"}) in (200, 202, 204)


@pytest.mark.parametrize("gift", GIVEN, ids=lambda gift: f"{gift.method} {gift.path}")
async def test_what_gives_is_refused(full: World, gift: Loss) -> None:
    head = full.admin.hub.store.head
    assert await full.send(gift) == 503
    assert full.admin.hub.store.head == head


async def test_every_route_that_deletes_is_tried(full: World) -> None:
    declared = {
        route.path
        for endpoint, route in full.admin.app.extensions[ROUTES].items()
        if route.method == "DELETE" and "/api" in endpoint
    }
    tried = {loss.route for loss in TAKEN if loss.method == "DELETE"}
    assert declared - tried == set()


async def test_a_job_is_cancelled_for_good(full: World) -> None:
    job = Loss("/jobs/<job>", "DELETE", "/jobs/JOB")
    assert (await full.read(job))["state"] == "waiting"
    assert await full.send(job) == 204
    assert (await full.read(job))["state"] == "cancelled"


async def test_a_session_ends(full: World) -> None:
    cookies = dict(full.browser.cookies)
    assert (await full.browser.get("/hub/home")).status_code == 200
    assert (await full.browser.get("/hub/logout")).status_code in (200, 302)
    full.browser.cookies.update(cookies)
    assert (await full.browser.get("/hub/home")).status_code == 302, "who kept the cookie is not let in"
