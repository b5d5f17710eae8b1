"""The pages for administrators: who may see them, and what they hand to scripts. What they do: tests/browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.conftest import Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in, path_of
from tests.unit.web.pages.html import check_page, shown
from web.hub.hub import Hub


@asynccontextmanager
async def viewed(hub: Hub, name: str = "alice") -> AsyncIterator[Browser]:
    browser = await logged_in(hub, name)
    try:
        yield browser
    finally:
        await browser.aclose()


PAGES = ["admin", "admin/groups", "admin/services", "admin/hub"]


@pytest.mark.parametrize("path", PAGES)
async def test_administrators_see_it(hub: Hub, path: str) -> None:
    async with viewed(hub) as browser:
        page = await shown(browser, f"/hub/{path}")
        tabs = page.one("nav", aria_label="Administration")
        (current,) = tabs.all("a", aria_current="page")
        assert current["href"] == f"/hub/{path}"
        assert page.one("header").one("a", href="/hub/admin").attributes["aria-current"]


@pytest.mark.parametrize("path", PAGES)
async def test_others_get_a_page_that_says_no(hub: Hub, path: str) -> None:
    async with viewed(hub, "bob") as browser:
        page = await shown(browser, f"/hub/{path}", 403)
        assert "admin-ui" in page.one("main").text
        assert not page.one("header").all("a", href="/hub/admin")


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_is_sent_to_log_in(hub: Hub, path: str) -> None:
    async with Browser(hub) as browser:
        answer = await browser.get(f"/hub/{path}", headers=NAVIGATES)
        assert (answer.status_code, path_of(answer)) == (
            302,
            f"/hub/login?next=%2Fhub%2F{path.replace('/', '%2F')}",
        )


@pytest.mark.parametrize("path", PAGES)
async def test_a_token_is_no_way_in(client: Client, path: str) -> None:
    """Pages are for browsers: they know people by cookies alone."""
    answer = await client.get(f"http://hub.test/hub/{path}")
    assert answer.status_code == 302


@pytest.mark.parametrize("path", PAGES)
async def test_scripts_are_files_of_the_hub(hub: Hub, path: str) -> None:
    """Nothing on it needs a policy that is laxer than that of any page."""
    async with viewed(hub) as browser:
        answer = await browser.get(f"/hub/{path}", headers=NAVIGATES)
        check_page(answer)
        for script in re.findall(r"<script[^>]*>", answer.text):
            assert 'src="/hub/static/' in script or 'type="application/json"' in script
        assert not re.search(r"\s(style|on[a-z]+)=", answer.text)
        assert answer.headers["cache-control"] == "no-store"


async def test_who_may_open_it_and_no_more_is_offered_no_more() -> None:
    settings = settings_for_tests(
        load_roles=[{"name": "watchers", "users": ["bob"], "scopes": ["admin-ui", "list:users"]}]
    )
    async with hub_in_memory(settings) as hub, viewed(hub, "bob") as browser:
        page = await shown(browser, "/hub/admin")
        for offered in ("add-users", "delete-picked"):
            assert not page.all(id_=offered)
        assert not page.all("button", class_="delete-user")
        assert not page.all("button", class_="rename")
        assert not (await shown(browser, "/hub/admin/groups")).all(id_="new-group")
        assert not (await shown(browser, "/hub/admin/hub")).all(id_="shutdown")


async def test_sizes_of_pages_are_those_of_the_configuration() -> None:
    settings = settings_for_tests(api_page_default_limit=30, api_page_max_limit=60)
    async with hub_in_memory(settings) as hub, viewed(hub) as browser:
        page = await shown(browser, "/hub/admin")
        assert page.one(id_="users")["data-limit"] == "30"
        sizes = page.one("select", id_="limit").all("option")
        assert [one["value"] for one in sizes] == ["20", "30", "50"]
        assert [one["value"] for one in sizes if "selected" in one.attributes] == ["30"]


async def test_the_form_says_what_ends_with_the_hub() -> None:
    for ends in (True, False):
        settings = settings_for_tests(cleanup_servers=ends, cleanup_proxy=not ends)
        async with hub_in_memory(settings) as hub, viewed(hub) as browser:
            page = await shown(browser, "/hub/admin/hub")
            assert ("checked" in page.one(id_="end-servers").attributes) is ends
            assert ("checked" in page.one(id_="end-proxy").attributes) is not ends


async def test_a_request_is_looked_for_by_its_number_from_every_page(hub: Hub) -> None:
    async with viewed(hub) as browser:
        box = (await shown(browser, "/hub/admin/groups")).one("form", class_="find-request")
        assert (box["action"], box.one("input")["name"]) == ("/hub/admin/request", "number")
        page = await shown(browser, "/hub/admin/request?number=%20abc%22%3E%20")
        assert page.one("p", id_="request-said")["data-number"] == 'abc">'
        assert page.one("form", role="search").one("input")["value"] == 'abc">'
        assert "callboard log --request" in page.one("main").one("noscript").text


async def test_errors_lead_administrators_to_what_came_of_the_request(hub: Hub) -> None:
    async with viewed(hub) as browser:
        main = (await shown(browser, "/hub/nothing", 404)).one("main")
        assert main.one("a", href=f"/hub/admin/request?number={main.one('code').text}")
    async with viewed(hub, "bob") as browser:
        main = (await shown(browser, "/hub/nothing", 404)).one("main")
        assert "Whoever runs this hub" in main.text
