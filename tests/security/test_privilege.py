"""Privilege and filter escalation (CVE-2024-41942, GHSA-69wv-m5fw-2fhp): who may change something gains nothing by it.

Any history of roles, groups and tokens against a model is in tests/property/test_rights.py. Here every scope there is
is held by somebody alone, who then tries each way up; and every route is asked with its scopes held for other things.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest

from core.config.roles import DEFAULT_ROLES
from core.scopes import BUILT_IN
from core.settings import GroupSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import send, token_of
from web.hub.hub import Hub
from web.request.access import Lists, Needs
from web.request.routing import ROUTES, Route

SCOPES = [scope for scope in BUILT_IN if scope not in ("(no_scope)", "self", "inherit")]

OF_ITS_HOLDER = {  # scopes that mean something else to each who holds them, by the name of who is given them
    f"heirs-{number}": scope
    for number, scope in enumerate(
        (
            "inherit",
            "self",
            "servers!user",
            "tokens!user",
            "shares!user",
            "servers!server",
            "access:servers!server",
        )
    )
}
CLIENTS = {
    "plain": {},
    "elsewhere": {"oauth_redirect_uri": "https://evil.test/", "oauth_client_id": "service-elsewhere"},
    "unasked": {"oauth_no_confirm": True, "url": "http://127.0.0.1:9"},
}


class Ladder(NamedTuple):
    """A way up. `ME`, wherever it stands, is whoever tries."""

    method: str
    path: str
    body: dict[str, Any]


def ladders_to(name: str, scope: str) -> Iterator[Ladder]:
    """To such a scope, everywhere that one can be given. `name`: of a group and of a user who have it by a role."""
    for client, more in CLIENTS.items():
        yield Ladder("POST", f"/services/{client}", {"oauth_client_allowed_scopes": [scope], **more})
    yield Ladder("PATCH", "/services/ops", {"oauth_client_allowed_scopes": [scope]})
    yield Ladder("POST", "/services/ops/tokens", {"scopes": [scope]})
    yield Ladder("POST", "/roles/mine", {"users": ["ME"], "scopes": [scope]})
    yield Ladder("POST", "/users/ME/tokens", {"scopes": [scope]})
    yield Ladder("POST", f"/groups/{name}/users", {"users": ["ME"]})
    yield Ladder("POST", f"/groups/{name}-gone", {"users": ["ME"]})
    yield Ladder("PATCH", "/users/ME", {"name": name})
    yield Ladder("POST", "/shares/alice/", {"user": "ME", "scopes": [scope]})
    yield Ladder("POST", "/share-codes/alice/", {"scopes": [scope]})


LADDERS = (
    Ladder("PATCH", "/users/ME", {"admin": True}),
    Ladder("POST", "/users/eve", {"admin": True}),
    Ladder("POST", "/users", {"usernames": ["eve"], "admin": True}),
    Ladder("PATCH", "/users/alice", {"admin": False}),
    Ladder("PATCH", "/users/alice", {"name": "eve"}),
    Ladder("POST", "/users/ME/tokens", {"scopes": ["admin:users"]}),
    Ladder("POST", "/users/ME/tokens", {"scopes": ["servers!user=alice"]}),
    Ladder("POST", "/users/ME/tokens", {"roles": ["admin"]}),
    Ladder("POST", "/groups/bosses/users", {"users": ["ME"]}),
    Ladder("POST", "/groups/chiefs", {"users": ["ME"]}),
    Ladder("POST", "/services/mine", {"admin": True, "api_token": "my-own-token"}),
    Ladder("POST", "/services/mine", {"oauth_client_allowed_scopes": [*DEFAULT_ROLES["admin"].scopes]}),
    Ladder("POST", "/shares/alice/", {"user": "ME", "scopes": ["admin:servers!server=alice/"]}),
    Ladder("POST", "/share-codes/alice/", {"scopes": ["admin:servers!server=alice/"]}),
    *(ladder for name, scope in OF_ITS_HOLDER.items() for ladder in ladders_to(name, scope)),
)


@pytest.fixture
async def admin() -> AsyncIterator[Client]:
    """Of a hub on which each scope is the only one of somebody's."""
    heirs = [
        {"name": name, "groups": [name, f"{name}-gone"], "users": [name], "scopes": [scope]}
        for name, scope in OF_ITS_HOLDER.items()
    ]
    settings = settings_for_tests(
        load_groups={"bosses": GroupSettings(), "chiefs": GroupSettings()},
        load_roles=[
            *heirs,
            {"name": "boss", "groups": ["bosses", "chiefs"], "scopes": ["admin:servers", "proxy"]},
            *({"name": f"only-{n}", "scopes": [scope], "users": [f"m{n}"]} for n, scope in enumerate(SCOPES)),
        ],
    )
    async with hub_in_memory(settings) as hub:
        client = Client(hub, ADMIN_TOKEN)
        assert (await client.delete("/groups/chiefs")).status_code == 204
        for name in OF_ITS_HOLDER:
            assert (await client.delete(f"/groups/{name}-gone")).status_code == 204
            assert (await client.delete(f"/users/{name}")).status_code == 204
        yield client


