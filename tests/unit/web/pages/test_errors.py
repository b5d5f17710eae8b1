"""Errors as pages, and templates of the configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from quart.testing import WebsocketResponseError

from core.settings import TornadoSettings
from tests.conftest import ADMIN_TOKEN, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import FETCHES, NAVIGATES, Browser, logged_in, path_of
from tests.unit.web.pages.html import check_page, shown
from web.app.app import build_app
from web.hub.hub import Hub


async def test_an_unknown_page_is_a_page_and_an_unknown_part_of_the_api_is_json(hub: Hub) -> None:
    async with Browser(hub) as browser:
        page = await shown(browser, "/hub/nothing", 404)
        assert page.one("h1").text == "404 : Not Found"
        answer = await browser.get("/hub/api/nothing")
        assert answer.json() == {"status": 404, "message": "Not Found"}


async def test_an_error_page_names_the_request(hub: Hub) -> None:
    async with Browser(hub) as browser:
        answer = await browser.get("/hub/nothing/at/all")
        assert answer.headers["x-request-id"] in check_page(answer).one("main").text


async def test_a_wrong_method_is_a_page_that_says_which_are_right(hub: Hub) -> None:
    async with Browser(hub) as browser:
        answer = await browser.put("/hub/error/404")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, OPTIONS")
        assert check_page(answer).one("h1").text == "405 : Method Not Allowed"


async def test_the_pages_a_proxy_shows_are_200(hub: Hub) -> None:
    async with Browser(hub) as browser:
        for status, phrase in ((404, "Not Found"), (503, "Service Unavailable")):
            page = await shown(browser, f"/hub/error/{status}")
            assert page.one("h1").text == f"{status} : {phrase}"
        assert (await shown(browser, "/hub/error/banana")).one("h1").text == "404 : Not Found"
        assert (await shown(browser, "/hub/error/99999")).one("h1").text == "404 : Not Found"


async def test_what_the_address_says_is_never_part_of_the_page(hub: Hub) -> None:
    async with Browser(hub) as browser:
        for path in (
            "/hub/<script>alert(1)</script>",
            "/hub/error/<b>",
            "/hub/x?y=%22><script>alert(1)</script>",
        ):
            answer = await browser.get(path)
            assert "alert(1)" not in answer.text
            assert "<b>" not in answer.text


async def test_each_page_has_a_nonce_of_its_own(hub: Hub) -> None:
    async with Browser(hub) as browser:
        policies = {
            (await browser.get("/hub/error/404")).headers["content-security-policy"] for _ in range(3)
        }
        assert len(policies) == 3
        assert all(re.search(r"script-src 'self' 'nonce-[\w-]{22}'", policy) for policy in policies)


async def test_what_is_outside_the_hub_is_looked_for_inside() -> None:
    async with hub_in_memory(settings_for_tests(base_url="/some%20base/")) as hub, Browser(hub) as browser:
        answer = await browser.get("/some%20base/anything/else?x=1&x=%20")
        assert answer.status_code == 302
        assert answer.headers["location"] == "/some%20base/hub/anything/else?x=1&x=%20"
        assert (await browser.post("/some%20base/anything")).status_code == 404
        page = await shown(browser, "/elsewhere", 404)
        assert page.one("a", id_="jupyterhub-logo")["href"] == "/some%20base/hub/"


async def test_templates_of_the_configuration_extend_ours_and_their_scripts_work(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '{% extends "templates/page.html" %}{% block header %}<p id="mine">{{ campus }} {{ greet }}</p>{% endblock %}'
        "{% block script %}{{ super() }}<script>mine()</script>{% endblock %}"
    )
    (tmp_path / "418.html").write_text(
        '{% extends "error.html" %}{% block h1_error %}<h1>Tea</h1>{% endblock %}'
    )
    variables = {
        "campus": "<North>",
        "greet": lambda user: f"hello {user}",
        "announcement": "<b>closed</b> on Monday<script>now()</script>",
    }
    settings = settings_for_tests(template_paths=[str(tmp_path)], template_vars=variables)
    async with hub_in_memory(settings) as hub, Browser(hub) as browser:
        answer = await browser.get("/hub/error/418")
        page = check_page(answer)
        assert page.one("h1").text == "Tea"
        assert page.one(id_="mine").text == "<North> hello None"
        assert page.one(class_="announcement").one("b").text == "closed"
        nonce = re.search(r"'nonce-([\w-]+)'", answer.headers["content-security-policy"])
        assert nonce is not None
        own = [script for script in page.all("script") if "nonce" in script.attributes]
        assert [script.text for script in own] == ["now()", "mine()"]
        assert {script["nonce"] for script in own} == {nonce[1]}


async def test_a_broken_template_of_the_configuration_still_leaves_an_answer(tmp_path: Path) -> None:
    (tmp_path / "error.html").write_text("{{ 1 / 0 }}")
    async with (
        hub_in_memory(settings_for_tests(template_paths=[str(tmp_path)])) as hub,
        Browser(hub) as browser,
    ):
        answer = await browser.put("/hub/error/404")
        assert (answer.status_code, answer.json()["message"]) == (405, "Method Not Allowed")


async def test_a_policy_of_the_configuration_takes_the_place_of_ours() -> None:
    settings = settings_for_tests()
    theirs = {"Content-Security-Policy": "default-src *"}
    tornado = TornadoSettings(headers=theirs)
    settings = replace(settings, hub=replace(settings.hub, tornado_settings=tornado))
    async with hub_in_memory(settings) as hub, Browser(hub) as browser:
        answer = await browser.get("/hub/error/404")
        assert answer.headers["content-security-policy"] == "default-src *"


async def test_a_refusal_never_takes_the_token_of_a_login_away(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    token = browser.xsrf
    await browser.put("/user/bob/lab/api/workspaces")  # the login's cookie is not sent there
    await browser.get("/hub/nothing")
    browser.headers["Authorization"] = f"token {ADMIN_TOKEN}"
    assert (await browser.get("/hub/user/alice/lab", headers=NAVIGATES)).status_code == 424
    assert (await browser.get("/hub/user/nobody/lab", headers=NAVIGATES)).status_code == 404
    assert browser.xsrf == token


async def test_a_websocket_to_a_server_that_does_not_run_is_refused(hub: Hub) -> None:
    app = build_app(hub)
    with pytest.raises(ExceptionGroup) as refused:
        async with app.test_client().websocket("/user/bob/api/kernels/x/channels") as socket:
            await socket.receive()
    assert refused.group_contains(WebsocketResponseError, match="400")


async def test_the_base_url_without_its_slash_leads_to_it() -> None:
    async with hub_in_memory(settings_for_tests(base_url="/base/")) as hub, Browser(hub) as browser:
        answer = await browser.get("/base?a=b")
        assert (answer.status_code, path_of(answer)) == (308, "/base/?a=b")
        assert (await browser.post("/base")).status_code == 404


@pytest.mark.parametrize("path", ["/hub/login", "/hub/error/503", "/hub/logout", "/hub/nothing", "/hub/home"])
async def test_no_page_tells_a_script_the_token_that_it_does_not_know(hub: Hub, path: str) -> None:
    """It may be a script of somebody's server, which is on the same host and is read by whoever visits it."""
    browser = Browser(hub)
    await browser.log_in("bob")
    token = browser.xsrf
    read = await browser.get(path, headers=FETCHES)
    assert token not in read.text
    assert "_xsrf" not in "".join(read.headers.get_list("set-cookie"))
    assert token in (await browser.get("/hub/nothing", headers=NAVIGATES)).text
    assert browser.xsrf == token
