"""Starting a server from a page."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from jupyterhub.spawner import SpawnException
from msgspec.structs import replace
from tornado.web import HTTPError

from core.errors import SpawnError
from core.plugins.hooks import trio_hook
from core.settings import Settings, SpawnerSettings
from projections import users
from projections.servers import servers
from spawners.docker.settings import DockerSettings
from tests.conftest import Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in, path_of
from tests.unit.web.pages.html import check_page, shown
from web.hub.hub import Hub

FORM = '<label for="size">Size</label><input id="size" name="size" value="small">'


def with_spawner(hub: dict[str, Any] | None = None, **spawner: Any) -> Settings:
    return replace(settings_for_tests(**(hub or {})), spawner=SpawnerSettings(**spawner))


def options_of(hub: Hub, user: str, name: str = "") -> dict[str, Any] | None:
    owner = users.by_name(hub.store.db, user)
    assert owner is not None
    row = servers.by_name(hub.store.db, owner.id, name)
    return None if row is None else row.options()


async def submit(browser: Browser, path: str, data: Any, status: int = 302, **options: Any) -> Any:
    page = await shown(browser, path)
    action = page.one("form", id_="spawn_form")["action"]
    answer = await browser.post(action, data=data, headers=NAVIGATES, **options)
    assert answer.status_code == status, answer.text[:1500]
    return answer


# --- without a form ---


async def test_without_a_form_a_visit_starts_the_server(hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    answer = await browser.get("/hub/spawn?next=/user/bob/lab/tree/x", headers=NAVIGATES)
    assert path_of(answer) == "/hub/spawn-pending/bob?next=%2Fuser%2Fbob%2Flab%2Ftree%2Fx"
    answer = await browser.get(path_of(answer), headers=NAVIGATES)
    assert path_of(answer) == "/user/bob/lab/tree/x"
    assert path_of(await browser.get("/hub/spawn", headers=NAVIGATES)) == "/user/bob/"
    assert path_of(await browser.get("/hub/spawn?next=/hub/token", headers=NAVIGATES)) == "/hub/token"


async def test_a_start_that_fails_at_once_is_an_error_page_with_its_status(
    hub: Hub, autojump_clock: object
) -> None:
    def refuse(_: object) -> None:
        raise SpawnError("No <room> for you.", status=418)

    async with hub_in_memory(with_spawner(pre_spawn_hook=trio_hook(_async(refuse)))) as refusing:
        browser = await logged_in(refusing, "bob")
        page = await shown(browser, "/hub/spawn", 418)
        assert "No <room> for you." in page.one("main").text


@pytest.mark.parametrize("form", ["", FORM])
@pytest.mark.parametrize("delay", [0, 20])
async def test_every_start_that_fails_has_the_same_page_however_soon_it_does(
    form: str, delay: int, autojump_clock: object
) -> None:
    options = {"simulate": {"fail": "no disk", "delay": delay}}

    async def read(_: object) -> dict[str, Any]:
        return options

    chosen = {"options_form": form, "options_from_form": trio_hook(read)} if form else {}
    async with hub_in_memory(with_spawner(**chosen)) as hub:
        browser = await logged_in(hub, "bob")
        if form:
            path = f"/hub/spawn?_xsrf={browser.xsrf}"
            answer = await browser.post(path, data={"size": "big"}, headers=NAVIGATES)
        else:
            await browser.call("POST", "/users/bob/server", json={"user_options": options})
            await trio.sleep(delay + 1)
            answer = await browser.get("/hub/spawn", headers=NAVIGATES)
        if delay:
            assert path_of(answer) == "/hub/spawn-pending/bob"
            await trio.sleep(delay)
            answer = await browser.get(path_of(answer), headers=NAVIGATES)
        assert answer.status_code == 500
        page = check_page(answer)
        assert page.one("h1").text == "Your server could not be started"
        assert page.one(class_="alert").text == "no disk"
        assert page.one(id_="advice").text
        assert page.one(id_="request-number").text
        assert "Internal Server Error" not in answer.text
        assert len(page.all("button", id_="same-again")) == bool(form)
        assert page.one("a", id_="start").text == ("Choose other options" if form else "Relaunch my server")


@pytest.mark.parametrize("form", ["", FORM])
async def test_the_same_options_are_offered_again_where_this_start_begins_with_a_form(
    autojump_clock: object, form: str
) -> None:
    failing = {"simulate": {"fail": "no disk", "delay": 0}}
    async with hub_in_memory(with_spawner(options_form=trio_hook(_async(lambda _: form)))) as hub:
        browser = await logged_in(hub, "bob")
        await browser.call("POST", "/users/bob/server", json={"user_options": failing})
        page = await shown(browser, "/hub/spawn-pending/bob", 500)
        assert len(page.all("button", id_="same-again")) == bool(form)


def _async(function: Any) -> Any:
    async def hook(*args: Any) -> Any:
        return function(*args)

    return hook


async def test_a_named_server_is_made_by_its_first_start(hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    answer = await browser.get("/hub/spawn/bob/lab?display_name=The+Lab", headers=NAVIGATES)
    assert path_of(answer) == "/hub/spawn-pending/bob/lab?display_name=The+Lab"
    row = servers.by_name(hub.store.db, users.by_name(hub.store.db, "bob").id, "lab")  # type: ignore[union-attr]
    assert row is not None
    assert row.display_name == "The Lab"


async def test_a_spawner_may_have_a_form_of_its_own(hub: Hub, autojump_clock: object) -> None:
    images = {"Plain": "team/plain:1", "Statistics <R>": "team/r:1"}
    settings = DockerSettings(image="team/r:1", allowed_images=images)
    async with hub_in_memory(replace(settings_for_tests(), spawner=settings)) as offering:
        browser = await logged_in(offering, "bob")
        page = await shown(browser, "/hub/spawn")
        choices = page.one("select", id_="image").all("option")
        assert [choice["value"] for choice in choices] == list(images)
        await submit(browser, "/hub/spawn", {"image": "Statistics <R>"})
        assert options_of(offering, "bob") == {"image": ["Statistics <R>"]}
        await submit(browser, "/hub/spawn/bob/lab", {"image": "team/r:1"}, status=400)


@pytest.mark.parametrize("name", ["Lab", "a--b", "-", "x" * 31, "a.b"])
async def test_a_name_that_cannot_be_is_refused(hub: Hub, name: str) -> None:
    browser = await logged_in(hub, "bob")
    await shown(browser, f"/hub/spawn/bob/{name}", 400)
    await shown(browser, f"/hub/spawn-pending/bob/{name}", 404)


async def test_where_named_servers_are_off_there_is_the_default_one(autojump_clock: object) -> None:
    async with hub_in_memory(settings_for_tests(allow_named_servers=False)) as hub:
        browser = await logged_in(hub, "bob")
        await shown(browser, "/hub/spawn/bob/lab", 400)
        await browser.get("/hub/spawn", headers=NAVIGATES)
        assert path_of(await browser.get("/hub/spawn/bob/lab", headers=NAVIGATES)) == "/user/bob/"


async def test_others_servers_are_started_by_who_may(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    await client.post("/users/bob")
    carol = await logged_in(hub, "carol")
    await shown(carol, "/hub/spawn/bob", 404)
    await shown(carol, "/hub/spawn/nobody", 404)
    alice = await logged_in(hub, "alice")
    assert path_of(await alice.get("/hub/spawn/bob", headers=NAVIGATES)) == "/hub/spawn-pending/bob"
    await shown(alice, "/hub/spawn/nobody", 404)


async def test_only_a_person_who_goes_there_starts_a_server(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    for mode, dest in (("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")):
        answer = await browser.get("/hub/spawn", headers={"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest})
        assert answer.status_code == 403
    assert options_of(hub, "bob") is None


# --- by arguments of the URL ---


async def test_arguments_of_the_url_are_options(hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    await browser.get("/hub/spawn?size=big&size=huge&next=/x&_xsrf=z", headers=NAVIGATES)
    assert options_of(hub, "bob") == {"size": ["big", "huge"]}
    await browser.get("/hub/spawn/bob/lab?opt-image=x&other=y", headers=NAVIGATES)
    assert options_of(hub, "bob", "lab") == {"image": ["x"]}
    await shown(browser, "/hub/spawn/bob/gpu?opt-=x", 422)


async def test_a_start_by_arguments_that_fails_shows_the_form(autojump_clock: object) -> None:
    async def read(data: dict[str, list[Any]]) -> dict[str, Any]:
        if data["size"] != ["small"]:
            raise SpawnError("No such size: <b>.", status=429)
        return {"size": "small"}

    settings = with_spawner(options_form=FORM, options_from_form=trio_hook(read))
    async with hub_in_memory(settings) as hub:
        browser = await logged_in(hub, "bob")
        page = await shown(browser, "/hub/spawn?size=odd", 429)
        assert page.one(class_="spawn-error-msg").text == "Error: No such size: <b>."
        assert page.one("input", id_="size")
        assert path_of(await browser.get("/hub/spawn?size=small", headers=NAVIGATES)).startswith(
            "/hub/spawn-pending/"
        )
        assert options_of(hub, "bob") == {"size": "small"}


# --- by a form ---


async def test_the_form_of_the_configuration_is_shown_and_starts_the_server(autojump_clock: object) -> None:
    async with hub_in_memory(with_spawner(options_form=FORM)) as hub:
        browser = await logged_in(hub, "bob")
        answer = await browser.get("/hub/spawn?next=/user/bob/x", headers=NAVIGATES)
        assert FORM in answer.text
        form = check_page(answer).one("form", id_="spawn_form")
        assert (form["method"], form["enctype"]) == ("post", "multipart/form-data")
        answer = await submit(browser, "/hub/spawn?next=/user/bob/x", {"size": ["big", "odd"], "other": ""})
        assert path_of(answer) == "/hub/spawn-pending/bob?next=%2Fuser%2Fbob%2Fx"
        assert options_of(hub, "bob") == {"size": ["big", "odd"], "other": [""]}


async def test_files_are_handed_on_as_they_came_and_kept_as_text(autojump_clock: object) -> None:
    seen: list[Any] = []

    async def read(data: dict[str, list[Any]]) -> dict[str, Any]:
        seen.append(data)
        return {"hello": data["hello_file"][0], "picture": data["picture_file"][0]["body"], "pair": (1, 2)}

    settings = with_spawner(options_form="<input type=file name=hello>", options_from_form=trio_hook(read))
    async with hub_in_memory(settings) as hub:
        browser = await logged_in(hub, "bob")
        files = {"hello": ("hello.txt", b"hello world\n"), "picture": ("x.bin", b"\xff\x00")}
        await submit(browser, "/hub/spawn", {"size": "1"}, files=files)
        assert seen[0]["size"] == ["1"]
        assert seen[0]["hello_file"][0]["body"] == b"hello world\n"
        options = options_of(hub, "bob")
        assert options is not None
        assert (options["hello"]["body"], options["hello"]["filename"]) == ("hello world\n", "hello.txt")
        assert options["picture"] == "data:application/octet-stream;base64,/wA="
        assert options["pair"] == [1, 2]
        model = (await browser.call("GET", "/users/bob/server")).json()
        assert model["user_options"] == options


async def test_a_form_that_is_refused_comes_back_with_why(autojump_clock: object) -> None:
    async def read(data: dict[str, list[Any]]) -> dict[str, Any]:
        raise SpawnError("Too <big>.", status=400, html_message="Too <em>big</em>.")

    settings = with_spawner(options_form=FORM, options_from_form=trio_hook(read))
    async with hub_in_memory(settings) as hub:
        browser = await logged_in(hub, "bob")
        answer = await submit(browser, "/hub/spawn", {"size": "99"}, 400)
        page = check_page(answer)
        assert page.one(class_="spawn-error-msg").one("em").text == "big"
        assert page.one("input", id_="size")["value"] == "99"
        assert options_of(hub, "bob") is None


@pytest.mark.parametrize("by_query", [False, True])
async def test_what_the_configuration_does_not_take_is_told_on_the_form(
    by_query: bool, autojump_clock: object
) -> None:
    """As in JupyterHub it is no error of HTTP's; and what was filled in need not be filled in again."""

    async def read(data: dict[str, list[Any]]) -> dict[str, Any]:
        raise ValueError(f"{data['size'][0]} is no size; password=geheim1")

    async with hub_in_memory(with_spawner(options_form=FORM, options_from_form=trio_hook(read))) as hub:
        browser = await logged_in(hub, "bob")
        if by_query:
            page = await shown(browser, "/hub/spawn?size=99")
        else:
            page = check_page(await submit(browser, "/hub/spawn", {"size": "99"}, 200))
        assert page.one(class_="spawn-error-msg").text == "Error: 99 is no size; password=[secret]"
        assert page.one("input", id_="size")["value"] == "99"
        assert options_of(hub, "bob") is None


