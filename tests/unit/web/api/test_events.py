"""The log over HTTP: from any position, live, as pages; to everybody what they may see."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from core.events import Event
from tests.conftest import Client
from tests.live import LiveStream, check_documented, live
from tests.unit.web.api.rights_world import group, token_of, users
from web.history.event_rules import KNOWN
from web.hub.hub import Hub


async def page(client: Client, path: str = "/events", **arguments: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params={"limit": 200, **arguments})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


async def settled(stream: LiveStream) -> list[dict[str, Any]]:
    await wait_all_tasks_blocked()
    return [one.data for one in stream.now()]


def test_every_event_has_a_rule() -> None:
    missing = {kind.__name__ for kind in set(get_args(Event)) - KNOWN}
    assert not missing, f"say in web/history/event_rules.py who may see {', '.join(sorted(missing))}"


async def test_an_event_tells_who_did_what_to_whom(client: Client) -> None:
    await users(client, "bob")
    answer = await client.post("/users/bob/servers/lab", json={"image": "x", "password": "hush"})
    events = await page(client, user="bob", type="server")
    requested = next(event for event in events if event["type"] == "server.spawn-requested")
    assert requested["by"] == {"kind": "user", "name": "alice"}
    assert (requested["user"], requested["server"], requested["group"]) == ("bob", "lab", None)
    assert requested["request"] == answer.headers["X-Request-Id"]
    assert requested["data"]["user_options"] == {"image": "x", "password": "(hidden)"}
    assert "token_digest" not in json.dumps(events)


async def test_a_stream_begins_with_the_first_event_and_goes_on_live(hub: Hub, client: Client) -> None:
    async with live(client, "/events") as stream:
        before = await settled(stream)
        assert before[0]["type"] == "hub.started"
        assert stream.headers["content-type"] == "text/event-stream"
        await users(client, "bob")
        (created,) = await settled(stream)
        assert (created["type"], created["data"]) == ("user.created", {"name": "bob", "admin": False})
        assert stream.last_id == str(created["position"]) == str(hub.store.head)


async def test_a_stream_resumes_behind_any_event(client: Client) -> None:
    await users(client, "bob")
    await client.post("/users/bob/server")
    every = await page(client)
    for event in every:
        async with live(client, "/events", last_id=str(event["position"])) as stream:
            assert await settled(stream) == [one for one in every if one["position"] > event["position"]]
        async with live(client, f"/events?after={event['position']}") as stream:
            assert await settled(stream) == [one for one in every if one["position"] > event["position"]]


@pytest.mark.parametrize("position", ["-1", "x", "1.5", "9" * 19, "٣"])
async def test_a_nonsense_position_is_refused(client: Client, position: str) -> None:
    answer = await client.get("/events", params={"after": position})
    assert answer.status_code == 400
    assert "position" in answer.json()["message"]


async def test_a_position_beyond_the_head_is_of_another_log(hub: Hub, client: Client) -> None:
    head = hub.store.head
    answer = await client.get("/events", headers={"Last-Event-ID": str(head + 1)})
    assert answer.status_code == 409
    assert f"ends at position {head}" in answer.json()["message"]
    async with live(client, f"/events?after={head}") as stream:
        assert await settled(stream) == []
        assert stream.status == 200


async def test_filters_narrow_to_things_and_types(client: Client) -> None:
    await users(client, "bob", "carol")
    await group(client, "students", "bob")
    for name in ("bob", "carol"):
        await client.post(f"/users/{name}/servers/lab")
    assert {event["user"] for event in await page(client, user="bob", type="server")} == {"bob"}
    both = await page(client, user=["bob", "carol"], type=["user.created", "group"])
    assert types(both) == ["user.created", "user.created", "group.created"]
    assert types(await page(client, group="students")) == ["group.created"]
    of_server = await page(client, server="bob/lab")
    assert types(of_server)[:2] == ["user.server-added", "server.spawn-requested"]
    assert {event["server"] for event in of_server} == {"lab"}
    assert await page(client, server="bob/") == []
    assert await page(client, user="nobody") == []
    async with live(client, "/events?user=bob&type=server") as stream:
        await settled(stream)
        await client.delete("/users/carol/servers/lab")
        await client.delete("/users/bob/servers/lab")
        assert {event["user"] for event in await settled(stream)} == {"bob"}


async def test_what_was_done_with_a_token_is_found_by_its_id(client: Client) -> None:
    await users(client, "bob", "carol")
    made = (await client.post("/users/bob/tokens", json={"note": "laptop"})).json()
    with_it = client.with_token(made["token"])
    await with_it.post("/users/bob/servers/lab")
    await with_it.delete("/users/bob/servers/lab")
    await client.post("/users/bob/servers/other")
    found = await page(client, token=made["id"])
    assert types(found) == [
        "token.issued",
        "user.server-added",
        "server.spawn-requested",
        "server.stop-requested",
    ]
    assert types(await page(with_it, token=made["id"])) == types(found)
    reader = await token_of(client, "alice", "read:servers")
    assert types(await page(reader, token=made["id"])) == []  # they may not know whose token did what
    assert await page(client, token="no-such") == []


async def test_a_large_group_is_a_few_names_and_a_number(client: Client) -> None:
    many = [f"student-{number}" for number in range(30)]
    await users(client, *many)
    await group(client, "students", *many)
    (whole,) = await page(client, type="group")
    assert len(whole["data"]["users"]) == 30
    (short,) = await page(client, type="group", names=2)
    assert short["data"] == {**whole["data"], "users": whole["data"]["users"][:2], "more": 28}
    assert await page(client, type="group", names=30) == [whole]
    async with live(client, "/events?type=group&names=1") as stream:
        (told,) = await settled(stream)
        assert told["data"]["more"] == 29


async def test_a_role_has_a_history(client: Client) -> None:
    await users(client, "bob")
    await client.post("/groups/students", json={"users": ["bob"]})
    roles = types(await page(client, role="user"))
    assert roles
    assert set(roles) <= {"role.defined", "role.granted", "role.withdrawn", "role.removed"}
    assert await page(client, role="no-such") == []


async def test_a_filter_knows_names_of_the_past_and_the_future(client: Client) -> None:
    async with live(client, "/events?user=robert") as stream:
        assert await settled(stream) == []
        await users(client, "bob")
        await client.patch("/users/bob", json={"name": "robert"})
        await client.patch("/users/robert", json={"admin": True})
        assert [(event["type"], event["user"]) for event in await settled(stream)] == [
            ("user.renamed", "robert"),
            ("user.admin-granted", "robert"),
        ]
    assert [event["user"] for event in await page(client, user="bob")] == ["bob", "robert", "robert"]


@pytest.mark.parametrize("query", ["server=lab", "type=nonsense", "limit=x", "order=random&limit=1"])
async def test_what_makes_no_sense_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/events?{query}")).status_code == 400


async def test_pages_lead_from_one_to_the_next_in_either_order(client: Client) -> None:
    await users(client, *(f"user{number}" for number in range(10)))
    every = await page(client)
    for order, wanted in (("oldest", every), ("newest", every[::-1])):
        found: list[Any] = []
        url: str | None = f"/events?limit=3&order={order}"
        while url:
            answer = (await client.get(url)).json()
            found += answer["items"]
            assert len(answer["items"]) <= 3
            url = answer["next"] and answer["next"].partition("/hub/api")[2]
        assert found == wanted
    head = answer["head"]
    asked = await client.get("/events", headers={"Accept": "application/json"}, params={"after": head})
    assert asked.json() == {"items": [], "after": head, "head": head, "next": None}


async def test_people_see_their_own_history_and_not_who_did_it(client: Client) -> None:
    await users(client, "bob", "carol")
    bob = await token_of(client, "bob")
    await group(client, "students", "bob", "carol")
    await client.patch("/users/bob", json={"admin": True})
    await client.patch("/users/bob", json={"admin": False})
    events = await page(bob, "/users/bob/events")
    assert types(events) == [
        "user.created",
        "token.issued",
        "group.created",
        "user.admin-granted",
        "user.admin-revoked",
    ]
    assert {json.dumps(event["by"]) for event in events} == {'{"kind": "user", "name": null}'}
    joined = events[2]
    assert (joined["group"], joined["data"]) == ("students", {"properties": {}, "users": ["bob"]})
    assert (await bob.get("/users/carol/events")).status_code == 404
    assert await page(bob) == events
    assert (await client.get("/users/nobody/events")).status_code == 404
    async with live(bob, "/users/bob/events") as stream:
        assert await settled(stream) == events


async def test_tokens_shares_and_the_hub_need_scopes_of_their_own(client: Client) -> None:
    await users(client, "bob", "carol")
    await client.post("/users/bob/servers/lab")
    await client.post("/shares/bob/lab", json={"user": "carol"})
    await client.post("/share-codes/bob/lab")
    narrow = await token_of(client, "bob", "read:users:name!user=bob")
    assert types(await page(narrow)) == []
    assert "token.issued" in types(await page(await token_of(client, "bob", "read:tokens!user=bob")))
    carol = await token_of(client, "carol")
    (granted,) = await page(carol, type="share")
    assert granted["data"] == {"scopes": ["access:servers"], "users": ["carol"]}
    assert (granted["user"], granted["server"]) == ("bob", "lab")
    assert await page(carol, type=["hub", "route", "service", "role", "share-code"]) == []
    (code,) = await page(client, type="share-code")
    assert code["data"].keys() == {"scopes", "expires_at"}
    roles = await page(client, type="role.granted")
    assert all(event["role"] for event in roles)


async def test_rights_count_as_they_are_when_an_event_is_shown(client: Client) -> None:
    await users(client, "bob", "carol")
    await group(client, "students")
    reader = await token_of(client, "alice", "read:users!group=students", "read:tokens!user=bob")
    async with live(reader, "/events?type=user") as stream:
        assert await settled(stream) == []
        await client.patch("/users/carol", json={"admin": True})
        assert await settled(stream) == []
        await client.post("/groups/students/users", json={"users": ["carol"]})
        await settled(stream)
        await client.patch("/users/carol", json={"admin": False})
        assert types(await settled(stream)) == ["user.admin-revoked"]
        await client.request("DELETE", "/groups/students/users", json={"users": ["carol"]})
        await client.patch("/users/carol", json={"admin": True})
        assert await settled(stream) == []


async def test_nobody_inherits_the_history_of_a_name(client: Client) -> None:
    await users(client, "bob")
    await client.delete("/users/bob")
    reader = await token_of(client, "alice", "read:users!user=bob")
    assert "user.deleted" in types(await page(reader, type="user"))
    await users(client, "bob")
    assert types(await page(reader, type="user")) == ["user.created"]
    assert types(await page(client, user="bob", type="user.created")) == ["user.created"] * 2


async def test_the_stream_of_a_revoked_token_ends(client: Client) -> None:
    await users(client, "bob")
    answer = (await client.post("/users/bob/tokens")).json()
    bob = client.with_token(answer["token"])
    async with live(bob, "/events") as stream:
        await settled(stream)
        await client.delete(f"/users/bob/tokens/{answer['id']}")
        (ended,) = await stream.rest()
        assert ended.kind == "ended"
        assert ended.data["message"] == "Your credentials are no longer valid."
        check_documented("/events", [ended])


async def test_the_stream_of_an_expired_token_ends(
    client: Client, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await users(client, "bob")
    answer = (await client.post("/users/bob/tokens", json={"expires_in": 3600})).json()
    async with live(client.with_token(answer["token"]), "/events") as stream:
        await settled(stream)
        monkeypatch.setattr("web.rights.identity.is_valid", lambda *_: False)
        with trio.fail_after(10):
            (ended,) = await stream.rest()
        assert ended.kind == "ended"


async def test_comments_keep_a_quiet_stream_alive_and_say_how_far_it_is(
    hub: Hub, client: Client, autojump_clock: trio.testing.MockClock
) -> None:
    await users(client, "bob")
    bob = await token_of(client, "bob")
    async with live(bob, "/events") as stream:
        await settled(stream)
        await users(client, "carol")
        await trio.sleep(9)
        assert await settled(stream) == []
        assert b": keep-alive" in stream.raw
        assert stream.last_id == str(hub.store.head)


async def test_streams_end_with_the_hub(hub: Hub, client: Client) -> None:
    async with live(client, "/events") as stream:
        await settled(stream)
        hub.closed.set()
        assert await stream.rest() == []


async def test_the_hub_keeps_no_more_than_it_must_for_500_readers_one_of_them_slow(
    hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    await users(client, "bob")
    head = hub.store.head
    async with trio.open_nursery() as nursery, live(client, f"/events?after={head}", buffer=0) as slow:
        readers: list[LiveStream] = []

        async def read(task_status: trio.TaskStatus[None]) -> None:
            async with live(client, f"/events?after={head}&type=user") as stream:
                readers.append(stream)
                task_status.started()
                await trio.sleep_forever()

        await slow.take()
        for _ in range(499):
            await nursery.start(read)
        await wait_all_tasks_blocked()
        assert hub.feed.followers == 500
        kept = 50
        monkeypatch.setattr(hub.feed, "_latest", type(hub.feed._latest)(maxlen=kept))
        for number in range(kept + 20):
            await client.patch("/users/bob", json={"admin": number % 2 == 0})
            assert hub.feed.kept <= kept
            if number % 7 == 0:
                await trio.sleep(1)
        await trio.sleep(1)
        for stream in readers:
            assert len(stream.now()) == kept + 20
        first, *more, resume = await slow.rest()
        assert slow.pieces <= 3
        assert resume.kind == "resume"
        last = first.data["position"] if not more else more[-1].data["position"]
        assert resume.data["after"] == last
        async with live(client, f"/events?after={last}") as again:
            rest = [event["position"] for event in await settled(again)]
        assert [first.data["position"], *(one.data["position"] for one in more), *rest] == list(
            range(head + 1, hub.store.head + 1)
        )
        nursery.cancel_scope.cancel()
    assert (hub.feed.followers, hub.feed.kept) == (0, 0)


async def test_pages_begin_at_a_moment(client: Client) -> None:
    await users(client, "bob", "carol", "dave")
    every = await page(client, type="user.created")
    for event in every:
        since = await page(client, type="user.created", since=event["at"])
        until = await page(client, type="user.created", until=event["at"], order="newest")
        assert since == [one for one in every if one["at"] >= event["at"]]
        assert until == [one for one in reversed(every) if one["at"] <= event["at"]]
    assert await page(client, since="0001-01-01") == await page(client)
    assert await page(client, since="9999-12-31T23:59:59Z") == []
    assert await page(client, until="1999", order="newest") == []


async def test_a_stream_begins_at_a_moment(client: Client) -> None:
    await users(client, "bob")
    async with live(client, "/events?since=9999-12-31") as stream:
        assert await settled(stream) == []
        await users(client, "carol")
        assert [event["user"] for event in await settled(stream)] == ["carol"]


@pytest.mark.parametrize("argument", ["since", "until"])
async def test_a_nonsense_moment_is_refused(client: Client, argument: str) -> None:
    order = "newest" if argument == "until" else "oldest"
    answer = await client.get("/events", params={argument: "once", "order": order, "limit": 1})
    assert answer.status_code == 400
