"""After each button of the pages, pressed by keyboard: where the focus is, and what is said aloud."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.buttons import BUTTONS, Button
from tests.browser.conftest import Windows, log_in, running
from tests.integration.hub import RealHub, wait_for

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.JupyterHub.api_page_default_limit = 10
c.JupyterHub.implicit_spawn_seconds = 600
c.JupyterHub.services = [{"name": "grades", "url": "http://127.0.0.1:9", "api_token": "token-of-grades-for-tests"}]
c.JupyterHub.load_roles = [{"name": "user", "scopes": [
    "self", "access:services!service=grades", "read:users:name", "shares!user"
]}]

def form(spawner):
    return '<label>Size <input name="size"></label>' if spawner.user.name.endswith("-form") else ""

c.Spawner.options_form = form
"""

# What screen readers would read out: whatever comes into a live region.
LISTEN = """(() => {
    const heard = window.heard = [];
    const live = "[role=status], [role=alert], [aria-live=polite], [aria-live=assertive]";
    new MutationObserver((changes) => {
        for (const { target } of changes) {
            const region = (target.nodeType === 1 ? target : target.parentElement)?.closest(live);
            const text = region?.textContent.trim();
            if (text && heard.at(-1) !== text) heard.push(text);
        }
    }).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ["hidden"] });
})()"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("buttons"), config=CONFIG)) as hub:
        hub.api(
            "POST", "/users", json={"usernames": ["owner", *(f"some-{number:04}" for number in range(600))]}
        )
        for number in range(12):
            hub.api("POST", f"/groups/some-{number:02}")
        for number in range(24):  # each has a route then, and a line in the table of use
            hub.begin(f"some-{number:04}")
        yield hub


@pytest.mark.parametrize("key", BUTTONS)
def test_after_a_button_the_focus_is_somewhere_and_something_is_said(
    hub: RealHub, windows: Windows, key: str
) -> None:
    button, name = BUTTONS[key], f"one-{list(BUTTONS).index(key):02}"
    page = _looked_at(hub, windows, button, name)
    if button.before is not None:
        button.before(hub, page, name)
    page.evaluate("window.isTheSame = true; window.heard.length = 0")
    pressed = page.locator(button.press or key.split()[1]).first
    expect(pressed).not_to_have_attribute(
        "aria-disabled", "true"
    )  # nobody presses what cannot be pressed yet
    pressed.focus()
    page.keyboard.press("Enter")
    if button.after is not None:
        button.after(page)
    if button.leads:
        page.wait_for_url(re.compile(button.leads))
        wait_for(lambda: _is_another(page))
        return
    _expect_focus(page, button.focus)
    if button.turns is not None:
        expect(pressed).to_have_attribute(*button.turns)
    if button.heard:
        pattern = re.compile(button.heard.replace("{name}", name))
        wait_for(lambda: any(pattern.search(text) for text in page.evaluate("window.heard")))
        _expect_focus(page, button.focus)


def _is_another(page: Page) -> bool:
    try:
        return not page.evaluate("window.isTheSame")
    except Error:
        return False  # it is just being left


def _expect_focus(page: Page, wanted: str) -> None:
    try:
        expect(page.locator(wanted).first).to_be_focused()
    except AssertionError:
        found = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        raise AssertionError(f"the focus is not at {wanted} but at {found}") from None


def _looked_at(hub: RealHub, windows: Windows, button: Button, name: str) -> Page:
    context = windows.context(url=hub.url, phone=button.phone)
    context.add_init_script(LISTEN)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    path = button.path.replace("{name}", name)
    if path != "/hub/login":
        who = f"{name}-form" if path.endswith("-form") else name
        hub.add_user(who)
        log_in(page, "admin" if button.by_admin else who, "/hub/token")
    page.goto(path)
    return page