async def test_headers_of_what_a_hook_raises_are_those_of_the_answer(autojump_clock: object) -> None:
    class LaterError(HTTPError):
        headers = {"Retry-After": "120"}  # noqa: RUF012

    async def later(*_: Any) -> None:
        raise LaterError(429, "later")

    async with hub_in_memory(with_spawner(pre_spawn_hook=trio_hook(later))) as hub:
        answer = await (await logged_in(hub, "bob")).call("POST", "/users/bob/server")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "120")
    hooks = {"options_form": FORM, "options_from_form": trio_hook(later)}
    async with hub_in_memory(with_spawner(**hooks)) as hub:
        answer = await submit(await logged_in(hub, "bob"), "/hub/spawn", {"size": "1"}, 429)
        assert answer.headers["Retry-After"] == "120"


@pytest.mark.parametrize("by_query", [False, True])
async def test_an_http_error_of_the_form_is_told_with_its_status(
    by_query: bool, autojump_clock: object
) -> None:
    async def read(data: dict[str, list[Any]]) -> dict[str, Any]:
        raise SpawnException("No room.", reason="full", status_code=503, log_message="node 7 is full")

    async with hub_in_memory(with_spawner(options_form=FORM, options_from_form=trio_hook(read))) as hub:
        browser = await logged_in(hub, "bob")
        if by_query:
            page = await shown(browser, "/hub/spawn?size=99", 503)
        else:
            page = check_page(await submit(browser, "/hub/spawn", {"size": "99"}, 503))
        assert page.one(class_="spawn-error-msg").text == "Error: No room."
        assert "node 7" not in page.text


