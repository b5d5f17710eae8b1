"""Names that are taken for other names (CVE-2020-15110, CVE-2021-41194): by case, by form, by escapes, by coming later.

Who somebody is, is an id of the hub's own; what spawners make is named after such ids. Here names try to be others'.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidError
from core.naming.names import escape, full_name, server_client_id, server_prefix
from core.naming.user_names import UserNames
from core.plugins.authenticator import Login
from core.settings import GroupSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import send, token_of, users
from tests.unit.web.pages.browser import logged_in
from web.hub.hub import Hub
from web.proxy.routes import Route, Routes
from web.proxy.target import parse_target

NAMES = UserNames()


# --- logins ---


@pytest.mark.parametrize("name", ["Bob", "BOB", "bOb"])
async def test_who_differs_by_case_alone_is_the_same(hub: Hub, name: str) -> None:
    """As JupyterHub has it: an authenticator that tells them apart sets `username_map`, or ids as names."""
    one, two = await hub.acts.accounts.of_login(Login("bob")), await hub.acts.accounts.of_login(Login(name))
    assert one is not None
    assert two is not None
    assert one.user.id == two.user.id


@pytest.mark.parametrize(
    "name",
    [
        "bo\u0062\u0301".replace("b\u0301", "\u0065\u0301"),  # e and an accent, where é is one character
        "\u212abob",  # the sign for Kelvin, which in lower case is a k
        "\u2126bob",
        "\u212bbob",
    ],
)
async def test_a_name_in_another_form_is_nobodys(client: Client, hub: Hub, name: str) -> None:
    twin = unicodedata.normalize("NFC", name).lower()
    assert await hub.acts.accounts.of_login(Login(twin)) is not None
    assert await hub.acts.accounts.of_login(Login(name)) is None
    assert (await client.post(f"/users/{quote(name)}")).status_code == 400
    assert (await client.patch("/users/alice", json={"name": name})).status_code == 400


@pytest.mark.parametrize(
    "name",
    [
        "ｂob",
        "bоb",
        "bob\u200b",
        "bob\u00ad",
        "ʙob",
        "bob\u202e",
        "boｂ",
        "b0b",
        "bob.",
        "bob%20",
        "bob\u2044x",
    ],
)
async def test_who_merely_looks_like_somebody_is_somebody_else(hub: Hub, name: str) -> None:
    bob, other = await hub.acts.accounts.of_login(Login("bob")), await hub.acts.accounts.of_login(Login(name))
    assert bob is not None
    assert other is None or other.user.id != bob.user.id


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            " ",
            ".",
            "..",
            "...",
            "a/b",
            "/",
            "%2e",
            "%2E%2e",
            "a%2fb",
            "%2F",
            " bob",
            "bob ",
            "bob\n",
            "a\0b",
        ),
        *("a\x7fb", "\ud800", "x" * 256, "\u00a0bob", "bob\u3000", "a%00b", "a%0ab"),
    ],
)
async def test_names_that_no_path_could_carry_are_nobodys(hub: Hub, name: str) -> None:
    assert await hub.acts.accounts.of_login(Login(name)) is None


@given(st.text(max_size=12), st.text(max_size=12))
def test_two_logins_with_one_name_differ_by_case_alone(one: str, two: str) -> None:
    stored = [_stored(one), _stored(two)]
    if None not in stored and stored[0] == stored[1]:
        assert one == two or one.lower() == two.lower()
        assert unicodedata.normalize("NFKC", one).casefold() == unicodedata.normalize("NFKC", two).casefold()


def _stored(name: str) -> str | None:
    try:
        return NAMES.stored(name)
    except InvalidError:
        return None


# --- from names to paths and back ---

user_names = st.text(min_size=1, max_size=8).map(_stored).filter(bool)
odd_names = st.text(alphabet="ab/-%25@~.é ", min_size=1, max_size=6).map(_stored).filter(bool)
server_names = st.just("") | st.from_regex(r"[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,3})?", fullmatch=True)


@given(st.lists(st.tuples(user_names | odd_names, server_names), min_size=2, max_size=2, unique=True))
def test_no_two_servers_share_a_place(two: list[tuple[str, str]]) -> None:
    (one, its), (other, theirs) = two
    assert full_name(one, its) != full_name(other, theirs)
    assert server_prefix("/", one, its) != server_prefix("/", other, theirs)
    if one != other:
        assert not server_prefix("/", one, its).startswith(server_prefix("/", other, ""))


@given(user_names | odd_names)
def test_a_name_is_one_segment_of_a_path(name: str) -> None:
    assert "/" not in escape(name)
    assert escape(name) not in (".", "..")
    assert httpx.URL(f"http://hub.test/user/{escape(name)}/").raw_path.count(b"/") == 3


def test_clients_of_oauth_that_are_called_the_same_are_known_to_be() -> None:
    """Which is why they are told apart by more: tests/unit/web/pages/test_oauth.py."""
    assert server_client_id("a", "b") == server_client_id("a-b", "")


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        *(("/user/bob/x", "bob"), ("/user/%62ob/x", "bob"), ("/user/bob%2fx", "bob"), ("/user/bob", "bob")),
        *(("/user/alice/../bob/x", "alice"), ("/user/alice/%2e%2e/bob/", "alice"), ("/user/alice/..%2fbob", "alice")),
        *(("/USER/bob/x", ""), ("/user/BOB/x", ""), ("/user//bob/x", ""), ("//user/bob/x", ""), ("/user/bobby/x", "")),
        *(("/user/bob;x/", ""), ("/user/bo", ""), ("/user/%2562ob/x", ""), ("/user/./bob/", ""), ("/user/b%00ob/", "")),
    ],
)  # fmt: skip
def test_a_path_leads_to_the_server_of_its_very_name(path: str, whose: str) -> None:
    """Decoded once: no name has a slash in it, or an escape of one."""
    routes = [Route(f"/user/{name}/", parse_target("http://127.0.0.1:1")) for name in ("alice", "bob")]
    found = Routes(routes).find(b"hub.test", path.encode())
    assert (found.spec if found else "") == (f"/user/{whose}/" if whose else "")


# --- over the API ---


async def test_a_name_is_taken_once_however_it_is_written(client: Client, hub: Hub) -> None:
    await users(client, "bob")
    for name in ("Bob", "%42ob", "b%6Fb", "BOB"):
        assert (await client.post(f"/users/{name}")).status_code == 409, name
    assert [user["name"] for user in (await client.get("/users")).json()] == ["alice", "bob"]


@pytest.mark.parametrize(
    "name", ["Bob", "BOB", "bob%20", "bob%00", "bob%2f", "%2562ob", "bob%c0%ae", "bob%2e"]
)
async def test_what_is_asked_of_another_name_is_not_done_to_bob(client: Client, name: str) -> None:
    await users(client, "bob")
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/tokens"),
        ("POST", "/server"),
        ("PATCH", ""),
    ):
        url = httpx.URL("http://hub.test", raw_path=f"/hub/api/users/{name}{path}".encode())
        answer = await client.request(method, url, json={} if method != "GET" else None)
        assert answer.status_code in (400, 403, 404, 405), (method, path, answer.status_code)
    assert (await client.get("/users/bob")).json()["servers"] == {}


@pytest.mark.parametrize("held", ["read:users!user=bob", "servers!server=bob/", "read:users!user=Bob"])
async def test_a_filter_means_its_name_exactly(client: Client, held: str) -> None:
    await users(client, "bob", "bobby", "b", "bob%")
    answer = await client.post("/users/alice/tokens", json={"scopes": [held]})
    assert answer.status_code in (201, 400)
    if answer.status_code == 201:
        narrow = client.with_token(answer.json()["token"])
        for name in ("bobby", "b", "bob%25", "Bob", "bob%2f", "bob%2fx"):
            assert (await narrow.get(f"/users/{name}")).status_code == 404, name
            assert (await narrow.delete(f"/users/{name}/server")).status_code in (403, 404)


# --- coming later ---


async def test_who_comes_later_under_a_name_has_nothing_of_who_had_it(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    await users(client, "bob", "carol")
    await client.post("/groups/g", json={"users": ["bob"]})
    await client.post("/users/bob/servers/lab", json={"user_options": {}})
    assert (await client.post("/shares/bob/lab", json={"user": "carol"})).status_code == 200
    assert (await client.post("/shares/alice/", json={"user": "bob"})).status_code == 200
    code = (await client.post("/share-codes/bob/lab", json={})).json()["code"]
    before = await token_of(client, "bob")
    browser = await logged_in(hub, "bob", client.app)
    assert (await client.delete("/users/bob")).status_code in (202, 204)
    await users(client, "bob")
    await client.post("/users/bob/servers/lab", json={"user_options": {}})

    assert (await before.get("/user")).status_code == 403
    assert (await browser.call("GET", "/user")).status_code == 403
    bob = (await client.get("/users/bob")).json()
    assert (bob["groups"], bob["admin"]) == ([], False)
    carol = await token_of(client, "carol")
    assert (await carol.get("/users/carol/shared")).json()["items"] == []
    visitor = await logged_in(hub, "carol", client.app)
    assert (await visitor.get(f"/hub/accept-share?code={code}")).status_code == 404
    scopes = (await (await token_of(client, "bob")).get("/user")).json()["scopes"]
    assert not [scope for scope in scopes if "alice" in scope]


async def test_a_server_that_comes_later_under_a_name_is_nobody_elses(
    client: Client, autojump_clock: object
) -> None:
    await users(client, "bob", "carol")
    await client.post("/users/bob/servers/lab")
    await client.post("/shares/bob/lab", json={"user": "carol"})
    carol = await token_of(client, "carol")
    assert [scope for scope in (await carol.get("/user")).json()["scopes"] if "bob" in scope]
    assert (await send(client, "DELETE", "/users/bob/servers/lab", {"remove": True})).status_code in (
        202,
        204,
    )
    await client.post("/users/bob/servers/lab")
    assert not [scope for scope in (await carol.get("/user")).json()["scopes"] if "bob" in scope]


async def test_a_group_that_comes_later_under_a_name_has_no_roles_of_the_one_before() -> None:
    settings = settings_for_tests(
        load_groups={"g": GroupSettings(["bob"])},
        load_roles=[{"name": "boss", "groups": ["g"], "scopes": ["proxy"]}],
    )
    async with hub_in_memory(settings) as hub:
        client = Client(hub, ADMIN_TOKEN)
        bob = await token_of(client, "bob")
        assert (await bob.get("/proxy")).status_code == 200
        await client.delete("/groups/g")
        assert (await bob.get("/proxy")).status_code == 403
        await client.post("/groups/g", json={"users": ["bob"]})
        assert (await bob.get("/proxy")).status_code == 403


async def test_who_takes_the_name_that_somebody_gave_up_has_nothing_of_theirs(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    await users(client, "bob", "carol", "dave")
    await client.post("/users/bob/servers/lab")
    await client.post("/shares/carol/", json={"user": "bob"})
    carol_sees_bob = await client.post("/users/alice/tokens", json={"scopes": ["read:users!user=bob"]})
    assert carol_sees_bob.status_code == 201
    old = await token_of(client, "bob")
    await send(client, "DELETE", "/users/bob/servers/lab", {"remove": True})
    assert (await client.patch("/users/bob", json={"name": "robert"})).status_code == 200
    assert (await client.patch("/users/dave", json={"name": "bob"})).status_code == 200
    assert (await old.get("/user")).json()["name"] == "robert"
    assert (await old.get("/users/bob")).status_code == 404
    scopes = (await (await token_of(client, "bob")).get("/user")).json()["scopes"]
    assert not [scope for scope in scopes if "carol" in scope]
