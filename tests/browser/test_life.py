"""A day with the hub, as people have it: a real browser, JupyterLab, and a hub that is killed in between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, log_in, running
from tests.browser.jupyterlab import JUPYTERLAB, SLOWLY, run_a_cell, start
from tests.integration.hub import RealHub, wait_for
from tests.unit.core.naming.test_server_names import TITLES

pytestmark = pytest.mark.slow

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
    start(page)
    run_a_cell(page, "6 * 7", "42")
    hub.restart()
    run_a_cell(page, "'still ' + 'here'", "still here")

    home = context.new_page()
    home.goto("/hub/home")
    expect(home.locator(".state-text").first).to_have_text("Running")
    home.click("#stop")
    expect(home.locator(".state-text").first).to_have_text("Stopped", timeout=SLOWLY)
    expect(home.locator(".facts").first).to_contain_text("Stopped by you · just now")

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
        expect(page.locator(".facts").first).to_contain_text("Stopped by admin ·")
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


def test_the_page_names_servers_as_the_hub_does(tmp_path: Path, windows: Windows) -> None:
    with running(RealHub(tmp_path / "hub")) as hub:
        page = windows.context(url=hub.url).new_page()
        log_in(page, "alice", "/hub/home")
        page.goto("/hub/home")
        for title, name in TITLES.items():
            page.fill("#new-server-name", title)
            said = f"In its address it is called {name}." if name else ""
            expect(page.locator("#new-server-slug")).to_have_text(said)


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
        expect(page.locator("h1")).to_have_text("Your server could not be started")
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


def test_a_start_tells_how_long_it_takes_and_a_failed_one_can_be_repeated(
    tmp_path: Path, windows: Windows
) -> None:
    config = CONFIG + 'c.Spawner.options_form = "<input name=\\"size\\" value=\\"small\\">"\n'
    with running(RealHub(tmp_path / "hub", config=config)) as hub:
        page = windows.context(url=hub.url).new_page()
        hub.behave("alice", exit=3, slow=2)
        log_in(page, "alice", "/hub/spawn")
        page.click("#start-button, [type=submit]")
        page.wait_for_url("**/hub/spawn-pending/alice**")
        expect(page.locator("#progress-times")).to_contain_text("so far")
        expect(page.locator("#advice")).to_be_visible()
        expect(page.locator("main")).to_contain_text("Its exit status was 3.")
        expect(page.locator("main")).to_contain_text("page server")  # its last lines
        hub.behave("alice", slow=0)
        page.click("#same-again")
        page.wait_for_url("**/user/alice/**", timeout=SLOWLY)
        assert hub.server("alice")["user_options"] == {"size": ["small"]}