async def test_a_form_that_says_nothing_is_no_options(autojump_clock: object) -> None:
    async def read(data: dict[str, list[Any]]) -> None:
        return None

    async with hub_in_memory(with_spawner(options_form=FORM, options_from_form=trio_hook(read))) as hub:
        await submit(await logged_in(hub, "bob"), "/hub/spawn", {"size": "99"})
        assert options_of(hub, "bob") == {}


async def test_a_hook_that_breaks_is_told_on_the_page_and_in_the_progress(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Its text is for those who follow the start; callers of the API are told that it went wrong. As JupyterHub."""

    async def prepare(_: Any) -> None:
        raise RuntimeError("no volume of that name; token=geheim1")

    async with hub_in_memory(with_spawner(pre_spawn_hook=trio_hook(prepare))) as hub:
        browser = await logged_in(hub, "bob")
        answer = await browser.call("POST", "/users/bob/server")
        assert (answer.status_code, answer.json()["message"]) == (500, "Internal Server Error")
        page = await shown(browser, "/hub/spawn-pending/bob", 500)
        assert page.one(class_="alert").text == "no volume of that name; token=[secret]"
        stream = await browser.call("GET", "/users/bob/server/progress")
        said = json.loads(stream.text.strip().splitlines()[-1].removeprefix("data: "))
        assert said["message"] == "Spawn failed: no volume of that name; token=[secret]"
        assert "geheim1" not in str([record.event for record in hub.store.read_all()])
    (failed,) = [record for record in caplog.records if record.name == "callboard.hooks"]
    assert failed.exc_info is not None


async def test_the_form_may_be_a_function_of_the_spawner(autojump_clock: object) -> None:
    async def form(spawner: Any) -> str:
        return f"<p id='whose'>{spawner.user.name}/{spawner.name}</p><script>x()</script>"

    async with hub_in_memory(with_spawner(options_form=trio_hook(form))) as hub:
        browser = await logged_in(hub, "bob")
        answer = await browser.get("/hub/spawn/bob/lab", headers=NAVIGATES)
        page = check_page(answer)
        assert page.one(id_="whose").text == "bob/lab"
        own = next(script for script in page.all("script") if script.text == "x()")
        assert f"'nonce-{own['nonce']}'" in answer.headers["content-security-policy"]
        assert servers.by_name(hub.store.db, users.by_name(hub.store.db, "bob").id, "lab") is None  # type: ignore[union-attr]
        alice = await logged_in(hub, "alice", browser.app)
        page = await shown(alice, "/hub/spawn/bob")
        assert "Spawning server for bob" in page.one("main").text


async def test_an_empty_form_is_none(autojump_clock: object) -> None:
    async def form(_: Any) -> str:
        return ""

    async with hub_in_memory(with_spawner(options_form=trio_hook(form))) as hub:
        browser = await logged_in(hub, "bob")
        assert path_of(await browser.get("/hub/spawn", headers=NAVIGATES)) == "/hub/spawn-pending/bob"


async def test_a_form_that_breaks_is_an_error_page() -> None:
    async def form(_: Any) -> str:
        raise RuntimeError("secret")

    async with hub_in_memory(with_spawner(options_form=trio_hook(form))) as hub:
        page = await shown(await logged_in(hub, "bob"), "/hub/spawn", 500)
        assert "secret" not in page.text


async def test_a_form_without_its_token_is_refused_and_starts_nothing(autojump_clock: object) -> None:
    async with hub_in_memory(with_spawner(options_form=FORM)) as hub:
        browser = await logged_in(hub, "bob")
        for query in ("", "?_xsrf=wrong"):
            answer = await browser.post(f"/hub/spawn{query}", data={"size": "1"}, headers=NAVIGATES)
            assert answer.status_code == 403
            check_page(answer)
        assert options_of(hub, "bob") is None


async def test_a_server_that_runs_or_starts_is_not_started_again(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub, "bob")
    slow = {"simulate": {"delay": 30}}
    await client.post("/users/bob/server", json={"user_options": slow})
    assert path_of(await browser.get("/hub/spawn", headers=NAVIGATES)) == "/hub/spawn-pending/bob"
    answer = await browser.post("/hub/spawn", data={"_xsrf": browser.xsrf}, headers=NAVIGATES)
    assert answer.status_code == 400
    await trio.sleep(40)
    answer = await browser.post("/hub/spawn", data={"_xsrf": browser.xsrf}, headers=NAVIGATES)
    assert answer.status_code == 400
    assert "already running" in check_page(answer).one("main").text


async def test_after_a_failure_another_visit_tries_again_with_the_same_options(
    hub: Hub, autojump_clock: object
) -> None:
    browser = await logged_in(hub, "bob")
    options = {"simulate": {"fail": "no disk", "fail_status": 507}}
    await browser.call("POST", "/users/bob/server", json={"user_options": options})
    page = await shown(browser, "/hub/spawn", 507)
    assert "no disk" in page.one("main").text
    assert options_of(hub, "bob") == options


async def test_a_slow_failure_is_told_of_by_the_page_that_waits(hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    options = {"simulate": {"fail": "<i>no</i> disk", "fail_status": 507, "delay": 20}}
    answer = await browser.call("POST", "/users/bob/server", json={"user_options": options})
    assert answer.status_code == 202
    await trio.sleep(20)
    page = await shown(browser, "/hub/spawn-pending/bob?next=/user/bob/x", 507)
    assert page.one("h1").text == "Your server could not be started"
    assert page.one(class_="alert").text == "<i>no</i> disk"
    relaunch = page.one("a", id_="start")
    assert relaunch.text == "Relaunch my server"
    assert relaunch["href"] == "/hub/spawn/bob?next=%2Fuser%2Fbob%2Fx"


async def test_the_limit_on_named_servers_holds_here_too(autojump_clock: object) -> None:
    async with hub_in_memory(settings_for_tests(named_server_limit_per_user=1)) as hub:
        browser = await logged_in(hub, "bob")
        assert (await browser.get("/hub/spawn/bob/one", headers=NAVIGATES)).status_code == 302
        await shown(browser, "/hub/spawn/bob/two", 400)
