"""A browser in which no script runs: people come in, start and stop, make tokens, and accept what is shared."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCREENSHOTS, Windows, log_in, running
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.JupyterHub.load_roles = [{"name": "sharers", "users": ["bob"], "scopes": ["shares!user"]}]

def form(spawner):
    return '<label>Size <input name="size" value="small"></label>' if spawner.user.name == "carol" else ""

c.Spawner.options_form = form
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("scriptless"), config=CONFIG)) as hub:
        yield hub


@pytest.fixture(params=["desk", "phone"])
def page(hub: RealHub, windows: Windows, request: pytest.FixtureRequest) -> Page:
    return windows.context(url=hub.url, scripts=False, phone=request.param == "phone").new_page()


def state(page: Page, name: str) -> str:
    return page.locator(".server", has_text=name).locator(".state-text").inner_text()


def until(page: Page, name: str, wanted: str) -> None:
    """Home, looked at until its server is so; the page itself looks again only every five seconds."""
    page.goto("/hub/home")
    for _ in range(40):
        if state(page, name) == wanted:
            return
        page.wait_for_timeout(250)
        page.goto("/hub/home")
    assert state(page, name) == wanted


def test_servers_are_added_started_stopped_and_deleted(page: Page) -> None:
    log_in(page, "alice")
    page.goto("/hub/home")
    page.screenshot(path=SCREENSHOTS / "home-without-scripts.png", full_page=True)
    expect(page.get_by_role("link", name="Token")).to_be_visible()  # the menu, on a phone too
    expect(page.locator(".restart-server, #theme-toggle").first).to_be_hidden()
    page.fill("#new-server-name", "Däta Lab 2")
    page.click("#new-server-btn")
    row = page.locator(".server", has_text="Däta Lab 2")
    expect(row).to_have_count(1)
    row.locator(".start-server").click()
    until(page, "Däta Lab 2", "Running")
    row.locator(".stop-server").click()
    page.wait_for_url("**/hub/home")
    until(page, "Däta Lab 2", "Stopped")
    row.locator(".delete-server").click()
    expect(page.locator("h1")).to_have_text("Delete Däta Lab 2?")
    page.screenshot(path=SCREENSHOTS / "delete-without-scripts.png", full_page=True)
    page.get_by_role("link", name="Keep it").click()
    row.locator(".delete-server").click()
    page.click("#delete-for-good")
    page.wait_for_url("**/hub/home")
    expect(row).to_have_count(0)


def test_a_token_is_shown_once_and_revoked(hub: RealHub, page: Page) -> None:
    log_in(page, "alice", "/hub/token")
    page.fill("#token-note", "Without scripts")
    page.select_option("#token-expiration-seconds", "86400")
    page.click("#request-token-form button")
    token = page.input_value("#token-result")
    page.screenshot(path=SCREENSHOTS / "token-without-scripts.png", full_page=True)
    assert _who_has(hub, token) == "alice"
    expect(page.locator(".token-row")).to_have_count(1)
    page.goto("/hub/token")
    expect(page.locator("#token-area")).to_be_hidden()
    assert token not in page.content()
    page.click(".revoke-token-btn")
    expect(page.locator(".token-row")).to_have_count(0)
    assert _who_has(hub, token) is None

    page.fill("#token-scopes", "admin:users")
    page.click("#request-token-form button")
    expect(page.locator("#token-error")).to_contain_text("does not hold")
    expect(page.locator("#token-scopes")).to_have_value("admin:users")


def _who_has(hub: RealHub, token: str) -> str | None:
    answer = requests.get(f"{hub.url}/hub/api/user", headers={"Authorization": f"token {token}"}, timeout=10)
    return str(answer.json()["name"]) if answer.ok else None


def test_a_form_starts_a_server_and_its_start_can_be_stopped(hub: RealHub, page: Page) -> None:
    hub.request("PATCH", "/hub/api/users/carol/server", json={"user_options": {}})
    log_in(page, "carol", "/hub/spawn")
    page.fill("[name=size]", "large")
    page.click("#start-button")
    page.wait_for_url(re.compile("/user/carol/"))
    assert hub.server("carol")["user_options"] == {"size": ["large"]}
    hub.end("carol")
    hub.wait_stopped("carol")
    hub.request("POST", "/hub/api/users/carol/server", json={"user_options": {"simulate": {"delay": 300}}})
    page.goto("/hub/spawn-pending/carol")
    page.click("#stop-server-btn")
    page.wait_for_url("**/hub/home")
    until(page, "My server", "Stopped")


def test_what_is_shared_is_accepted(hub: RealHub, page: Page) -> None:
    hub.add_user("bob")
    hub.request("POST", "/hub/api/users/bob/server")
    code = hub.request("POST", "/hub/api/share-codes/bob/", json={}).json()["code"]
    log_in(page, "carol", "/hub/home")
    page.goto(f"/hub/accept-share?code={code}")
    page.click("#accept-share")  # "Open it" for who has accepted it before
    page.wait_for_url(re.compile("/user/bob/"))


@pytest.mark.parametrize("path", ["/hub/admin", "/hub/admin/groups", "/hub/admin/history", "/hub/history"])
def test_a_page_that_needs_scripts_says_so(page: Page, path: str) -> None:
    log_in(page, "admin", path)
    expect(page.locator(".alert.warn").first).to_contain_text("JavaScript")
