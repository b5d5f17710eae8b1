"""The pages as people read them whose browsers want German, French or Spanish."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, log_in
from tests.browser.test_looks import PAGES, hub, look_at  # noqa: F401 -- the hub is a fixture
from tests.integration.hub import RealHub
from web.texts.catalogues import catalogue

pytestmark = pytest.mark.slow

LOCALES = {"de": "de-DE", "fr": "fr-FR", "es": "es-MX"}
Say = Callable[[str], str]

# What is the same in all languages: names of people and servers, words of the configuration, of programs and of HTTP.
THE_SAME = re.compile(
    r"Data Lab|Course 101|Callboard|small, 2 GB|large, 16 GB|Size of the machine|What do you need it for"
    r"|with a graphics card"
    r"|The image could not be pulled|Backup script on my laptop|Found a machine|Pulling the image|Loading the kernel"
    r"|Reading a very large file|read:|servers!|access:|://|/user/"
)

READ = """() => {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        if (node.nodeType === Node.TEXT_NODE) {
            if (!node.parentElement.closest("script, style, pre, noscript, .languages")) found.push(node.data.trim());
        } else {
            for (const name of ["title", "placeholder", "aria-label", "alt", "data-working", "data-label"]) {
                found.push(node.getAttribute(name) ?? "");
            }
        }
    }
    return [document.title, ...found];
}"""


def page_in(windows: Windows, hub: RealHub, language: str, **options: bool) -> Page:  # noqa: F811
    return windows.context(url=hub.url, locale=LOCALES[language], **options).new_page()


def words_of(language: str) -> Say:
    return catalogue(language).translations.gettext


@pytest.mark.parametrize("language", LOCALES)
def test_a_day_in_a_language(hub: RealHub, windows: Windows, language: str) -> None:  # noqa: F811
    _ = words_of(language)
    page = page_in(windows, hub, language)
    page.goto("/hub/login")
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("#login_submit")).to_have_text(_("Log in"))
    log_in(page, f"grace-{language}")

    state = page.locator(".state-text").first
    expect(state).to_have_text(_("Stopped"))
    page.click("#start")
    page.wait_for_url(re.compile("/user/"))
    page.goto("/hub/home")
    expect(state).to_have_text(_("Running"))
    page.click("#stop")
    expect(state).to_have_text(_("Stopped"))
    expect(page.locator(".facts").first).to_contain_text(_("Stopped by you.").rstrip("."))

    page.fill("#new-server-name", "Mein Labor")
    page.click("#new-server-btn")
    expect(page.locator("#notice")).to_have_text(_("{name} is added.").format(name="Mein Labor"))
    page.click(".delete-server")
    expect(page.locator("#ask-title")).to_have_text(_("Delete {name}?").format(name="Mein Labor"))
    page.click("#ask-no")

    page.goto("/hub/token")
    page.keyboard.press("Tab")
    page.click("#request-token-form [type=submit]")
    expect(page.locator("#token-lists h2").first).to_have_text(_("API Tokens"))
    page.goto("/hub/nothing")
    expect(page.locator("h1")).to_contain_text(_("Not Found"))
    page.goto("/hub/language/nl")
    expect(page.locator("main p").first).to_have_text(_("The hub has no pages in that language."))


@pytest.mark.parametrize("scripts", [True, False])
def test_the_menu_changes_the_language_and_leads_back(hub: RealHub, windows: Windows, scripts: bool) -> None:  # noqa: F811
    page = page_in(windows, hub, "de", scripts=scripts)
    log_in(page, "carol", "/hub/token")
    page.click(".languages summary")
    page.click(".languages a[lang=fr]")
    page.wait_for_url("**/hub/token")
    expect(page.locator("h1")).to_have_text(words_of("fr")("Tokens"))
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.goto("/hub/home")
    expect(page.locator("#logout")).to_have_text(words_of("fr")("Log out"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_in_german_on_a_phone_has_no_english_left(hub: RealHub, windows: Windows, name: str) -> None:  # noqa: F811
    who, path = PAGES[name]
    english = windows.context(phone=True, url=hub.url).new_page()
    german = page_in(windows, hub, "de", phone=True)
    for page in (english, german):
        if who:
            log_in(page, who, path)
        if not page.url.endswith(path):
            page.goto(path)
    look_at(german, f"{name}-german")
    texts = set(english.evaluate(READ)) & set(german.evaluate(READ))
    assert [text for text in texts if re.search(r"[a-z] [a-z]", text) and not THE_SAME.search(text)] == []


def test_the_menu_of_a_phone_in_german(hub: RealHub, windows: Windows) -> None:  # noqa: F811
    page = page_in(windows, hub, "de", phone=True)
    log_in(page, "bob")
    page.click("#menu-button")
    page.click(".languages summary")
    look_at(page, "menu-german")
