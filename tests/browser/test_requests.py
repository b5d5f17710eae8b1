"""From the number on a page of a failed start to all that came of the request, as administrators go."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Windows, log_in, running
from tests.browser.test_looks import look_at
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
"""
FAILING = {
    "simulate": {
        "fail": "The image could not be pulled: no space left on the device.",
        "progress": [[0, 20, "Pulling the image"]],
    }
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("requests"), config=CONFIG)) as hub:
        hub.request("POST", "/hub/api/users/bob")
        hub.request("POST", "/hub/api/users/bob/servers/lab", json={"user_options": FAILING})
        yield hub


def test_the_number_on_a_failed_start_leads_to_what_came_of_it(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "admin", "/hub/spawn-pending/bob/lab")
    number = page.inner_text("#request-number")
    page.get_by_role("link", name="What came of it").click()
    page.wait_for_url(re.compile(rf"/hub/admin/request\?number={number}$"))
    expect(page.locator("#request-said")).to_contain_text("events came of it.")
    expect(page.locator("#starts .alert")).to_contain_text("no space left on the device")
    expect(page.locator("#starts pre")).to_contain_text("Pulling the image")
    expect(page.locator("#happened tbody tr").first).to_contain_text("Server lab was added")
    expect(page.locator("#happened tbody")).to_contain_text("a start was asked for")
    expect(page.locator("#happened tbody tr").last).to_contain_text("the hub")
    look_at(page, "admin-request-light")


def test_a_number_is_pasted_into_a_box_on_every_page_for_administrators(
    hub: RealHub, windows: Windows
) -> None:
    number = hub.request("POST", "/hub/api/users/carol").headers["X-Request-Id"]
    for mode in ("light", "dark", "phone"):
        context = windows.context(
            phone=mode == "phone", scheme="dark" if mode == "dark" else "light", url=hub.url
        )
        page = context.new_page()
        log_in(page, "admin", "/hub/admin/groups")
        box = page.get_by_label("Number of a request")
        box.fill(f" {number} ")
        page.keyboard.press("Enter")
        expect(page.locator("#request-said")).to_contain_text("One event came of it.")
        expect(page.locator("#happened tbody")).to_contain_text("carol was added")
        expect(box).to_have_value(number)
        look_at(page, f"admin-request-of-a-user-{mode}")
    box.fill("nothing")
    page.keyboard.press("Enter")
    expect(page.locator("#request-said")).to_contain_text("Nothing in the log came of it")
    page.goto("/hub/admin/request")
    look_at(page, "admin-request-empty-phone")
