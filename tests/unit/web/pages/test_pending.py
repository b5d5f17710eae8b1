"""The pages that wait, and those of servers that are not there."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import trio
from msgspec.structs import replace
from tornado.web import HTTPError

from core.events.server import SpawnFailed
from core.plugins.hooks import trio_hook
from core.settings import TornadoSettings
from tests.conftest import Client, hub_in_memory, settings_for_tests
from tests.unit.web.app.test_route_matrix import COMBINATIONS
from tests.unit.web.pages.browser import FETCHES, NAVIGATES, Browser, logged_in, path_of
from tests.unit.web.pages.html import check_page, data_of, shown
from web.hub.hub import Hub
from web.pages.parts import advice
from web.pages.user_url import RETRY


async def start(client: Client, path: str = "/users/bob/server", **options: object) -> None:
    await client.post(path, json={"user_options": {"simulate": options}})


# --- /hub/spawn-pending ---


async def test_the_page_of_a_start_follows_its_progress(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub, "bob")
    await start(client, delay=30)
    for path in ("/hub/spawn-pending/bob", "/hub/spawn-pending"):
        page = await shown(browser, path)
        assert page.one(class_="progress").one(id_="progress-bar")
        assert page.one(id_="progress-message")
        assert page.one(id_="progress-log")
        assert page.one(id_="stop-server-btn")
        pending = data_of(page)["pending"]
        assert pending == {**pending, "user": "bob", "server": "", "state": "spawn"}
        url = pending["progress_url"]
    stream = await browser.get(url, headers={"X-XSRFToken": browser.xsrf})
    assert json.loads(stream.text.strip().splitlines()[-1][6:])["ready"] is True
    assert path_of(await browser.get("/hub/spawn-pending/bob")) == "/user/bob/"


async def test_who_waits_for_a_turn_is_told_which(autojump_clock: object) -> None:
    async with hub_in_memory(settings_for_tests(concurrent_spawn_limit=1)) as hub:
        alice = await logged_in(hub, "alice")
        bob = await logged_in(hub, "bob", alice.app)
        slow = {"user_options": {"simulate": {"delay": 50}}}
        await alice.call("POST", "/users/alice/server", json=slow)
        await bob.call("POST", "/users/bob/server", json=slow)
        page = await shown(bob, "/hub/spawn-pending/bob")
        assert page.one(id_="progress-message").text == "Waiting for its turn (number 1 of 1)"
        assert "Waiting for its turn (number 1 of 1)" in (await shown(bob, "/hub/home")).one("main").text


async def test_waiting_starts_nothing(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    page = await shown(browser, "/hub/spawn-pending/bob?next=/user/bob/tree")
    assert "is not running" in page.one("body").text
    assert page.one("a", id_="start")["href"] == "/hub/spawn/bob?next=%2Fuser%2Fbob%2Ftree"
    assert (await browser.call("GET", "/users/bob/server")).json()["stopped"] is True


@pytest.mark.parametrize("path", ["nobody", "bob/lab", "alice"])
async def test_what_is_unknown_is_not_found(hub: Hub, path: str) -> None:
    await shown(await logged_in(hub, "bob"), f"/hub/spawn-pending/{path}", 404)


async def test_the_page_of_a_stop_says_so(client: Client, hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    await start(client, stop_delay=30)
    assert (await client.delete("/users/bob/server")).status_code == 202
    page = await shown(browser, "/hub/spawn-pending/bob")
    assert page.one("h1").text == "Your server is stopping"
    assert data_of(page)["pending"]["state"] == "stop"


async def test_where_it_leads_to_is_of_this_hub(client: Client, hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    await start(client)
    for bad in ("//evil.example", "https://evil.example/x", "javascript:alert(1)", "/\\evil.example"):
        answer = await browser.get("/hub/spawn-pending/bob", params={"next": bad}, headers=NAVIGATES)
        assert urlsplit(answer.headers["location"]).netloc == ""
        assert not answer.headers["location"].startswith(("//", "/\\"))


# --- /hub/user ---


async def test_a_stopped_server_is_424_with_a_link_to_start_it(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    page = await shown(browser, "/hub/user/bob/tree/x?y=1", 424)
    assert page.one("h1").text == "Your server is not running"
    link = urlsplit(page.one("a", id_="start")["href"])
    assert (link.path, parse_qs(link.query)) == ("/hub/spawn/bob", {"next": ["/hub/user/bob/tree/x?y=1"]})


async def test_programs_are_told_in_json(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    for path, headers in (
        ("/hub/user/bob/api/contents", {}),
        ("/hub/user/bob/lab", {"Accept": "application/json"}),
        ("/hub/user/bob/x/api", {"Accept": "text/html"}),
    ):
        answer = await browser.get(path, headers=headers)
        assert answer.status_code == 424
        assert "http://hub.test/hub/spawn/bob" in answer.json()["message"]
        assert answer.json()["message"].startswith("The server bob/ is not running.")
        assert list(answer.json()) == ["message"]


METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "QUERY")


@pytest.mark.parametrize("said", COMBINATIONS[::7], ids=str)
async def test_an_open_jupyterlab_is_told_whatever_its_browser_says(hub: Hub, said: dict[str, str]) -> None:
    """424 in JSON is what makes it offer a restart; a refusal would only make it ask again."""
    browser = await logged_in(hub, "bob")
    headers = {f"Sec-Fetch-{name}": value for name, value in said.items()}
    redirected = await browser.get("/user/bob/api/kernels?1759", headers=headers)
    assert redirected.status_code == 302
    answer = await browser.get(redirected.headers["Location"], headers=headers)
    assert (answer.status_code, list(answer.json())) == (424, ["message"])


async def test_scripts_of_other_pages_are_not_given_a_page_with_its_token(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    assert browser.xsrf in (await browser.get("/hub/user/bob/lab", headers=NAVIGATES)).text
    answer = await browser.get("/hub/user/bob/lab", headers=FETCHES)
    assert (answer.status_code, list(answer.json())) == (424, ["message"])
    assert browser.xsrf not in answer.text


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/hub/user/{}/api/kernels", "/user/{}/api/kernels", "/user/{}/lab/api/x"])
async def test_programs_are_told_whatever_their_method(
    client: Client, hub: Hub, method: str, path: str
) -> None:
    """With a token: 424, or 404 where they may not know of the server; never a page."""
    await client.post("/users/bob")
    made = (await client.post("/users/bob/tokens", json={})).json()
    for name, status in (("bob", 424), ("alice", 404), ("nobody", 404)):
        answer = await client.with_token(made["token"]).request(
            method, f"http://hub.test{path.format(name)}", follow_redirects=True
        )
        assert answer.status_code == status, name
        assert answer.headers["Content-Type"] == "application/json"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", METHODS)
async def test_methods_that_may_act_need_a_proof_or_a_token(hub: Hub, method: str) -> None:
    browser = await logged_in(hub, "bob")
    is_safe = method in ("GET", "HEAD", "OPTIONS")
    for headers, status in (({}, 424 if is_safe else 403), ({"X-XSRFToken": browser.xsrf}, 424)):
        answer = await browser.request(method, "/hub/user/bob/api/x", headers=headers)
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/json"
    stranger = await Browser(hub, browser.app).request(method, "/user/bob/api/x")
    assert stranger.status_code == (302 if method == "GET" else 403)


async def test_tokens_will_do(client: Client, hub: Hub) -> None:
    answer = await client.get("http://hub.test/hub/user/alice/api/status")
    assert answer.status_code == 424


async def test_older_clients_can_have_their_503() -> None:
    async with hub_in_memory(settings_for_tests(use_legacy_stopped_server_status_code=True)) as hub:
        browser = await logged_in(hub, "bob")
        await shown(browser, "/hub/user/bob/lab", 503)
        assert (await browser.get("/hub/user/bob/api")).status_code == 503


async def test_a_server_that_starts_or_has_failed_is_waited_for_elsewhere(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub, "bob")
    await start(client, delay=30)
    answer = await browser.get("/hub/user/bob/tree?x=1")
    assert answer.status_code == 303
    assert path_of(answer) == "/hub/spawn-pending/bob?next=%2Fhub%2Fuser%2Fbob%2Ftree%3Fx%3D1"
    assert (await browser.get("/hub/user/bob/api")).status_code == 424
    await trio.sleep(40)
    await client.delete("/users/bob/server")
    await start(client, fail="no")
    assert (await browser.get("/hub/user/bob/tree")).status_code == 303


async def test_a_ready_server_is_gone_back_to_with_growing_patience(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub, "bob")
    await start(client)
    began = trio.current_time()
    answer = await browser.get("/hub/user/bob/tree%20x/?a=b")
    assert (answer.status_code, path_of(answer)) == (302, "/user/bob/tree%20x/?a=b&redirects=1")
    assert trio.current_time() == began
    answer = await browser.get("/hub/user/bob/tree?redirects=2")
    assert path_of(answer) == "/user/bob/tree?redirects=3"
    assert RETRY.most(2) / 2 <= trio.current_time() - began <= RETRY.most(2) + 1
    await shown(browser, "/hub/user/bob/tree?redirects=4", 500)


async def test_how_often_is_a_setting(autojump_clock: object) -> None:
    settings = settings_for_tests()
    tornado = TornadoSettings(user_redirect_limit=1)
    settings = replace(settings, hub=replace(settings.hub, tornado_settings=tornado))
    async with hub_in_memory(settings) as hub:
        browser = await logged_in(hub, "bob")
        await browser.call("POST", "/users/bob/server")
        await shown(browser, "/hub/user/bob/tree?redirects=1", 500)


async def test_the_first_part_of_the_path_may_be_a_server_of_that_name(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub, "bob")
    await client.put("/users/bob/servers/lab")
    page = await shown(browser, "/hub/user/bob/lab/tree", 424)
    assert page.one("a", id_="start")["href"].startswith("/hub/spawn/bob/lab?next=")
    page = await shown(browser, "/hub/user/bob/other/tree", 424)
    assert page.one("a", id_="start")["href"].startswith("/hub/spawn/bob?next=")


async def test_nobody_learns_of_servers_they_may_not_enter(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    await client.post("/users/bob")
    carol = await logged_in(hub, "carol")
    await shown(carol, "/hub/user/bob/tree", 404)
    await shown(carol, "/hub/user/nobody/tree", 404)
    await start(client)
    await shown(carol, "/hub/user/bob/tree", 404)
    alice = await logged_in(hub, "alice")
    assert (await alice.get("/hub/user/bob/tree")).status_code == 302


async def test_a_server_may_be_started_by_itself_where_the_configuration_says_so() -> None:
    async with hub_in_memory(settings_for_tests(implicit_spawn_seconds=3)) as hub:
        browser = await logged_in(hub, "bob")
        page = await shown(browser, "/hub/user/bob/lab", 424)
        assert data_of(page)["implicit_spawn_seconds"] == 3
        assert data_of(await shown(browser, "/hub/spawn-pending/bob"))["implicit_spawn_seconds"] == 0


async def test_a_page_for_who_is_not_logged_in_is_the_login(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    browser.cookies.clear()
    answer = await browser.get("/hub/user/bob/tree?x=1")
    assert path_of(answer) == "/hub/login?next=%2Fhub%2Fuser%2Fbob%2Ftree%3Fx%3D1"
    assert (await browser.post("/hub/user/bob/tree")).status_code == 403


async def test_a_renamed_server_is_called_by_its_name(client: Client, hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    await client.put("/users/bob/servers/lab", json={"display_name": "<Lab>"})
    page = check_page(await browser.get("/hub/user/bob/lab/", headers=NAVIGATES))
    assert page.one("a", id_="start").text == "Start <Lab>"


# --- /hub/user-redirect ---


async def test_a_link_for_everybody_leads_to_ones_own_server(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    answer = await browser.get("/user-redirect/notebooks/In%20dex.ipynb?x=1")
    assert path_of(answer) == "/hub/user-redirect/notebooks/In%20dex.ipynb?x=1"
    answer = await browser.get(path_of(answer))
    spawn = urlsplit(answer.headers["location"])
    assert spawn.path == "/hub/spawn/bob"
    assert parse_qs(spawn.query) == {"next": ["/user/bob/notebooks/In%20dex.ipynb?x=1"]}
    assert path_of(await browser.get("/hub/user-redirect/")) == "/hub/spawn/bob?next=%2Fuser%2Fbob%2F"
    assert (await browser.get("/hub/user-redirect")).status_code == 404


async def test_the_server_for_everybody_may_have_a_name() -> None:
    async with hub_in_memory(settings_for_tests(default_server_name="lab")) as hub:
        browser = await logged_in(hub, "bob")
        spawn = urlsplit((await browser.get("/hub/user-redirect/tree")).headers["location"])
        assert (spawn.path, parse_qs(spawn.query)) == ("/hub/spawn/bob/lab", {"next": ["/user/bob/lab/tree"]})


async def test_a_hook_may_lead_elsewhere() -> None:
    async def hook(path: str, request: object, user: object, base_url: str) -> str | None:
        return f"{base_url}elsewhere/{user.name}/{path}" if path != "no" else None  # type: ignore[attr-defined]

    async with hub_in_memory(settings_for_tests(user_redirect_hook=trio_hook(hook))) as hub:
        browser = await logged_in(hub, "bob")
        assert path_of(await browser.get("/hub/user-redirect/x/y")) == "/elsewhere/bob/x/y"
        assert path_of(await browser.get("/hub/user-redirect/no")).startswith("/hub/spawn/bob?next=")


async def test_what_a_hook_refuses_is_told_in_its_words() -> None:
    async def hook(*_: object) -> str:
        raise HTTPError(418, "No %s here", "tea")

    async with hub_in_memory(settings_for_tests(user_redirect_hook=trio_hook(hook))) as hub:
        page = await shown(await logged_in(hub, "bob"), "/hub/user-redirect/x", 418)
        assert "No tea here" in page.one("main").text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fail": "no room"}, "Try once more."),
        ({"fail": "no such image", "fail_status": 400}, "Choose something else"),
        ({"fail": "It did not answer in time."}, "may only have been slow"),
    ],
)
async def test_the_page_of_a_failed_start_says_what_to_try_and_which_request_it_was(
    client: Client, hub: Hub, autojump_clock: object, options: dict[str, object], words: str
) -> None:
    browser = await logged_in(hub, "bob")
    await start(client, **options)
    page = await shown(browser, "/hub/spawn-pending/bob", int(str(options.get("fail_status", 500))))
    assert words in page.one(id_="advice").text
    number = page.one(id_="request-number").text
    assert number in {record.by.request for record in hub.store.read_all()}


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (SpawnFailed("s", "why", exit_status=-9), advice.MEMORY),
        (SpawnFailed("s", "why", exit_status=137), advice.MEMORY),
        (SpawnFailed("s", "why", exit_status=127), advice.NOT_THERE),
        (SpawnFailed("s", "why", status=400, exit_status=127), advice.REFUSED),
        (SpawnFailed("s", "It timed out."), advice.SLOW),
        (SpawnFailed("s", "why", exit_status=1), advice.TELL),
    ],
)
def test_what_to_try_follows_from_how_it_ended(failure: SpawnFailed, expected: str) -> None:
    assert advice.advice(failure) == expected


async def test_a_start_and_a_stop_say_since_when(client: Client, hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    await start(client, delay=30, stop_delay=30)
    pending = data_of(await shown(browser, "/hub/spawn-pending/bob"))["pending"]
    assert pending["since"] is not None
    assert pending["usual"] is None
    await client.delete("/users/bob/server")
    stopping = data_of(await shown(browser, "/hub/spawn-pending/bob"))["pending"]
    assert (stopping["state"], stopping["since"] >= pending["since"]) == ("stop", True)
