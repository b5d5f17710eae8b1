"""Shares over HTTP, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from core.errors import NotFoundError
from core.events.record import HUB
from core.share import GrantShare
from tests.unit.web.api.sharing.share_world import ShareWorld, share_world

ACCESS = "access:servers!server=bob/lab"
READ = "read:servers!server=bob/lab"


@pytest.fixture
async def world() -> AsyncIterator[ShareWorld]:
    async with share_world() as world:
        yield world


async def test_a_share_is_shown_field_by_field(world: ShareWorld) -> None:
    answer = await world.share(user="carol")
    model = answer.json()
    assert answer.status_code == 200
    assert model.pop("created_at").endswith("Z")
    assert model == {
        "server": {
            "user": {"name": "bob"},
            "name": "lab",
            "url": "/user/bob/lab/",
            "full_url": None,
            "ready": False,
        },
        "scopes": [ACCESS],
        "user": {"name": "carol"},
        "group": None,
        "kind": "user",
    }


async def test_a_share_with_a_group_says_so(world: ShareWorld) -> None:
    model = (await world.share(group="students")).json()
    assert (model["kind"], model["user"], model["group"]) == ("group", None, {"name": "students"})


async def test_an_empty_name_is_the_default_server(world: ShareWorld) -> None:
    model = (await world.share("bob/", user="carol")).json()
    assert (model["server"]["name"], model["server"]["url"]) == ("", "/user/bob/")
    assert model["scopes"] == ["access:servers!server=bob/"]


async def test_the_full_url_needs_a_public_one() -> None:
    async with share_world(public_url="https://hub.example/") as world:
        model = (await world.share(user="carol")).json()
        assert model["server"]["full_url"] == "https://hub.example/user/bob/lab/"


async def test_a_ready_server_is_shown_as_ready(world: ShareWorld, autojump_clock: object) -> None:
    await world.share(user="carol")
    await world.admin.post("/users/bob/servers/lab")
    (item,) = (await world.admin.get("/shares/bob")).json()["items"]
    assert item["server"]["ready"] is True


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"user": "carol"}, 200),
        ({"user": "carol", "scopes": None}, 200),
        ({"user": "carol", "scopes": []}, 200),
        ({"user": "carol", "scopes": ["access:servers"]}, 200),
        ({"user": "carol", "scopes": [ACCESS, READ]}, 200),
        ({"user": "carol", "group": ""}, 200),
        ({"user": "bob"}, 200),
        ({"group": "students"}, 200),
        (None, 400),
        ({}, 400),
        ([], 400),
        ([{"user": "carol"}], 400),
        ("carol", 400),
        ({"user": "carol", "group": "students"}, 400),
        ({"user": ""}, 400),
        ({"user": None, "group": None}, 400),
        ({"user": 7}, 400),
        ({"user": "carol", "scope": "x"}, 400),
        ({"user": "carol", "scopes": "access:servers"}, 400),
        ({"user": "carol", "scopes": ["no:such:scope"]}, 400),
        ({"user": "carol", "scopes": ["self"]}, 400),
        ({"user": "carol", "scopes": ["access:servers!server=bob/other"]}, 400),
        ({"user": "carol", "scopes": ["access:servers!user=bob"]}, 400),
        ({"user": "carol", "scopes": ["access:servers!color=red"]}, 400),
        ({"user": "nobody"}, 400),
        ({"group": "nobodies"}, 400),
    ],
)
async def test_what_a_grant_may_say(world: ShareWorld, body: Any, status: int) -> None:
    answer = await world.admin.post("/shares/bob/lab", json=body)
    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["message"]
        assert (await world.admin.get("/shares/bob/lab")).json()["items"] == []


@pytest.mark.parametrize(
    ("held", "scopes", "grantee", "status"),
    [
        ("shares read:users:name", None, "user", 200),
        ("shares", None, "user", 403),
        ("shares read:users:name!user=carol", None, "user", 200),
        ("shares read:users:name!user=dave", None, "user", 403),
        ("shares read:users:name", None, "group", 403),
        ("shares read:groups:name!group=students", None, "group", 200),
        ("shares!user=bob read:users:name", None, "user", 200),
        ("shares!server=bob/lab read:users:name", None, "user", 200),
        ("shares!server=bob/ read:users:name", None, "user", 404),
        ("shares!user=carol read:users:name", None, "user", 404),
        ("servers access:servers read:users:name", None, "user", 403),
        ("shares read:users:name", [READ], "user", 403),
        ("shares read:users:name read:servers!server=bob/lab", [READ], "user", 200),
        ("shares read:users:name servers!user=bob", [READ, "start:servers"], "user", 200),
        ("shares read:users:name servers", ["admin:servers"], "user", 403),
        ("shares read:users:name", ["shares", "read:shares"], "user", 200),
    ],
)
async def test_who_may_grant_what(
    world: ShareWorld, held: str, scopes: list[str] | None, grantee: str, status: int
) -> None:
    client = await world.as_user("alice", *held.split())
    body = {"user": "carol"} if grantee == "user" else {"group": "students"}
    answer = await client.post("/shares/bob/lab", json={**body, "scopes": scopes})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("server", ["bob/none", "nobody/", "nobody/lab"])
async def test_what_is_not_there_cannot_be_shared(world: ShareWorld, server: str) -> None:
    assert (await world.share(server, user="carol")).status_code == 404
    assert (await world.admin.get(f"/shares/{server}")).status_code == 404
    assert (await world.admin.patch(f"/shares/{server}", json={"user": "carol"})).status_code == 404
    assert (await world.admin.delete(f"/shares/{server}")).status_code == 404


async def test_an_owner_may_share_only_where_a_role_says_so(world: ShareWorld) -> None:
    bob, carol = await world.as_user("bob"), await world.as_user("carol")
    assert (await bob.post("/shares/bob/lab", json={"user": "carol"})).status_code == 200
    assert (await bob.post("/shares/carol/", json={"user": "dave"})).status_code == 404
    assert (await carol.post("/shares/carol/", json={"user": "bob"})).status_code == 403


async def test_nobody_shares_without_being_known(world: ShareWorld) -> None:
    unknown = world.admin.with_token(None)
    for method, path in (("GET", "/shares/bob"), ("POST", "/shares/bob/lab"), ("GET", "/users/bob/shared")):
        assert (await unknown.request(method, path)).status_code == 403


async def test_granting_again_widens_and_never_narrows(world: ShareWorld) -> None:
    first = (await world.share(user="carol", scopes=[READ])).json()
    assert first["scopes"] == [READ]
    second = (await world.share(user="carol")).json()
    assert second == {**first, "scopes": [ACCESS, READ]}
    head = world.hub.store.head
    assert (await world.share(user="carol", scopes=["read:servers"])).json() == second
    assert world.hub.store.head - head <= 1  # activity at most
    assert (await world.admin.get("/shares/bob/lab")).json()["items"] == [second]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"user": "carol"}, []),
        ({"user": "carol", "scopes": None}, []),
        ({"user": "carol", "scopes": []}, []),
        ({"user": "carol", "scopes": [ACCESS]}, [READ]),
        ({"user": "carol", "scopes": [ACCESS, READ]}, []),
        ({"user": "carol", "scopes": ["access:servers"]}, [ACCESS, READ]),
        ({"user": "carol", "scopes": ["access:servers!server=bob/"]}, [ACCESS, READ]),
        ({"user": "carol", "scopes": ["start:servers!server=bob/lab"]}, [ACCESS, READ]),
    ],
)
async def test_revoking_answers_what_is_left(
    world: ShareWorld, body: dict[str, Any], left: list[str]
) -> None:
    before = (await world.share(user="carol", scopes=[ACCESS, READ])).json()
    answer = await world.admin.patch("/shares/bob/lab", json=body)
    assert answer.status_code == 200
    assert answer.json() == ({**before, "scopes": left} if left else {})
    assert len((await world.admin.get("/shares/bob/lab")).json()["items"]) == bool(left)
    assert await world.scopes_of("carol") == left


@pytest.mark.parametrize(
    "body", [{"user": "carol"}, {"user": "nobody"}, {"group": "students"}, {"group": "none"}]
)
async def test_revoking_what_is_not_shared_is_fine(world: ShareWorld, body: dict[str, Any]) -> None:
    answer = await world.admin.patch("/shares/bob/lab", json=body)
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [],
        {"user": "carol", "group": "students"},
        {"user": "carol", "scopes": ["nonsense"]},
        {"who": "carol"},
    ],
)
async def test_what_a_revocation_may_not_say(world: ShareWorld, body: Any) -> None:
    await world.share(user="carol")
    assert (await world.admin.patch("/shares/bob/lab", json=body)).status_code == 400
    assert len((await world.admin.get("/shares/bob/lab")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("held", "status"),
    [
        ("shares", 204),
        ("shares!user=bob", 204),
        ("shares!server=bob/lab", 204),
        ("read:shares", 403),
        ("shares!server=bob/", 404),
        ("shares!user=carol", 404),
    ],
)
async def test_all_shares_of_a_server_at_once(world: ShareWorld, held: str, status: int) -> None:
    await world.share(user="carol")
    await world.share(group="students")
    await world.share("bob/", user="carol")
    client = await world.as_user("alice", held)
    answer = await client.delete("/shares/bob/lab")
    assert (answer.status_code, answer.content if status == 204 else b"") == (status, b"")
    left = (await world.admin.get("/shares/bob")).json()["items"]
    assert len(left) == (1 if status == 204 else 3)


async def test_revoking_none_is_fine_too(world: ShareWorld) -> None:
    assert (await world.admin.delete("/shares/bob/lab")).status_code == 204


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_an_owner_alone_can_only_be_read(world: ShareWorld, method: str) -> None:
    assert (await world.admin.request(method, "/shares/bob")).status_code == 405


# --- lists ---


@pytest.mark.parametrize(
    ("held", "path", "status"),
    [
        ("read:shares", "bob", 200),
        ("shares", "bob/lab", 200),
        ("read:shares!user=bob", "bob", 200),
        ("read:shares!user=bob", "bob/lab", 200),
        ("read:shares!server=bob/lab", "bob/lab", 200),
        ("read:shares!server=bob/lab", "bob", 404),
        ("read:shares!server=bob/lab", "bob/", 404),
        ("read:shares!user=carol", "bob", 404),
        ("read:users:shares", "bob", 403),
        ("users:shares", "bob/lab", 403),
    ],
)
async def test_who_may_list(world: ShareWorld, held: str, path: str, status: int) -> None:
    await world.share(user="carol")
    answer = await (await world.as_user("alice", held)).get(f"/shares/{path}")
    assert answer.status_code == status
    if status == 200:
        assert [item["user"]["name"] for item in answer.json()["items"]] == ["carol"]


async def test_lists_are_always_wrapped_and_in_order(world: ShareWorld) -> None:
    for name in ("dave", "carol", "erin"):
        await world.share(user=name)
    await world.share("bob/", user="carol")
    whole = (await world.admin.get("/shares/bob/lab")).json()
    assert [item["user"]["name"] for item in whole["items"]] == ["dave", "carol", "erin"]
    assert whole["_pagination"] == {"offset": 0, "limit": 200, "total": 3, "next": None}
    page = (await world.admin.get("/shares/bob?offset=1&limit=2")).json()
    assert [item["user"]["name"] for item in page["items"]] == ["carol", "erin"]
    assert page["_pagination"] == {
        "offset": 1,
        "limit": 2,
        "total": 4,
        "next": {"offset": 3, "limit": 2, "url": "http://hub.test/hub/api/shares/bob?offset=3&limit=2"},
    }
    accept = {"Accept": "application/jupyterhub-pagination+json"}
    assert (await world.admin.get("/shares/bob", headers=accept)).json()["_pagination"]["limit"] == 50
    assert (await world.admin.get("/shares/bob?limit=x")).status_code == 400


# --- what is shared with somebody ---


async def test_what_is_shared_with_a_user_comes_through_groups_too(world: ShareWorld) -> None:
    await world.share(user="dave")
    await world.share("bob/", group="students")
    await world.share(group="students")
    items = (await world.admin.get("/users/dave/shared")).json()["items"]
    assert [(item["kind"], item["server"]["name"]) for item in items] == [
        ("user", "lab"),
        ("group", ""),
        ("group", "lab"),
    ]
    of_group = (await world.admin.get("/groups/students/shared")).json()
    assert of_group["items"] == items[1:]
    assert of_group["_pagination"]["total"] == 2
    assert (await world.admin.get("/users/carol/shared")).json()["items"] == []


@pytest.mark.parametrize(
    ("kind", "held", "read", "leave"),
    [
        ("users", "users", 403, 403),
        ("users", "read:users!user=dave", 403, 403),
        ("users", "read:users:shares!user=dave", 200, 403),
        ("users", "users:shares!user=dave", 200, 204),
        ("users", "users:shares!user=carol", 404, 404),
        ("groups", "groups", 403, 403),
        ("groups", "read:groups!group=students", 403, 403),
        ("groups", "read:groups:shares!group=students", 200, 403),
        ("groups", "groups:shares!group=students", 200, 204),
        ("groups", "groups:shares!group=tutors", 404, 404),
        ("groups", "shares", 200, 204),
    ],
)
async def test_who_may_see_and_leave(world: ShareWorld, kind: str, held: str, read: int, leave: int) -> None:
    await world.share(user="dave")
    await world.share(group="students")
    name = "dave" if kind == "users" else "students"
    path = f"/{kind}/{name}/shared/bob/lab"
    client = await world.as_user("alice", held)
    listing = await client.get(f"/{kind}/{name}/shared")
    assert listing.status_code == read
    answer = await client.get(path)
    assert answer.status_code == read
    if read == 200:
        assert answer.json()["kind"] + "s" == kind
        assert answer.json() in listing.json()["items"]
    gone = await client.delete(path)
    assert gone.status_code == leave
    if leave == 204:
        assert gone.content == b""
        assert (await client.get(path)).status_code == 404
        assert (await client.delete(path)).status_code == 404
    assert len((await world.admin.get("/shares/bob")).json()["items"]) == (1 if leave == 204 else 2)


@pytest.mark.parametrize(
    "path",
    [
        "/users/nobody/shared",
        "/users/nobody/shared/bob/lab",
        "/users/carol/shared/bob/lab",
        "/users/carol/shared/bob/",
        "/users/carol/shared/bob/none",
        "/users/carol/shared/nobody/",
        "/users/dave/shared/bob/lab",  # only through a group
        "/groups/nobodies/shared",
        "/groups/nobodies/shared/bob/lab",
        "/groups/students/shared/bob/",
    ],
)
async def test_what_is_not_shared_is_not_there(world: ShareWorld, path: str) -> None:
    await world.share(group="students")
    assert (await world.admin.get(path)).status_code == 404
    if not path.endswith("/shared"):
        assert (await world.admin.delete(path)).status_code == 404


async def test_who_shares_nothing_with_me_stays_unknown_to_me(world: ShareWorld) -> None:
    carol = await world.as_user("carol")
    answers = [await carol.get(f"/users/carol/shared/{path}") for path in ("bob/lab", "bob/none", "nobody/")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


# --- what a share does ---


async def test_a_share_gives_its_scopes_at_once_and_takes_them_at_once(world: ShareWorld) -> None:
    carol, dave = await world.as_user("carol"), await world.as_user("dave")
    await world.share(user="carol")
    await world.share(group="students", scopes=["servers"])
    assert ACCESS in (await carol.get("/user")).json()["scopes"]
    assert "start:servers!server=bob/lab" in (await dave.get("/user")).json()["scopes"]
    assert (await dave.get("/users/bob/servers/lab")).status_code == 200
    assert (await carol.get("/users/bob/servers/lab")).status_code == 404
    await world.admin.delete("/shares/bob/lab")
    assert ACCESS not in (await carol.get("/user")).json()["scopes"]
    assert (await dave.get("/users/bob/servers/lab")).status_code == 404


async def test_a_narrow_token_has_of_a_share_what_it_asks_for(world: ShareWorld) -> None:
    await world.share(user="carol", scopes=[ACCESS, READ])
    client = await world.as_user("carol", ACCESS)
    scopes = (await client.get("/user")).json()["scopes"]
    assert ACCESS in scopes
    assert READ not in scopes


async def test_shares_follow_renames(world: ShareWorld) -> None:
    await world.share(user="carol")
    carol = await world.as_user("carol")
    assert (await world.admin.patch("/users/bob/servers/lab", json={"name": "desk"})).status_code == 200
    assert "access:servers!server=bob/desk" in (await carol.get("/user")).json()["scopes"]
    assert ACCESS not in (await carol.get("/user")).json()["scopes"]
    (item,) = (await world.admin.get("/users/carol/shared")).json()["items"]
    assert (item["server"]["name"], item["scopes"]) == ("desk", ["access:servers!server=bob/desk"])


async def test_a_stop_keeps_shares_and_a_removal_does_not(world: ShareWorld, autojump_clock: object) -> None:
    await world.admin.post("/users/bob/servers/lab")
    await world.share(user="carol")
    await world.code()
    await world.admin.delete("/users/bob/servers/lab")
    assert len((await world.admin.get("/shares/bob")).json()["items"]) == 1
    await world.admin.request("DELETE", "/users/bob/servers/lab", json={"remove": True})
    assert (await world.admin.get("/shares/bob")).json()["items"] == []
    assert (await world.admin.get("/share-codes/bob")).json()["items"] == []
    assert await world.scopes_of("carol") == []


@pytest.mark.parametrize("leaver", ["bob", "carol"])
async def test_shares_go_with_either_side(world: ShareWorld, leaver: str) -> None:
    await world.share(user="carol")
    assert (await world.admin.delete(f"/users/{leaver}")).status_code == 204
    other = "/shares/bob" if leaver == "carol" else "/users/carol/shared"
    assert (await world.admin.get(other)).json()["items"] == []


async def test_a_server_is_shared_with_one_user_once_however_many_ask(world: ShareWorld) -> None:
    async with trio.open_nursery() as nursery:
        for scope in ("access:servers", "read:servers", "start:servers", "access:servers"):
            nursery.start_soon(lambda scope=scope: world.share(user="carol", scopes=[scope]))
    (item,) = (await world.admin.get("/shares/bob/lab")).json()["items"]
    assert len(item["scopes"]) == 3


@pytest.mark.parametrize("gone", ["server", "user", "group"])
async def test_what_was_removed_meanwhile_is_not_shared(world: ShareWorld, gone: str) -> None:
    server = "v-gone" if gone == "server" else world.server_id("bob", "lab")
    grantee = (
        "user/u-gone"
        if gone == "user"
        else "group/g-gone"
        if gone == "group"
        else "user/" + world.user_id("carol")
    )
    with pytest.raises(NotFoundError):
        await world.hub.sharing.grant(
            GrantShare("u1", server, grantee, frozenset({"access:servers"})), by=HUB
        )


async def test_a_grant_that_is_repeated_with_its_key_answers_the_same(world: ShareWorld) -> None:
    headers = {"Idempotency-Key": "k1"}
    answers = [
        await world.admin.post("/shares/bob/lab", json={"user": "carol"}, headers=headers) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    await world.admin.delete("/shares/bob/lab")
    repeated = await world.admin.post("/shares/bob/lab", json={"user": "carol"}, headers=headers)
    assert repeated.json() == answers[0].json()
    assert (await world.admin.get("/shares/bob/lab")).json()["items"] == []
