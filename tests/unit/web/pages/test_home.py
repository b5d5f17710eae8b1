"""The home page, and where people land."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import trio

from projections import users
from projections.servers import servers
from tests.conftest import Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in, path_of
from tests.unit.web.pages.html import shown
from web.hub.hub import Hub

# --- where people land ---


async def test_who_is_not_logged_in_is_sent_to_do_so_and_comes_back(hub: Hub) -> None:
    async with Browser(hub) as browser:
        for path in (
            "/hub/home",
            "/hub/token",
            "/hub/spawn/bob/lab?x=%20y&z",
            "/hub/",
            "/hub/accept-share?code=x",
        ):
            answer = await browser.get(path)
            assert answer.status_code == 302
            assert answer.headers["location"].startswith("/hub/login?next=%2Fhub%2F")
        again = await browser.log_in("bob", next_url="/hub/spawn-pending/bob?x=1")
        assert path_of(again) == "/hub/spawn-pending/bob?x=1"


async def test_the_way_in_leads_to_the_server_or_to_its_start(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub)
    assert path_of(await browser.get("/")) == "/hub/"
    assert path_of(await browser.get("/hub")) == "/hub/"
    assert (await browser.get("/hub")).status_code == 301
    assert path_of(await browser.get("/hub/?a=b")) == "/hub/spawn?a=b"
    await client.post("/users/alice/server")
    assert path_of(await browser.get("/hub/")) == "/user/alice/"
    assert path_of(await browser.get("/hub/?next=/hub/token")) == "/hub/token"
    assert path_of(await browser.get("/hub/?next=//evil.example/x")) == "/user/alice/"


@pytest.mark.parametrize(
    ("options", "lands"),
    [
        ({"redirect_to_server": False}, "/hub/home"),
        ({"default_url": "/services/landing"}, "/services/landing"),
        ({"default_url": lambda handler: handler.current_user.name}, "bob"),
    ],
)
async def test_the_configuration_says_where_people_land(options: dict[str, object], lands: str) -> None:
    async with hub_in_memory(settings_for_tests(**options)) as hub:
        browser = await logged_in(hub, "bob")
        assert path_of(await browser.get("/hub/")) == lands


@pytest.mark.parametrize(
    ("options", "lands"),
    [
        ({}, "/hub/login?next=%2Fhub%2F%3Fx%3D1"),
        ({"default_url": "/services/landing?y=2"}, "/services/landing?y=2"),
        ({"default_url": lambda handler: "/hub/x" if handler.current_user is None else ""}, "/hub/x"),
        ({"default_url": lambda handler: ""}, "/hub/login?next=%2Fhub%2F%3Fx%3D1"),
    ],
)
async def test_the_configuration_says_where_visitors_land(options: dict[str, object], lands: str) -> None:
    async with hub_in_memory(settings_for_tests(**options)) as hub:
        assert path_of(await Browser(hub).get("/hub/?x=1", headers=NAVIGATES)) == lands


async def test_paths_without_their_slash_get_it(hub: Hub) -> None:
    async with Browser(hub) as browser:
        for path in ("/user/b%C3%B6b", "/services/x"):
            answer = await browser.get(f"{path}?q=1")
            assert (answer.status_code, path_of(answer)) == (301, f"{path}/?q=1")
        answer = await browser.get("/user/bob/tree/a%2Fb%0d%0aX?q=%20")
        assert (answer.status_code, path_of(answer)) == (302, "/hub/user/bob/tree/a%2Fb%0d%0aX?q=%20")
        assert (await browser.get("/hub/home/")).status_code == 404
        assert (await browser.get("/hub//home")).status_code == 404


# --- the page ---


async def test_a_stopped_server_can_be_started_and_a_running_one_stopped(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub)
    page = await shown(browser, "/hub/home")
    assert page.one("a", id_="start")["href"] == "/hub/spawn/alice"
    assert not page.all(id_="stop")
    await client.post("/users/alice/server")
    page = await shown(browser, "/hub/home")
    assert page.one("a", id_="start")["href"] == "/user/alice/"
    assert page.one(id_="stop").text == "Stop My Server"
    assert page.one(class_="state")["data-state"] == "ready"


async def test_named_servers_are_listed_with_what_may_be_done(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    await client.put("/users/alice/servers/lab", json={"display_name": "Data Lab"})
    await client.post("/users/alice/servers/gpu")
    browser = await logged_in(hub)
    page = await shown(browser, "/hub/home")
    assert page.one(id_="new-server-name")
    assert [row.text for row in page.all(class_="name")] == ["gpu", "Data Lab"]
    start = page.one("a", class_="start-server")
    assert (start["href"], start["data-server-name"]) == ("/hub/spawn/alice/lab", "lab")
    assert page.one(class_="delete-server")["data-server-name"] == "lab"
    assert page.one(class_="stop-server")["data-server-name"] == "gpu"


async def test_without_named_servers_nothing_is_said_of_them() -> None:
    async with hub_in_memory(settings_for_tests(allow_named_servers=False)) as hub:
        page = await shown(await logged_in(hub), "/hub/home")
        assert not page.all(id_="new-server-name")
        assert "amed server" not in page.one("main").text


async def test_the_limit_of_named_servers_is_shown() -> None:
    async with hub_in_memory(settings_for_tests(named_server_limit_per_user=3)) as hub:
        page = await shown(await logged_in(hub), "/hub/home")
        assert "0 of 3" in page.one("main").text


@pytest.mark.parametrize("there", [0, 1])
async def test_who_has_as_many_as_they_may_is_asked_for_no_other(there: int) -> None:
    async with hub_in_memory(settings_for_tests(named_server_limit_per_user=1)) as hub:
        browser = await logged_in(hub, "bob")
        for _ in range(there):
            await browser.call("PUT", "/users/bob/servers/lab")
        page = await shown(browser, "/hub/home")
        assert ("hidden" in page.one(id_="new-server-fields").attributes) == bool(there)
        assert ("hidden" in page.one(id_="new-server-full").attributes) == (not there)


async def test_the_page_says_who_stopped_a_server(client: Client, hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    await client.post("/users/bob/server")
    running = (await shown(browser, "/hub/home")).one("main").text
    assert "by alice" in running
    await client.delete("/users/bob/server")
    assert "Stopped by alice ·" in (await shown(browser, "/hub/home")).one("main").text
    await browser.call("POST", "/users/bob/server")
    assert " by " not in (await shown(browser, "/hub/home")).one("main").text
    await browser.call("DELETE", "/users/bob/server")
    assert "Stopped by you ·" in (await shown(browser, "/hub/home")).one("main").text


async def test_the_page_says_who_has_been_in_a_server(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub, "bob")
    await client.post("/users/bob/server")
    assert "entered by" not in (await shown(browser, "/hub/home")).one("main").text
    alice = await logged_in(hub, "alice", browser.app)
    query = "client_id=jupyterhub-user-bob&response_type=code&redirect_uri=/user/bob/oauth_callback"
    consent = await shown(alice, f"/hub/api/oauth2/authorize?{query}")
    scopes = [field["value"] for field in consent.all("input", name="scopes")]
    answer = await alice.post(
        f"/hub/api/oauth2/authorize?{query}", data={"scopes": scopes, "_xsrf": alice.xsrf}, headers=NAVIGATES
    )
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    row = servers.by_name(hub.store.db, users.by_name(hub.store.db, "bob").id, "")  # type: ignore[union-attr]
    assert row is not None
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "jupyterhub-user-bob",
        "client_secret": hub.launch.token(row.spawn_id),
        "redirect_uri": "/user/bob/oauth_callback",
    }
    assert (await alice.post("/hub/api/oauth2/token", data=fields)).status_code == 200
    assert "entered by alice" in (await shown(browser, "/hub/home")).one("main").text
    application = (await shown(alice, "/hub/token")).one(id_="applications").parent
    assert application is not None
    assert application.one("td", class_="name").text == "Server at /user/bob/"


async def test_the_page_says_how_a_server_died_with_its_last_lines(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub)
    options = {"simulate": {"die_after": 5, "exit_status": 137, "progress": [[0, 5, "<b>out</b> of memory"]]}}
    await client.post("/users/alice/server", json={"user_options": options})
    assert (await shown(browser, "/hub/home")).one(class_="state")["data-state"] == "ready"
    await trio.sleep(6)
    page = await shown(browser, "/hub/home")
    assert page.one(class_="state")["data-state"] == "stopped"
    assert "It ended by itself. It was killed (SIGKILL)" in page.one(class_="alert").text
    assert "<b>out</b> of memory" in page.one("pre").text


async def test_the_page_says_why_a_start_failed(client: Client, hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub)
    options = {"simulate": {"fail": "<script>no</script> image"}}
    await client.post("/users/alice/server", json={"user_options": options})
    page = await shown(browser, "/hub/home")
    assert page.one(class_="state")["data-state"] == "failed"
    assert "<script>no</script> image" in page.one(class_="alert").text


async def test_names_are_shown_as_they_are_and_never_as_html(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    name = "<img src=x onerror=alert(1)>'\""
    await client.post("/users/bob")
    await client.put("/users/bob/servers/lab", json={"display_name": name})
    browser = await logged_in(hub, "bob")
    page = await shown(browser, "/hub/home")
    assert page.one(class_="name").text == name
    assert page.one(class_="delete-server")["data-title"] == name
    assert not [image for image in page.all("img") if "onerror" in image.attributes]


async def test_a_user_whose_name_is_odd_has_a_home(hub: Hub, autojump_clock: object) -> None:
    name = "b&<ö>\"'@x.y"
    browser = await logged_in(hub, name)
    page = await shown(browser, "/hub/home")
    assert page.one(class_="who").text == name
    assert page.one("a", id_="start")["href"] == "/hub/spawn/b%26%3C%C3%B6%3E%22%27@x.y"
    assert json.loads(page.one("script", id_="jhdata").text)["user"] == name


async def test_the_menu_has_what_this_person_may_use(client: Client, hub: Hub) -> None:
    def links(page: object) -> list[str]:
        return [link["href"] for link in page.one("nav").all("a")]  # type: ignore[attr-defined]

    admins = await shown(await logged_in(hub), "/hub/home")
    assert "/hub/admin" in links(admins)
    others = await shown(await logged_in(hub, "bob"), "/hub/home")
    assert "/hub/admin" not in links(others)
    assert links(others)[-1] == "/hub/logout"


async def test_the_page_of_a_missing_url_knows_who_is_logged_in(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    page = await shown(browser, "/hub/nothing", 404)
    assert page.one(class_="who").text == "bob"


async def test_nobody_is_left_logged_in_by_a_page_kept_from_before(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    assert (await browser.get("/hub/home")).headers["cache-control"] == "no-store"
