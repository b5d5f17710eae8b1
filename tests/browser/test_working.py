"""Buttons on a slow line: they say that they are at work, cannot be pressed twice, and keep the focus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Windows, log_in, running, slow_down
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
"""
LATENCY = 1500  # milliseconds


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("working"), config=CONFIG)) as hub:
        yield hub


def a_slow_page(hub: RealHub, windows: Windows, name: str, path: str) -> Page:
    context = windows.context(url=hub.url)
    page = context.new_page()
    log_in(page, name, path)
    slow_down(page, LATENCY)
    return page


def expect_at_work(button: Locator, says: str) -> None:
    expect(button).to_have_attribute("aria-busy", "true")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button.locator(".doing")).to_have_text(says)


def tokens_of(hub: RealHub, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hub.request("GET", f"/hub/api/users/{name}/tokens").json()["api_tokens"]
    return [token for token in found if token["note"] == "once"]


@pytest.mark.parametrize("how", ["pointer", "keyboard"])
def test_one_token_is_made_however_often_it_is_asked_for(hub: RealHub, windows: Windows, how: str) -> None:
    name = f"impatient-{how}"
    page = a_slow_page(hub, windows, name, "/hub/token")
    page.fill("#token-note", "once")
    button = page.locator("#request-token-form button")
    if how == "pointer":
        button.click(click_count=3)
    else:
        button.focus()
        for _ in range(3):
            page.keyboard.press("Enter")
        page.focus("#token-note")
        page.keyboard.press("Enter")
    expect_at_work(button, "Requesting…")
    expect(page.locator("#token-area")).to_be_visible()
    expect(button).not_to_have_attribute("aria-busy", "true")
    expect(button).to_have_text("Request new API token")
    assert len(tokens_of(hub, name)) == 1


def test_a_login_is_sent_once(hub: RealHub, windows: Windows) -> None:
    context = windows.context(url=hub.url)
    page = context.new_page()
    page.goto("/hub/login")
    slow_down(page, LATENCY)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if "/hub/login" in request.url else None)
    page.fill("#username_input", "lena")
    page.fill("#password_input", "any")
    page.locator("#login_submit").click(click_count=2)
    expect_at_work(page.locator("#login_submit"), "Logging in…")
    page.focus("#password_input")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/hub/login" not in url)
    assert sent == ["POST"]


def test_what_is_at_work_stays_so_when_its_row_is_drawn_anew(hub: RealHub, windows: Windows) -> None:
    hub.add_user("mona")
    hub.begin("mona")
    hub.wait_ready("mona")
    page = a_slow_page(hub, windows, "mona", "/hub/home")
    page.goto("/hub/home")
    button = page.locator("#stop")
    button.focus()
    page.keyboard.press("Enter")
    expect_at_work(button, "Stopping…")
    expect(page.locator("#said")).to_have_text("Stopping…")
    hub.begin("mona", "other")  # the page is drawn anew because of it
    expect(page.locator(".state-text").first).to_have_text("Stopped")
    expect(page.locator("#start")).to_be_focused()


def test_a_link_that_looks_like_a_button_is_at_work_until_its_page_comes(
    hub: RealHub, windows: Windows
) -> None:
    page = a_slow_page(hub, windows, "nils", "/hub/home")
    page.goto("/hub/home")
    pressed = "link => { link.click(); return [link.ariaBusy, link.querySelector('.doing').textContent] }"
    assert page.locator("#start").evaluate(pressed) == ["true", "Starting…"]
    page.wait_for_url(re.compile("/user/nils/|/hub/spawn-pending/"))


def test_a_load_that_is_broken_off_gives_the_button_back(hub: RealHub, windows: Windows) -> None:
    context = windows.context(url=hub.url)
    page = context.new_page()
    page.goto("/hub/login")
    slow_down(page, LATENCY)
    page.fill("#username_input", "olga")
    page.locator("#login_submit").click(no_wait_after=True)
    expect_at_work(page.locator("#login_submit"), "Logging in…")
    page.keyboard.press("Escape")
    expect(page.locator("#login_submit")).not_to_have_attribute("aria-busy", "true")
