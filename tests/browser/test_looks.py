"""Each page as people see it: light, dark and on a phone; with nothing in it that keeps anybody out.

The pictures are kept in build/screenshots.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import SCREENSHOTS, Windows, cut_off, log_in, running, violations
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = '''
c.JupyterHub.spawner_class = "simulated"
c.Spawner.start_timeout = 600
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.JupyterHub.named_server_limit_per_user = 6
c.JupyterHub.services = [
    {"name": "grades", "url": "http://127.0.0.1:9", "api_token": "token-of-grades-for-tests"}
]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=grades"]},
    {"name": "sharers", "users": ["bob"], "scopes": ["shares!user", "read:users:name", "read:groups:name"]},
]

def form(spawner):
    if spawner.user.name != "carol":
        return ""
    return """
    <label for="size">Size of the machine</label>
    <select id="size" name="size"><option>small, 2 GB</option><option>large, 16 GB</option></select>
    <label for="why">What do you need it for?</label>
    <input id="why" name="why" type="text">
    <label><input type="checkbox" name="gpu"> with a graphics card</label>"""

c.Spawner.options_form = form
'''

FAILING = {"simulate": {"fail": "The image could not be pulled: no space left on the device.", "delay": 0}}
DYING = {
    "simulate": {
        "die_after": 0.5,
        "exit_status": 137,
        "progress": [[0, 20, "Loading the kernel"], [0, 60, "Reading a very large file"]],
    }
}
SLOW = {
    "simulate": {
        "delay": 500,
        "progress": [[0, 15, "Found a machine"], [0, 45, "Pulling the image (2 of 5)"]],
    }
}
STOPPING = {"simulate": {"stop_delay": 500}}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("looks"), config=CONFIG)) as hub:
        _fill(hub)
        yield hub


def _fill(hub: RealHub) -> None:
    """People with servers in all states there are."""

    def start(path: str, options: object) -> None:
        hub.request("POST", f"/hub/api/users/{path}", json={"user_options": options})

    for name in ("bob", "carol", "dave", "erin", "frank"):
        hub.request("POST", f"/hub/api/users/{name}")
    start("bob/server", {})
    for server, title in (("data-lab", "Data Lab"), ("course", "Course 101"), ("gpu", "GPU"), ("old", "Old")):
        hub.request("PUT", f"/hub/api/users/bob/servers/{server}", json={"display_name": title})
    start("bob/servers/data-lab", DYING)
    start("bob/servers/course", SLOW)
    start("bob/servers/gpu", FAILING)
    start("dave/server", FAILING)
    start("erin/server", SLOW)
    start("frank/server", STOPPING)
    for note in ("Backup script on my laptop", "CI"):
        hub.request("POST", "/hub/api/users/bob/tokens", json={"note": note, "expires_in": 3600 * 24 * 30})
    hub.request("DELETE", "/hub/api/users/frank/server")
    hub.request("GET", "/hub/api/users/bob/servers/data-lab")


PAGES = {
    "login": ("", "/hub/login"),
    "home": ("bob", "/hub/home"),
    "home-new": ("carol", "/hub/home"),
    "spawn-form": ("carol", "/hub/spawn"),
    "spawn-pending": ("erin", "/hub/spawn-pending/erin"),
    "spawn-failed": ("dave", "/hub/spawn-pending/dave"),
    "stop-pending": ("frank", "/hub/spawn-pending/frank"),
    "not-running": ("carol", "/hub/user/carol/lab"),
    "token": ("bob", "/hub/token"),
    "404": ("bob", "/hub/nothing"),
    "error": ("", "/hub/error/503"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_nobody_out_in_light_in_dark_and_on_a_phone(
    hub: RealHub, windows: Windows, name: str
) -> None:
    who, path = PAGES[name]
    for mode in ("light", "dark", "phone"):
        context = windows.context(
            phone=mode == "phone", scheme="dark" if mode == "dark" else "light", url=hub.url
        )
        page = context.new_page()
        if who:
            log_in(page, who, path)
        if not page.url.endswith(path):
            page.goto(path)
        look_at(page, f"{name}-{mode}")


def test_the_page_on_which_a_share_is_accepted(hub: RealHub, windows: Windows) -> None:
    code = hub.request("POST", "/hub/api/share-codes/bob/data-lab", json={}).json()["code"]
    for mode in ("light", "phone"):
        page = windows.context(phone=mode == "phone", url=hub.url).new_page()
        log_in(page, "carol", "/hub/home")
        page.goto(f"/hub/accept-share?code={code}")
        look_at(page, f"accept-share-{mode}")


def test_the_page_that_asks_for_consent(hub: RealHub, windows: Windows) -> None:
    query = "client_id=service-grades&response_type=code&redirect_uri=/services/grades/oauth_callback&state=x"
    for mode in ("light", "dark"):
        page = windows.context(scheme=mode, url=hub.url).new_page()
        log_in(page, "carol", "/hub/home")
        page.goto(f"/hub/api/oauth2/authorize?{query}")
        look_at(page, f"consent-{mode}")


def test_the_menu_of_a_phone_and_the_question_before_a_deletion(hub: RealHub, windows: Windows) -> None:
    page = windows.context(phone=True, url=hub.url).new_page()
    log_in(page, "bob")
    page.click("#menu-button")
    look_at(page, "menu-phone")
    page.click("#menu-button")
    page.locator(".delete-server").first.click()
    page.wait_for_selector("dialog[open]")
    look_at(page, "delete-phone")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_a_new_token_is_shown_once(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "carol", "/hub/token")
    page.fill("#token-note", "My script")
    page.keyboard.press("Enter")
    page.wait_for_selector("#token-area:not([hidden])")
    assert page.input_value("#token-result")
    look_at(page, "token-made-light")


def look_at(page: Page, name: str) -> None:
    page.wait_for_load_state("load")
    page.wait_for_timeout(150)  # a picture wants its fonts
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    has_dialog = (
        page.locator("dialog[open]").count() > 0
    )  # what is behind one is dimmed as far as the window goes
    page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=not has_dialog)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        "it is wider than the window"
    )
    assert cut_off(page) == []
    assert violations(page) == []
