"""NativeAuthenticator's pages in a real browser: sign up, be let in, log in, change the password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows, chromium, running, windows
from tests.integration.hub import RealHub
from tests.plugins.environments import environment
from tests.plugins.test_native import CONFIG

__all__ = ["chromium", "windows"]

pytestmark = [pytest.mark.slow, pytest.mark.world]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RealHub]:
    made = RealHub(tmp_path / "hub", programs=environment("authenticators"), config=CONFIG)
    with running(made) as hub:
        yield hub


def sign_up(page: Page, name: str, password: str) -> None:
    page.goto("/hub/signup")
    page.fill("input[name=username]", name)
    page.fill("input[name=signup_password]", password)
    page.fill("input[name=signup_password_confirmation]", password)
    page.click("input[type=submit]")


def log_in(page: Page, name: str, password: str) -> None:
    page.goto("/hub/login?next=/hub/home")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)
    page.click("input[type=submit]")
    page.wait_for_url(lambda url: "/hub/login" not in url)


def test_people_sign_up_are_let_in_and_change_their_passwords(hub: RealHub, windows: Windows) -> None:
    root, bob = windows.context(url=hub.url).new_page(), windows.context(url=hub.url).new_page()
    sign_up(root, "root", "root of all hubs")
    sign_up(bob, "bob", "correct horse")
    expect(bob.locator(".alert")).to_contain_text("sent to the admin")
    log_in(root, "root", "root of all hubs")
    root.goto("/hub/authorize")
    root.locator("tr", has_text="bob").get_by_text("Authorize").click()
    expect(root.locator("tr", has_text="bob")).to_contain_text("Unauthorize")

    log_in(bob, "bob", "correct horse")
    expect(bob.locator("body")).to_contain_text("bob")
    bob.goto("/hub/change-password")
    bob.fill("input[name=old_password]", "correct horse")
    bob.fill("input[name=new_password]", "battery staple")
    bob.fill("input[name=new_password_confirmation]", "battery staple")
    bob.click("input[type=submit]")
    expect(bob.locator(".alert")).to_contain_text("changed successfully")
    bob.goto("/hub/logout")
    log_in(bob, "bob", "battery staple")
    expect(bob.locator("body")).to_contain_text("bob")
