"""A day with the hub, as people have it: a real browser, JupyterLab, and a hub that is killed in between."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, log_in, running
from tests.integration.hub import BIN, RealHub, wait_for

pytestmark = pytest.mark.slow

JUPYTERLAB = [str(BIN / "jupyterhub-singleuser"), *(["--allow-root"] if os.geteuid() == 0 else [])]
SLOWLY = 90_000  # milliseconds: JupyterLab on a busy machine
CONFIG = (
    'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}\nc.JupyterHub.redirect_to_server = False\n'
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RealHub]:
    with running(RealHub(tmp_path / "hub", cmd=JUPYTERLAB, config=CONFIG)) as hub:
        yield hub


def test_from_the_first_login_to_the_last_logout(hub: RealHub, windows: Windows) -> None:
    context = windows.context(url=hub.url)
    page = context.new_page()
    page.goto("/")
    log_in(page, "alice")
    _start(page)
    _run_a_cell(page, "6 * 7", "42")
    hub.restart()
    _run_a_cell(page, "'still ' + 'here'", "still here")

    home = context.new_page()
    home.goto("/hub/home")
    expect(home.locator(".state-text").first).to_have_text("Running")
    home.click("#stop")
    expect(home.locator(".state-text").first).to_have_text("Stopped", timeout=SLOWLY)
    expect(home.locator(".facts").first).to_contain_text("Stopped by you.")

    token = _make_a_token(home)
    answer = requests.get(f"{hub.url}/hub/api/user", headers={"Authorization": f"token {token}"}, timeout=10)
    assert answer.json()["name"] == "alice"

    other = context.new_page()
    other.goto("/hub/home")
    home.click("#logout")
    home.wait_for_selector("#username_input")
    other.fill("#new-server-name", "lab")
    other.click("#new-server-btn")
    other.wait_for_url(re.compile(r"/hub/login\?next="))


def _start(page: Page) -> None:
    page.goto("/hub/home")
    page.click("#start")
    page.wait_for_selector("#progress-bar, .jp-Launcher", timeout=SLOWLY)
    page.wait_for_url(re.compile("/user/alice/lab"), timeout=SLOWLY)
    page.wait_for_selector(".jp-Launcher", timeout=SLOWLY)
    with page.expect_websocket(lambda socket: "/channels" in socket.url, timeout=SLOWLY) as kernel:
        page.click('.jp-LauncherCard[data-category="Notebook"]')
    if not kernel.value.is_closed():
        kernel.value.wait_for_event("framereceived", timeout=SLOWLY)  # what is run before that is lost
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=SLOWLY)


def _run_a_cell(page: Page, code: str, result: str) -> None:
    editor = page.locator(".jp-Notebook .jp-CodeCell .cm-content").last
    editor.click()
    expect(editor).to_be_focused()
    page.keyboard.type(code, delay=10)
    expect(editor).to_have_text(code)
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text(result, timeout=SLOWLY)


def _make_a_token(page: Page) -> str:
    page.goto("/hub/token")
    page.fill("#token-note", "From a test")
    page.click("#request-token-form button")
    page.wait_for_selector("#token-area:not([hidden])")
    expect(page.locator(".token-row .name")).to_have_text("From a test")
    return page.input_value("#token-result")


def test_home_shows_what_happens_elsewhere_without_being_loaded_anew(
    tmp_path: Path, windows: Windows
) -> None:
    config = 'c.JupyterHub.spawner_class = "simulated"\n'
    with running(RealHub(tmp_path / "hub", config=config)) as hub:
        page = windows.context(url=hub.url).new_page()
        log_in(page, "alice")
        page.evaluate("window.isTheSame = true")
        state = page.locator(".state-text").first
        expect(state).to_have_text("Stopped")
        page.fill("#new-server-name", "half typed")
        hub.request("POST", "/hub/api/users/alice/server")
        expect(state).to_have_text("Running")
        hub.request("DELETE", "/hub/api/users/alice/server")
        expect(state).to_have_text("Stopped")
        expect(page.locator(".facts").first).to_contain_text("Stopped by admin.")
        hub.request("PUT", "/hub/api/users/alice/servers/lab", json={"display_name": "Lab"})
        expect(page.locator(".name")).to_have_text("Lab")
        hub.restart()
        wait_for(lambda: hub.request("GET", "/hub/api/users/alice").status_code == 200)
        hub.request("POST", "/hub/api/users/alice/server")
        expect(state).to_have_text("Running")
        assert page.evaluate("window.isTheSame") is True
        assert page.input_value("#new-server-name") == "half typed"


def test_named_servers_are_made_restarted_and_deleted_by_keyboard(tmp_path: Path, windows: Windows) -> None:
    config = 'c.JupyterHub.spawner_class = "simulated"\n'
    with running(RealHub(tmp_path / "hub", config=config)) as hub:
        page = windows.context(url=hub.url).new_page()
        log_in(page, "alice")
        page.focus("#new-server-name")
        page.keyboard.type("Däta Lab 2")
        expect(page.locator("#new-server-slug")).to_contain_text("data-lab-2")
        page.keyboard.press("Enter")
        expect(page.locator(".name")).to_have_text("Däta Lab 2")
        hub.request("POST", "/hub/api/users/alice/servers/data-lab-2")
        row = page.locator(".server", has=page.locator(".name"))
        expect(row.locator(".state-text")).to_have_text("Running")
        first = hub.request("GET", "/hub/api/users/alice/servers/data-lab-2").json()["started"]
        row.locator(".restart-server").focus()
        page.keyboard.press("Enter")
        wait_for(
            lambda: (
                hub.request("GET", "/hub/api/users/alice/servers/data-lab-2").json()["started"]
                not in (None, first)
            )
        )
        expect(row.locator(".state-text")).to_have_text("Running")
        row.locator(".stop-server").focus()
        page.keyboard.press("Enter")
        expect(row.locator(".state-text")).to_have_text("Stopped")
        row.locator(".delete-server").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        expect(page.locator(".name")).to_have_count(1)
        row.locator(".delete-server").click()
        page.click("#ask-yes")
        expect(page.locator(".name")).to_have_count(0)


def test_a_start_that_is_stopped_and_one_that_fails_say_so(tmp_path: Path, windows: Windows) -> None:
    config = 'c.JupyterHub.spawner_class = "simulated"\nc.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}\n'
    with running(RealHub(tmp_path / "hub", config=config)) as hub:
        page = windows.context(url=hub.url).new_page()
        log_in(page, "alice")
        options = {"simulate": {"delay": 300, "progress": [[0, 40, "<b>pulling</b>"]]}}
        hub.request("POST", "/hub/api/users/alice/server", json={"user_options": options})
        page.goto("/hub/spawn-pending/alice")
        expect(page.locator("#progress-message")).to_have_text("<b>pulling</b>")
        page.click("#stop-server-btn")
        page.wait_for_url(re.compile("/hub/home"))
        expect(page.locator(".state-text").first).to_have_text("Stopped")
        options = {"simulate": {"delay": 2, "fail": "no <room>"}}
        hub.request("POST", "/hub/api/users/alice/server", json={"user_options": options})
        page.goto("/hub/spawn-pending/alice?next=/user/alice/x")
        expect(page.locator("h1")).to_have_text("Spawn failed")
        expect(page.locator(".alert")).to_have_text("no <room>")


def test_colours_are_chosen_and_stay(tmp_path: Path, windows: Windows) -> None:
    with running(RealHub(tmp_path / "hub")) as hub:
        page = windows.context(url=hub.url).new_page()
        page.goto("/hub/login")
        light = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
        page.click("#theme-toggle")
        page.click("#theme-toggle")
        assert page.get_attribute("html", "data-theme") == "dark"
        page.goto("/hub/error/404")
        assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") != light