def with_name(value: Any, name: str) -> Any:
    match value:
        case dict():
            return {key: with_name(item, name) for key, item in value.items()}
        case list():
            return [with_name(item, name) for item in value]
        case str():
            return value.replace("ME", name)
        case _:
            return value


async def held(client: Client) -> set[str]:
    return set((await client.get("/user")).json()["scopes"])


async def test_nobody_climbs(admin: Client, autojump_clock: object) -> None:
    for number, scope in enumerate(SCOPES):
        me = f"m{number}"
        mine = await token_of(admin, me)
        before = await held(mine)
        for ladder in LADDERS:
            path, body = with_name(ladder.path, me), with_name(ladder.body, me)
            answer = await mine.request(ladder.method, path, json=body)
            if answer.is_success and "token" in answer.json():
                of_token = await held(mine.with_token(answer.json()["token"]))
                assert all({one, one.partition("!")[0]} & before for one in of_token), (scope, ladder)
            else:
                assert not answer.is_success, (scope, ladder)
            assert await held(mine) == before, (scope, ladder)
    everybody = (await admin.get("/users")).json()
    assert [user["name"] for user in everybody if user["admin"]] == ["alice"]


async def test_who_holds_as_much_may_give_it(admin: Client) -> None:
    await admin.patch("/users/m0", json={"admin": True})
    assert (await admin.post("/groups/bosses/users", json={"users": ["m1"]})).status_code == 200
    boss = await token_of(admin, "m1")
    assert (await boss.get("/proxy")).status_code == 200
    assert (await admin.post("/groups/chiefs", json={"users": ["m2"]})).status_code == 201
    assert (await send(admin, "DELETE", "/groups/bosses/users", {"users": ["m1"]})).status_code == 200
    assert (await boss.get("/proxy")).status_code == 403


async def test_a_narrow_token_of_an_administrator_gives_no_more_than_it_holds(admin: Client) -> None:
    body = {"scopes": ["groups", "read:users"]}
    narrow = admin.with_token((await admin.post("/users/alice/tokens", json=body)).json()["token"])
    refused = await narrow.post("/groups/bosses/users", json={"users": ["m1"]})
    assert refused.status_code == 403
    assert "admin:servers" in refused.json()["message"]
    assert (await admin.post("/groups/bosses/users", json={"users": ["m1"]})).status_code == 200


async def test_nor_does_it_make_administrators(admin: Client) -> None:
    body = {"scopes": ["admin:users", "tokens"]}
    narrow = admin.with_token((await admin.post("/users/alice/tokens", json=body)).json()["token"])
    for method, path, body in (
        ("PATCH", "/users/m1", {"admin": True}),
        ("POST", "/users/eve", {"admin": True}),
        ("POST", "/users", {"usernames": ["eve"], "admin": True}),
        ("PATCH", "/users/alice", {"name": "eve"}),
    ):
        assert (await narrow.request(method, path, json=body)).status_code == 403, path
    assert (await admin.patch("/users/m1", json={"admin": True})).status_code == 200


