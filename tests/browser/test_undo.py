"""What can be taken back: by the button in what the page says, and by Ctrl+Z from wherever the focus is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, log_in, running
from tests.browser.test_looks import look_at
from tests.integration.hub import RealHub, wait_for

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("undo"), config=CONFIG)) as hub:
        yield hub


@pytest.fixture
def page(hub: RealHub, windows: Windows) -> Page:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "admin", "/hub/admin")
    return page


def members(hub: RealHub) -> list[str]:
    found: list[str] = hub.api("GET", "/groups/physics").json()["users"]
    return found


def test_who_has_left_a_group_or_joined_it_is_put_back(hub: RealHub, page: Page) -> None:
    hub.api("POST", "/users", json={"usernames": ["ann", "ben", "cleo"]})
    hub.api("POST", "/groups/physics", json={"users": ["ann", "ben"]})
    page.goto("/hub/admin/groups")
    page.get_by_role("button", name="Remove ann from physics").click()
    expect(page.locator("#notice")).to_contain_text("ann has left physics.")
    look_at(page, "undo-light")
    page.click("#notice .undo")
    expect(page.locator("#notice")).to_contain_text("ann joined physics again.")
    assert set(members(hub)) == {"ann", "ben"}
    page.fill(".join input", "ben cleo")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("joined physics.")
    page.keyboard.press("Control+z")  # in the field this is the field's own
    assert "cleo" in members(hub)
    page.focus(".delete-group")
    page.keyboard.press("Control+z")
    expect(page.locator("#notice")).to_contain_text("cleo left physics again.")
    assert set(members(hub)) == {"ann", "ben"}
    page.keyboard.press("Control+z")  # only what was said last
    assert set(members(hub)) == {"ann", "ben"}


def test_names_and_rights_are_given_back(hub: RealHub, page: Page) -> None:
    hub.add_user("dora")
    page.goto("/hub/admin?name_filter=dora")
    page.locator("tbody.user .more").click()
    page.click(".details .admin")
    page.click("#ask-yes")
    expect(page.locator(".badge")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator("#notice")).to_contain_text("dora is no longer an administrator.")
    page.click(".details .rename")
    page.fill("#rename-name", "dora-2")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("dora is called dora-2 now.")
    page.click("#notice .undo")
    expect(page.locator("#notice")).to_contain_text("dora-2 is called dora now.")
    assert hub.api("GET", "/users/dora").json()["admin"] is False


def test_a_server_that_was_stopped_starts_again_as_it_was(hub: RealHub, windows: Windows) -> None:
    hub.add_user("emil")
    hub.begin("emil", json={"user_options": {"size": "large"}})
    hub.wait_ready("emil")
    page = windows.context(url=hub.url).new_page()
    log_in(page, "emil", "/hub/home")
    page.goto("/hub/home")
    page.click("#stop")
    expect(page.locator("#notice")).to_contain_text("My server is stopped.")
    page.get_by_role("button", name="Start again").click()
    expect(page.locator(".state-text").first).to_have_text("Running")
    wait_for(lambda: hub.server("emil")["user_options"] == {"size": "large"})


def test_what_is_gone_for_good_offers_no_way_back(hub: RealHub, page: Page) -> None:
    hub.add_user("fred")
    page.goto("/hub/admin?name_filter=fred")
    page.locator("tbody.user .more").click()
    page.click(".delete-user")
    page.click("#ask-yes")
    expect(page.locator("#notice")).to_contain_text("fred is deleted.")
    expect(page.locator("#notice .undo")).to_have_count(0)
