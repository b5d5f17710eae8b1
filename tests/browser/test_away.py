"""Who waits while the hub is away is brought back by itself: in the middle of a start, of a form, of a login."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCREENSHOTS, Windows, log_in, running, violations
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
"""
BACK = 30_000  # milliseconds


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RealHub]:
    with running(RealHub(tmp_path / "hub", config=CONFIG)) as hub:
        yield hub


def test_a_start_goes_on_with_the_hub_that_comes_back(hub: RealHub, windows: Windows) -> None:
    hub.behave("alice", slow=6)
    page = windows.context(url=hub.url).new_page()
    log_in(page, "alice", "/hub/spawn")
    page.wait_for_url("**/hub/spawn-pending/alice**")
    hub.kill()
    expect(page.locator("#away")).to_contain_text("The hub is away for a moment")
    hub.start()
    page.wait_for_url("**/user/alice/**", timeout=BACK)


def test_a_page_that_is_asked_for_meanwhile_comes_by_itself(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "alice", "/hub/token")
    hub.kill()
    page.goto("/hub/token?from=there")
    expect(page.locator("h1")).to_have_text("The hub is away for a moment")
    assert violations(page) == []
    page.screenshot(path=SCREENSHOTS / "away.png")
    hub.start()
    expect(page.locator("h1")).to_have_text("Tokens", timeout=BACK)
    assert page.url.endswith("/hub/token?from=there")


def test_what_was_typed_is_sent_when_the_hub_is_back(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    page.goto("/hub/login?next=/hub/token")
    page.fill("#username_input", "alice")
    page.fill("#password_input", "any")
    hub.kill()
    page.click("#login_submit")
    expect(page.locator("#away")).to_be_visible()
    expect(page.locator("#username_input")).to_have_value("alice")
    hub.start()
    page.wait_for_url("**/hub/token", timeout=BACK)


def test_a_login_at_a_running_server_waits_for_the_hub(hub: RealHub, windows: Windows) -> None:
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    page = windows.context(url=hub.url).new_page()
    hub.kill()
    page.goto("/hub/api/oauth2/authorize?client_id=jupyterhub-user-alice&response_type=code")
    expect(page.locator("h1")).to_have_text("The hub is away for a moment")
    hub.start()
    page.wait_for_url(re.compile(r"/hub/login\?next="), timeout=BACK)


def test_an_open_page_says_so_and_goes_on(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "alice", "/hub/home")
    _go_home(page)
    hub.kill()
    expect(page.locator("#away")).to_be_visible(timeout=BACK)
    page.fill("#new-server-name", "my lab")
    hub.start()
    expect(page.locator("#away")).to_be_hidden(timeout=BACK)
    expect(page.locator("#new-server-name")).to_have_value("my lab")
    hub.begin("alice", "elsewhere")
    expect(page.locator("#servers")).to_contain_text("elsewhere", timeout=BACK)


def _go_home(page: Page) -> None:
    page.goto("/hub/home")
    expect(page.locator("#servers")).to_be_visible()
