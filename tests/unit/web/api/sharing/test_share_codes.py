"""Share codes over HTTP, in memory: made, listed, exchanged, revoked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.events.record import HUB
from core.share_code import CODE_PATTERN, Issue
from core.token import quick_digest
from tests.unit.web.api.sharing.share_world import ShareWorld, share_world

ACCESS = "access:servers!server=bob/lab"
READ = "read:servers!server=bob/lab"
UNKNOWN = "x" * 43


@pytest.fixture
async def world() -> AsyncIterator[ShareWorld]:
    async with share_world() as world:
        yield world


async def expired_code(world: ShareWorld) -> str:
    code = "expired" + "-" * 36
    issue = Issue(
        world.user_id("bob"),
        world.server_id("bob", "lab"),
        quick_digest(code),
        frozenset({"access:servers"}),
        datetime.now(UTC) - timedelta(seconds=1),
    )
    await world.hub.sharing.issue(issue, by=HUB)
    return code


async def codes(world: ShareWorld, path: str = "bob/lab") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await world.admin.get(f"/share-codes/{path}")).json()["items"]
    return items


async def test_a_code_is_shown_field_by_field_and_only_once(world: ShareWorld) -> None:
    model = await world.code()
    code = model["code"]
    assert re.fullmatch(CODE_PATTERN, code)
    assert model.pop("code") == code
    assert model.pop("accept_url") == f"/hub/accept-share?code={code}"
    assert model.pop("full_accept_url") is None
    assert await codes(world) == [model]
    life = datetime.fromisoformat(model.pop("expires_at")) - datetime.fromisoformat(model.pop("created_at"))
    assert abs(life.total_seconds() - 86_400) < 60
    prefix, _, number = model.pop("id").partition("_")
    assert (prefix, number.isdecimal()) == ("sc", True)
    assert model == {
        "server": {
            "user": {"name": "bob"},
            "name": "lab",
            "url": "/user/bob/lab/",
            "full_url": None,
            "ready": False,
        },
        "scopes": [ACCESS],
        "exchange_count": 0,
        "last_exchanged_at": None,
    }


async def test_a_digest_of_the_code_is_kept_and_nowhere_the_code(world: ShareWorld) -> None:
    code = (await world.code())["code"]
    kept = "".join(world.hub.store.db.iterdump()).lower()
    assert code.lower() not in kept
    assert code.encode().hex() not in kept  # as a blob
    assert hashlib.sha256(code.encode()).hexdigest() in kept


async def test_the_full_accept_url_needs_a_public_one() -> None:
    async with share_world(public_url="https://hub.example/") as world:
        model = await world.code()
        assert model["full_accept_url"] == f"https://hub.example/hub/accept-share?code={model['code']}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 200),
        ({}, 200),
        ({"scopes": []}, 200),
        ({"scopes": [READ, "access:servers"]}, 200),
        ({"expires_in": 60}, 200),
        ({"expires_in": 31_536_000}, 200),
        ([], 400),
        ({"expires_in": 59}, 400),
        ({"expires_in": 31_536_001}, 400),
        ({"expires_in": -1}, 400),
        ({"expires_in": "soon"}, 400),
        ({"expires_in": None}, 400),
        ({"user": "carol"}, 400),
        ({"scopes": ["no:such:scope"]}, 400),
        ({"scopes": ["access:servers!server=bob/"]}, 400),
    ],
)
async def test_what_a_new_code_may_say(world: ShareWorld, body: Any, status: int) -> None:
    answer = await world.admin.post("/share-codes/bob/lab", json=body)
    assert answer.status_code == status, answer.text
    assert len(await codes(world)) == (status == 200)


@pytest.mark.parametrize(
    ("held", "scopes", "status"),
    [
        ("shares", None, 200),
        ("shares!user=bob", None, 200),
        ("shares!server=bob/lab", None, 200),
        ("shares!server=bob/", None, 404),
        ("shares!user=carol", None, 404),
        ("read:shares", None, 403),
        ("shares servers!server=bob/lab", [READ, ACCESS], 200),
        ("shares", [READ], 403),
        ("shares access:servers", ["admin:servers"], 403),
    ],
)
async def test_who_may_make_codes(
    world: ShareWorld, held: str, scopes: list[str] | None, status: int
) -> None:
    client = await world.as_user("alice", *held.split())
    answer = await client.post("/share-codes/bob/lab", json={"scopes": scopes})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("path", ["bob/none", "nobody/", "nobody/lab"])
async def test_there_are_no_codes_for_what_is_not_there(world: ShareWorld, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert (await world.admin.request(method, f"/share-codes/{path}")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
async def test_an_owner_alone_can_only_be_read(world: ShareWorld, method: str) -> None:
    assert (await world.admin.request(method, "/share-codes/bob")).status_code == 405


@pytest.mark.parametrize(
    ("held", "path", "status"),
    [
        ("read:shares", "bob", 200),
        ("shares", "bob", 200),
        ("read:shares!user=bob", "bob", 200),
        ("read:shares!server=bob/lab", "bob/lab", 200),
        ("read:shares!server=bob/lab", "bob", 404),
        ("read:shares!server=bob/", "bob/lab", 404),
        ("users:shares", "bob", 403),
    ],
)
async def test_who_may_list(world: ShareWorld, held: str, path: str, status: int) -> None:
    model = await world.code()
    answer = await (await world.as_user("alice", held)).get(f"/share-codes/{path}")
    assert answer.status_code == status
    if status == 200:
        assert [item["id"] for item in answer.json()["items"]] == [model["id"]]


async def test_expired_codes_are_left_out_of_lists_but_count(world: ShareWorld) -> None:
    await expired_code(world)
    first, second = await world.code(), await world.code("bob/")
    answer = (await world.admin.get("/share-codes/bob")).json()
    assert [item["id"] for item in answer["items"]] == [first["id"], second["id"]]
    assert answer["_pagination"] == {"offset": 0, "limit": 200, "total": 3, "next": None}
    page = (await world.admin.get("/share-codes/bob?limit=1")).json()
    assert page["items"] == []
    assert page["_pagination"]["next"]["offset"] == 1


@pytest.mark.parametrize(
    ("query", "status", "left"),
    [
        ("code={code}", 204, 1),
        ("id={id}", 204, 1),
        ("code={code}&id=nonsense", 204, 1),
        ("", 204, 0),
        ("?other=1", 204, 0),
        ("code=nonsense", 404, 2),
        ("code=", 404, 2),
        ("id=", 404, 2),
        ("id=nonsense", 404, 2),
        ("id=sc_999999", 404, 2),
        ("id=sc_{elsewhere}", 404, 2),
        ("id=sc_99999999999999999999999", 404, 2),
    ],
)
async def test_codes_are_revoked_one_by_one_or_all_at_once(
    world: ShareWorld, query: str, status: int, left: int
) -> None:
    model, _, elsewhere = await world.code(), await world.code(), await world.code("bob/")
    asked = query.format(code=model["code"], id=model["id"], elsewhere=elsewhere["id"].removeprefix("sc_"))
    answer = await world.admin.delete(f"/share-codes/bob/lab?{asked}")
    assert answer.status_code == status
    assert len(await codes(world)) == left
    assert len(await codes(world, "bob/")) == 1
    if status == 204:
        assert answer.content == b""
        assert (await world.admin.get(f"/shares/{model['code']}")).status_code == 404


async def test_an_expired_code_is_known_by_its_id_alone(world: ShareWorld) -> None:
    code = await expired_code(world)
    assert (await world.admin.delete(f"/share-codes/bob/lab?code={code}")).status_code == 404
    assert (await world.admin.delete("/share-codes/bob/lab")).status_code == 204
    assert (await world.admin.get("/share-codes/bob")).json()["_pagination"]["total"] == 0


async def test_what_was_made_of_a_code_stays_when_it_is_revoked(world: ShareWorld) -> None:
    code = (await world.code())["code"]
    await (await world.as_user("carol")).post(f"/shares/{code}/accept")
    await world.admin.delete("/share-codes/bob/lab")
    assert await world.scopes_of("carol") == [ACCESS]


async def test_a_repeated_request_makes_one_code_and_leaves_it_out(world: ShareWorld) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = (await world.admin.post("/share-codes/bob/lab", headers=headers)).json()
    again = await world.admin.post("/share-codes/bob/lab", headers=headers)
    assert again.status_code == 200
    assert (
        first.items() - again.json().items()
        if False
        else set(first) - set(again.json())
        == {
            "code",
            "accept_url",
            "full_accept_url",
        }
    )
    assert again.json()["id"] == first["id"]
    assert len(await codes(world)) == 1


# --- by code alone ---


async def test_whoever_has_a_code_may_see_what_it_shares(world: ShareWorld) -> None:
    model = await world.code()
    carol = await world.as_user("carol")
    answer = await carol.get(f"/shares/{model['code']}")
    assert answer.status_code == 200
    assert answer.json() == (await codes(world))[0]
    assert (await world.admin.with_token(None).get(f"/shares/{model['code']}")).status_code == 403


@pytest.mark.parametrize("path", [UNKNOWN, "expired" + "-" * 36])
async def test_a_code_that_is_none_or_has_expired_is_404(world: ShareWorld, path: str) -> None:
    await expired_code(world)
    carol = await world.as_user("carol")
    assert (await carol.get(f"/shares/{path}")).status_code == 404
    assert (await carol.post(f"/shares/{path}/accept")).status_code == 404
    assert (await world.admin.get("/users/carol/shared")).json()["items"] == []


async def test_accepting_makes_a_share_and_counts(world: ShareWorld) -> None:
    code = (await world.code())["code"]
    carol = await world.as_user("carol")
    answer = await carol.post(f"/shares/{code}/accept")
    assert answer.status_code == 200
    assert (answer.json()["user"], answer.json()["scopes"]) == ({"name": "carol"}, [ACCESS])
    assert ACCESS in (await carol.get("/user")).json()["scopes"]
    assert (await carol.post(f"/shares/{code}/accept")).json() == answer.json()
    (item,) = await codes(world)
    assert item["exchange_count"] == 2
    assert item["last_exchanged_at"] > item["created_at"]
    assert (await world.admin.get("/users/carol/shared")).json()["items"] == [answer.json()]


async def test_accepting_widens_what_was_shared_before(world: ShareWorld) -> None:
    await world.share(user="carol", scopes=[READ])
    code = (await world.code())["code"]
    answer = await (await world.as_user("carol")).post(f"/shares/{code}/accept")
    assert answer.json()["scopes"] == [ACCESS, READ]


async def test_a_code_for_a_server_of_ones_own_is_refused(world: ShareWorld) -> None:
    code = (await world.code())["code"]
    assert (await (await world.as_user("bob")).post(f"/shares/{code}/accept")).status_code == 400
    assert (await codes(world))[0]["exchange_count"] == 0


async def test_a_token_that_may_not_see_shares_accepts_none(world: ShareWorld) -> None:
    code = (await world.code())["code"]
    carol = await world.as_user("carol", "read:users!user=carol")
    assert (await carol.post(f"/shares/{code}/accept")).status_code == 403


async def test_the_owner_of_a_name_that_looks_like_a_code_comes_first(world: ShareWorld) -> None:
    code = (await world.code())["code"].lower()
    await world.admin.post(f"/users/{code}")
    await world.share(f"{code}/", user="carol")
    listing = await world.admin.get(f"/shares/{code}")
    assert [item["server"]["user"]["name"] for item in listing.json()["items"]] == [code]
    assert (await world.admin.post(f"/shares/{code}/accept", json={"user": "carol"})).status_code == 404
    await world.admin.put(f"/users/{code}/servers/accept", json={})
    granted = await world.admin.post(f"/shares/{code}/accept", json={"user": "carol"})
    assert granted.json()["scopes"] == [f"access:servers!server={code}/accept"]
    carol = await world.as_user("carol")
    assert (await carol.get(f"/shares/{code}")).status_code == 404
    assert (await carol.post(f"/shares/{code}/accept")).status_code == 403


async def test_a_server_called_accept_can_be_shared(world: ShareWorld) -> None:
    await world.admin.put("/users/bob/servers/accept", json={})
    answer = await world.share("bob/accept", user="carol")
    assert answer.json()["scopes"] == ["access:servers!server=bob/accept"]


@pytest.mark.parametrize(
    ("body", "status", "server"),
    [
        ({"server_name": "lab", "expires_in": 3600}, 200, "lab"),
        ({"server_name": ""}, 200, ""),
        ({}, 200, ""),
        ({"server_name": "none"}, 404, ""),
        ({"server_name": 1}, 400, ""),
        ({"server_name": "lab", "expires_in": 1}, 400, ""),
        ({"server_name": "lab", "user": "carol"}, 400, ""),
    ],
)
async def test_a_code_for_ones_own_server(
    world: ShareWorld, body: dict[str, Any], status: int, server: str
) -> None:
    answer = await (await world.as_user("bob")).post("/shares", json=body)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert re.fullmatch(CODE_PATTERN, answer.json()["code"])
        assert answer.json()["server"]["name"] == server
        assert answer.json()["server"]["user"] == {"name": "bob"}


async def test_who_may_not_share_gets_no_code_for_their_own_server_either(world: ShareWorld) -> None:
    answer = await (await world.as_user("carol")).post("/shares", json={"server_name": ""})
    assert answer.status_code == 403
