"""In which language pages are, and how somebody changes it."""

from __future__ import annotations

import pytest

from tests.unit.web.pages.browser import Browser
from tests.unit.web.pages.html import shown
from web.hub.hub import Hub
from web.texts.languages import LANGUAGES

GERMAN = {"Accept-Language": "de-CH,de;q=0.9,en;q=0.8"}


async def test_a_page_is_in_the_language_that_the_browser_wants(hub: Hub) -> None:
    async with Browser(hub, **GERMAN) as browser:
        page = await shown(browser, "/hub/login")
        assert page.one("html")["lang"] == "de"
        assert page.one("a", class_="skip").text == "Zum Inhalt springen"
        answer = await browser.get("/hub/login")
        assert answer.headers["content-language"] == "de"
        assert answer.headers["vary"] == "Accept-Language, Cookie"


async def test_the_menu_has_every_language_under_its_own_name_and_leads_back(hub: Hub) -> None:
    async with Browser(hub, **GERMAN) as browser:
        page = await shown(browser, "/hub/login?next=%2Fhub%2Ftoken")
        links = page.one("details", class_="languages").all("a")
        assert {link["lang"]: link.text for link in links} == dict(LANGUAGES)
        assert [link["lang"] for link in links if link.has("aria-current", "true")] == ["de"]
        french = next(link for link in links if link["lang"] == "fr")
        answer = await browser.get(french["href"])
        assert answer.headers["location"] == "/hub/login?next=%2Fhub%2Ftoken"
        page = await shown(browser, "/hub/login")
        assert page.one("html")["lang"] == "fr"


@pytest.mark.parametrize(
    "next_url", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"]
)
async def test_the_menu_leads_nowhere_else(hub: Hub, next_url: str) -> None:
    async with Browser(hub, **GERMAN) as browser:
        answer = await browser.get("/hub/language/de", params={"next": next_url})
        assert answer.status_code == 302
        assert "evil" not in answer.headers["location"].partition("%5C")[0]
        assert answer.headers["location"].startswith("/")


@pytest.mark.parametrize("language", ["nl", "DE", "de%0d%0aX-Evil:1", "..%2f..%2fx"])
async def test_a_language_that_there_is_not_is_refused_and_not_kept(hub: Hub, language: str) -> None:
    async with Browser(hub, **GERMAN) as browser:
        answer = await browser.get(f"/hub/language/{language}")
        assert answer.status_code in (400, 404)
        assert "callboard-language" not in answer.headers.get("set-cookie", "")


async def test_a_cookie_that_names_no_language_counts_for_nothing(hub: Hub) -> None:
    async with Browser(hub, **GERMAN) as browser:
        browser.cookies.set("callboard-language", "../../etc", path="/hub/")
        assert (await shown(browser, "/hub/login")).one("html")["lang"] == "de"


async def test_the_cookie_goes_to_pages_of_the_hub_alone(hub: Hub) -> None:
    async with Browser(hub, **GERMAN) as browser:
        cookie = (await browser.get("/hub/language/es")).headers["set-cookie"]
        assert cookie.startswith("callboard-language=es;")
        for attribute in ("HttpOnly", "Path=/hub/", "SameSite=Lax", "Max-Age=31536000"):
            assert attribute in cookie


async def test_the_way_back_carries_no_token_of_a_form(hub: Hub) -> None:
    async with Browser(hub, **GERMAN) as browser:
        page = await shown(browser, "/hub/login?_xsrf=secret&callboard=x&next=%2Fhub%2F")
        assert all("secret" not in link["href"] for link in page.one("details", class_="languages").all("a"))


async def test_programs_are_told_in_english_whatever_was_answered_before(hub: Hub) -> None:
    async with Browser(hub, **GERMAN) as browser:
        await browser.get("/hub/login")
        answer = await browser.get("/hub/api/user")
        assert answer.json()["message"] == "Missing or invalid credentials."


async def test_without_a_wish_they_are_in_english(hub: Hub) -> None:
    async with Browser(hub) as browser:
        page = await shown(browser, "/hub/login")
        assert page.one("html")["lang"] == "en"
        assert page.one("a", class_="skip").text == "Skip to the content"


async def test_scripts_come_in_the_language_of_the_page_and_are_kept_for_ever(hub: Hub) -> None:
    async with Browser(hub, **GERMAN) as browser:
        page = await shown(browser, "/hub/login")
        script = next(one["src"] for one in page.all("script") if "page.js" in one.attributes.get("src", ""))
        assert script.endswith(".de")
        answer = await browser.get(script)
        assert "immutable" in answer.headers["cache-control"]
        assert '_("Farben: {name}"' in answer.text
        imported = answer.text.partition('from "./texts.js')[2].partition('"')[0]
        assert imported == f"?v={hub.presentation.static.version}.de"


async def test_styles_are_the_same_in_every_language(hub: Hub) -> None:
    async with Browser(hub, **GERMAN) as browser:
        page = await shown(browser, "/hub/login")
        styles = [one["href"] for one in page.all("link", rel="stylesheet")]
        assert styles
        assert all(one.endswith(hub.presentation.static.version) for one in styles)
