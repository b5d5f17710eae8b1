"""The API without /hub in its path, for clients that speak to the public address. Over HTTP, in memory."""

from __future__ import annotations

import pytest

from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from web.site.api_paths import api_prefixes, is_api

HUB, PLAIN = "http://hub.test/hub/api", "http://hub.test/api"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/users",
        "/users/alice",
        "/users/nobody",
        "/groups",
        "/services",
        "/services/ops",
        "/proxy",
        "/info",
        "/users/alice/server",
        "/users/alice/servers/",
        "/users/alice/servers//progress",
        "/nonsense",
    ],
)
@pytest.mark.parametrize("token", [None, ADMIN_TOKEN])
async def test_what_is_read_is_the_same(client: Client, token: str | None, path: str) -> None:
    asked = client.with_token(token)
    one, other = await asked.get(HUB + path), await asked.get(PLAIN + path)
    assert (one.status_code, one.content) == (other.status_code, other.content)
    assert one.headers["content-type"] == other.headers["content-type"]


async def test_every_method_is_served(client: Client, autojump_clock: object) -> None:
    assert (await client.post(f"{PLAIN}/users/bob")).status_code == 201
    assert (await client.patch(f"{PLAIN}/users/bob", json={"name": "rob"})).status_code == 200
    assert (await client.post(f"{PLAIN}/groups/g", json={"users": ["rob"]})).status_code == 201
    assert (await client.put(f"{PLAIN}/groups/g/properties", json={"a": 1})).status_code == 200
    assert (await client.delete(f"{PLAIN}/groups/g")).status_code == 204
    assert (await client.options(f"{PLAIN}/users")).status_code == 200
    assert (await client.head(f"{PLAIN}/users")).status_code == 405
    assert (await client.delete(f"{PLAIN}/users/rob")).status_code == 204


async def test_a_start_answers_with_the_model_there_and_with_nothing_below_hub(
    client: Client, autojump_clock: object
) -> None:
    answer = await client.post(f"{PLAIN}/users/alice/server")
    assert (answer.status_code, answer.json()["ready"]) == (201, True)
    answer = await client.post(f"{HUB}/users/alice/servers/lab")
    assert (answer.status_code, answer.content) == (201, b"")


async def test_the_next_page_is_where_this_one_was(client: Client) -> None:
    await client.post("/users", json={"usernames": ["bob", "carol"]})
    wrapped = {"Accept": "application/jupyterhub-pagination+json"}
    page = (await client.get(f"{PLAIN}/users?limit=1", headers=wrapped)).json()["_pagination"]
    assert page["next"]["url"].startswith(f"{PLAIN}/users?")


async def test_they_stand_below_the_base_url() -> None:
    async with hub_in_memory(settings_for_tests(base_url="/b/")) as hub, Client(hub, ADMIN_TOKEN) as client:
        assert (await client.get("http://hub.test/b/api/users")).status_code == 200
        assert (await client.get("http://hub.test/b/hub/api/users")).status_code == 200
        assert (await client.get("http://hub.test/api/users")).status_code == 404


@pytest.mark.parametrize(
    ("path", "is_it"),
    [
        ("/b/api", True),
        ("/b/api/users", True),
        ("/b/hub/api", True),
        ("/b/hub/api/users", True),
        ("/api/users", False),
        ("/b/apis", False),
        ("/b/hub/home", False),
        ("/b/user/alice/hub/api", False),
    ],
)
def test_which_paths_are_the_api(path: str, is_it: bool) -> None:
    assert is_api(path, "/b/") is is_it
    assert api_prefixes("/b/") == ("/b/hub/api", "/b/api")
