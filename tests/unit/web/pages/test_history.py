"""Histories: whose one may see, and how things were at a moment of them."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from core.events import codec
from tests.conftest import Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from tests.unit.web.pages.html import Element, shown
from web.hub.hub import Hub
from web.presentation.templates_found import OURS


async def events(client: Client, user: str, kind: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/users/{user}/events", params={"type": kind, "limit": 100})
    return list(answer.json()["items"])


def servers_then(page: Element) -> dict[str, str]:
    lines = page.one(id_="then").one("ul", class_="servers").all("li")
    return {
        line.one("span", class_="name").text: line.one("span", class_="state-text").text for line in lines
    }


async def test_people_see_their_own_and_no_others(hub: Hub, client: Client) -> None:
    bob = await logged_in(hub, "bob")
    page = await shown(bob, "/hub/history")
    assert page.one(id_="history")["data-url"] == "/hub/api/users/bob/events"
    assert page.one(id_="history")["data-position"] == str(hub.store.head)
    assert "/hub/history" in (await bob.get("/hub/home", headers=NAVIGATES)).text
    for path in ("/hub/admin/users/bob", "/hub/admin/users/alice", "/hub/admin/history"):
        await shown(bob, path, 403)
    await bob.aclose()


async def test_administrators_see_that_of_anybody_and_of_all(hub: Hub, client: Client) -> None:
    await client.post("/users/bob")
    alice = await logged_in(hub)
    assert (await shown(alice, "/hub/admin/history")).one(id_="history")["data-url"] == "/hub/api/events"
    page = await shown(alice, "/hub/admin/users/bob")
    assert page.one("h1").text == "bob"
    assert page.one(id_="history")["data-url"] == "/hub/api/users/bob/events"
    await shown(alice, "/hub/admin/users/nobody", 404)
    await alice.aclose()


async def test_nobody_is_sent_to_log_in(hub: Hub) -> None:
    async with Browser(hub) as browser:
        for path in ("history", "admin/history", "admin/users/bob"):
            answer = await browser.get(f"/hub/{path}", headers=NAVIGATES)
            assert answer.headers["location"].startswith("/hub/login?next=")


async def test_a_moment_shows_how_things_were_then(hub: Hub, client: Client, autojump_clock: object) -> None:
    await client.post("/users/bob")
    await client.post("/users/bob/server", json={"image": "small", "password": "hush"})
    await client.post("/users/bob/servers/lab", json={"simulate": {"fail": "no room"}})
    await client.delete("/users/bob/server")
    await client.patch("/users/bob", json={"name": "robert", "admin": True})
    alice = await logged_in(hub)

    async def at(kind: str) -> Element:
        (event, *_) = await events(client, "robert", kind)
        return await shown(alice, f"/hub/admin/users/robert?at={event['position']}")

    assert servers_then(await at("user.created")) == {"default server": "Stopped"}
    ready = await at("server.ready")
    assert servers_then(ready) == {"default server": "Running"}
    text = ready.one(id_="then").text
    assert "bob was a user with 1 server." in text
    assert "started by alice" in text
    assert "image: small" in text
    assert "hush" not in text
    failed = await at("server.spawn-failed")
    assert servers_then(failed) == {"default server": "Running", "lab": "Failed"}
    assert "no room" in failed.one(id_="then").text
    assert servers_then(await at("server.stop-requested"))["default server"] == "Stopping"
    granted = (await at("user.admin-granted")).one(id_="then").text
    assert "robert was an administrator" in granted
    await alice.aclose()


async def test_a_moment_may_be_a_time(hub: Hub, client: Client, autojump_clock: object) -> None:
    await client.post("/users/bob")
    await client.post("/users/bob/server")
    await trio.sleep(1)
    (ready,) = await events(client, "bob", "server.ready")
    alice = await logged_in(hub)
    page = await shown(alice, f"/hub/admin/users/bob?at={ready['at']}")
    assert page.one(id_="history")["data-at"] == str(ready["position"])
    assert servers_then(page) == {"default server": "Running"}
    assert servers_then(await shown(alice, "/hub/admin/users/bob?at=9999-12-31")) == {
        "default server": "Running"
    }
    assert servers_then(await shown(alice, f"/hub/admin/users/bob?at={'9' * 18}")) == {
        "default server": "Running"
    }
    before = await shown(alice, "/hub/admin/users/bob?at=1")
    assert "bob was not there at that moment" in before.one(id_="then").text
    assert not (await shown(alice, "/hub/admin/users/bob?at=1999-01-01")).one(id_="then").text
    await shown(alice, "/hub/admin/users/bob?at=once", 400)
    await alice.aclose()


async def test_many_starts_do_not_change_what_a_moment_shows(
    hub: Hub, client: Client, autojump_clock: object
) -> None:
    await client.post("/users/bob")
    for _ in range(60):
        await client.post("/users/bob/server")
        await client.delete("/users/bob/server")
    ready = await events(client, "bob", "server.ready")
    alice = await logged_in(hub)
    page = await shown(alice, f"/hub/admin/users/bob?at={ready[-1]['position']}")
    assert servers_then(page) == {"default server": "Running"}
    await alice.aclose()


@pytest.mark.parametrize("path", ["/hub/admin/users/bob", "/hub/admin/history"])
async def test_what_the_address_says_is_shown_as_text(hub: Hub, client: Client, path: str) -> None:
    await client.post("/users/bob")
    alice = await logged_in(hub)
    answer = await alice.get(f"{path}?user=<script>alert(1)</script>&server=%22><b>&at=", headers=NAVIGATES)
    assert answer.status_code == 200
    assert "alert(1)" not in answer.text
    assert "<b>" not in answer.text
    assert "unsafe" not in answer.headers["content-security-policy"]
    await alice.aclose()


async def test_what_one_may_not_read_is_not_shown_at_a_moment_either() -> None:
    watchers = {"name": "watchers", "users": ["bob"], "scopes": ["admin-ui", "list:users"]}
    async with hub_in_memory(settings_for_tests(load_roles=[watchers])) as hub:
        bob = await logged_in(hub, "bob")
        head = hub.store.head
        assert not (await shown(bob, f"/hub/admin/users/alice?at={head}")).all("ul", class_="servers")
        assert servers_then(await shown(bob, f"/hub/history?at={head}")) == {"default server": "Stopped"}
        await bob.aclose()


def test_every_event_can_be_told_in_words() -> None:
    words = (OURS.parent / "static/js/happened.js").read_text()
    missing = [tag for tag in codec.FIELDS if f'"{tag}":' not in words]
    assert not missing, f"say in web/presentation/static/js/happened.js what {', '.join(missing)} means"
