"""What proxies are to have, of a real hub: the whole, what has changed, and what of theirs may yet be right."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.conftest import Client
from web.proxies.table import RouteTable, as_change


def table_of(client: Client) -> RouteTable:
    hub = client.hub
    return RouteTable(hub.store, hub.hosts, ("/", "http://127.0.0.1:8081"))


async def start(client: Client, user: str, **simulate: object) -> None:
    await client.post(f"/users/{user}")
    at_once = {"Prefer": "respond-async"} if simulate else {}
    answer = await client.post(f"/users/{user}/server", json={"simulate": simulate}, headers=at_once)
    assert answer.status_code == (202 if simulate else 201)


async def test_the_whole_and_the_changes_are_the_same(client: Client) -> None:
    table = table_of(client)
    position = table.head
    await start(client, "bob")
    await client.post("/services/web", json={"url": "http://127.0.0.1:7/x"})
    every = await table.every()
    assert next(iter(every)) == "/"
    assert every["/user/bob/"].data == {"user": "bob", "server_name": "", "jupyterhub": True}
    assert every["/services/web/"].target == "http://127.0.0.1:7"
    found = table.changes(position)
    assert found is not None
    to_set, to_remove = as_change(found[1])
    assert ({**table.hub(), **to_set}, to_remove) == (every, [])
    assert table.changes(found[0]) is None
    await client.delete("/services/web")
    assert as_change((table.changes(found[0]) or (0, {}))[1]) == ({}, ["/services/web/"])


async def test_what_was_being_started_when_the_hub_began_may_have_its_way_already(client: Client) -> None:
    await start(client, "bob", delay=50)
    await start(client, "carol")
    table = table_of(client)
    assert table.under_way() == {"/user/bob/"}
    await start(client, "dave", delay=50)
    assert table.under_way() == {"/user/bob/"}, "it was asked for later: what leads there is nobody's"
    await client.delete("/users/bob/server")
    assert table.under_way() == set()


async def test_use_becomes_activity(client: Client) -> None:
    await start(client, "bob")
    at = datetime(2024, 1, 1, tzinfo=UTC)
    hub = client.hub
    hub.activity.servers.clear()
    hub.activity.users.clear()
    table_of(client).note_use({"/user/bob/": at, "/": at, "/gone/": at}, hub.activity, hub.proxies)
    assert list(hub.activity.servers.values()) == list(hub.activity.users.values()) == [at]
    assert hub.proxies.seen == {"/": at}