async def test_a_name_of_the_configuration_is_not_taken_by_who_holds_less(autojump_clock: object) -> None:
    """At the next start the hub would make an administrator of whoever is called so."""
    settings = settings_for_tests(
        load_groups={"crew": GroupSettings(["Dave"])},
        load_roles=[
            {"name": "keeper", "users": ["bob"], "scopes": ["admin:users"]},
            {"name": "boss", "users": ["Carol"], "groups": ["crew"], "scopes": ["admin:servers"]},
        ],
    )
    settings.authenticator.admin_users.add("Erin")
    async with hub_in_memory(settings) as hub:
        admin = Client(hub, ADMIN_TOKEN)
        bob = await token_of(admin, "bob")
        for name in ("carol", "dave", "erin"):
            assert (await admin.delete(f"/users/{name}")).status_code == 204
            answer = await bob.patch("/users/bob", json={"name": name})
            assert answer.status_code == 403
            assert answer.json()["message"].startswith(f"The name {name} comes with")
        assert (await admin.patch("/users/bob", json={"name": "carol"})).status_code == 200
        assert (await bob.patch("/users/carol", json={"name": "zoe"})).status_code == 200


# --- filters ---

FILTERS = ("user=bob", "group=blue", "server=bob/lab", "service=other")
OURS = {
    **{"user": "carol", "server": "lab", "group": "red", "service": "ops", "owner": "carol", "name": "lab"},
    **{"token": "t1", "code": "abcdef", "key": "k", "value": "v", "rest": "x", "spec": "x", "id": "x"},
}


def routes_with_scopes(client: Client) -> Iterator[tuple[str, Route, tuple[str, ...]]]:
    """Each with the URL of something that is not of the filters', and the scopes one of which it asks for."""
    for endpoint, route in client.app.extensions[ROUTES].items():
        prefix, needed = endpoint[: -len(f":{route.method}:{route.path}")], route.access
        if not prefix.startswith("/hub") or route.page or not isinstance(needed, Needs | Lists):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda name: OURS.get(name[1], "x"), route.path)
        scopes = needed.scopes if isinstance(needed, Needs) else (needed.scope,)
        yield f"http://hub.test{prefix}{path}", route, scopes


@pytest.fixture
async def filtered() -> AsyncIterator[tuple[Hub, Client, Client]]:
    """An administrator, and mallory, who holds every scope there is, each for bob's things only."""
    everything = [f"{scope}!{filter_}" for scope in SCOPES for filter_ in FILTERS]
    settings = settings_for_tests(
        load_groups={"red": GroupSettings(["carol"]), "blue": GroupSettings(["bob"])},
        load_roles=[{"name": "of-bob", "users": ["mallory"], "scopes": everything}],
    )
    async with hub_in_memory(settings) as hub:
        admin = Client(hub, ADMIN_TOKEN)
        for user in ("bob", "carol"):
            assert (await admin.post(f"/users/{user}/servers/lab", json={})).status_code in (201, 202)
        yield hub, admin, await token_of(admin, "mallory")


async def test_a_filter_holds_on_every_route(
    filtered: tuple[Hub, Client, Client], autojump_clock: object
) -> None:
    hub, admin, mallory = filtered
    head, tried = hub.store.head, 0
    for url, route, scopes in routes_with_scopes(admin):
        if isinstance(route.access, Lists):
            continue
        body = {} if route.method != "GET" else None
        answer = await mallory.request(route.method, url, json=body)
        assert answer.status_code in (403, 404), f"{route.method} {url} with {scopes}: {answer.status_code}"
        nowhere = await mallory.request(route.method, url.replace("carol", "zorro"), json=body)
        assert answer.text == nowhere.text.replace("zorro", "carol"), (
            "nobody learns whether there is such a user"
        )
        tried += 1
    assert hub.store.head == head, [record.event for record in hub.store.read_all(head)]
    assert tried > 40


async def test_lists_hold_only_what_the_filter_lets_through(
    filtered: tuple[Hub, Client, Client], autojump_clock: object
) -> None:
    _, admin, mallory = filtered
    seen = []
    for url, route, _ in routes_with_scopes(admin):
        if not isinstance(route.access, Lists):
            continue
        text = (await mallory.get(url)).text
        assert "carol" not in text, url
        assert '"red"' not in text, url
        assert '"ops"' not in text, url
        seen.append("bob" in text or "blue" in text)
    assert sum(seen) >= 2
