"""All pages under all conditions that people have them in: each cell of the table is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Windows, log_in, running, slow_down, violations
from tests.integration.fronts import nginx
from tests.integration.hub import RealHub

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),
]

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]
"""
LATENCY = 1500  # milliseconds
SLOWEST = 40_000  # milliseconds, on a line like that
SLOWLY = {"user_options": {"simulate": {"delay": 600, "progress": [[0, 40, "Pulling the image"]]}}}
FAILING = {"user_options": {"simulate": {"fail": "no room", "delay": 0}}}

PAGES = [
    "/hub/login",
    "/hub/home",
    "/hub/token",
    "/hub/history",
    "/hub/spawn-pending/admin/starting",
    "/hub/spawn-pending/admin/failed",
    "/hub/user/admin/stopped/lab",
    "/hub/nothing",
    "/hub/admin",
    "/hub/admin/overview",
    "/hub/admin/groups",
    "/hub/admin/services",
    "/hub/admin/hub",
    "/hub/admin/history",
    "/hub/admin/users/admin",
]


class Condition(NamedTuple):
    """`window`: how it is opened. `line`: what is done to its line once somebody is logged in."""

    window: dict[str, Any]
    line: Callable[[Page], None] = lambda page: None
    is_behind_nginx: bool = False


CONDITIONS = {
    "behind nginx": Condition({}, is_behind_nginx=True),
    "390 pixels wide": Condition({"phone": True}),
    "in dark": Condition({"scheme": "dark"}),
    "at 200 %": Condition({"zoom": 2}),
    "on a slow line": Condition({}, lambda page: slow_down(page, LATENCY)),
    "at 200 % in dark, behind nginx on a slow line": Condition(
        {"zoom": 2, "scheme": "dark"}, lambda page: slow_down(page, LATENCY), is_behind_nginx=True
    ),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("conditions"), config=CONFIG)) as hub:
        hub.api("POST", "/groups/physics", json={"users": ["admin"]})
        for name, options in (("starting", SLOWLY), ("failed", FAILING)):
            hub.begin("admin", name, json=options)
        hub.api("PUT", "/users/admin/servers/stopped")
        yield hub


@pytest.fixture(scope="module")
def front(hub: RealHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nginx(tmp_path_factory.mktemp("nginx"), hub) as url:
        yield url


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_page_is_whole(hub: RealHub, front: str, windows: Windows, name: str) -> None:
    condition = CONDITIONS[name]
    url = front if condition.is_behind_nginx else hub.url
    context = windows.context(url=url, **condition.window)
    context.set_default_timeout(SLOWEST)
    page = context.new_page()
    for path in PAGES:
        if path == "/hub/home":
            log_in(page, "admin", "/hub/token")
            condition.line(page)
        page.goto(path)
        expect(page.locator("h1")).to_be_visible(timeout=SLOWEST)
        expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=SLOWEST)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{path} is {wide} pixels wider than the window"
        assert violations(page) == [], path


@pytest.mark.parametrize("path", PAGES[1:])
def test_each_page_is_gone_through_by_keyboard(hub: RealHub, windows: Windows, path: str) -> None:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "admin", "/hub/token")
    page.goto(path)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    wanted = set(page.evaluate(MARK_CONTROLS))
    seen: set[str] = set()
    for _ in range(2 * len(wanted) + 5):
        page.keyboard.press("Tab")
        number, is_marked = page.evaluate(LOOK_AT_FOCUS)
        if number is not None:
            seen.add(number)
            assert is_marked, "what has the focus cannot be seen to have it"
        if wanted <= seen:
            break
    assert wanted <= seen, "not reached by Tab"


# Each control that can be used, by a number; of radio buttons Tab stops at one.
MARK_CONTROLS = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((one) => one.checkVisibility({visibilityProperty: true}) && one.type !== "hidden" && one.type !== "radio"
        && one.type !== "date" && one.tabIndex >= 0)
    .map((one, number) => (one.dataset.numbered = String(number)))"""
LOOK_AT_FOCUS = """() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    return [one.dataset.numbered ?? null, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0];
}"""


def test_a_day_by_keyboard_alone(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    page.goto("/hub/login?next=/hub/home")
    page.keyboard.type("karla")  # the field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type("any")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/hub/login" not in url)
    _tab_to(page, "#new-server-name")
    page.keyboard.type("Lab")
    page.keyboard.press("Enter")
    expect(page.locator(".server .name")).to_have_text("Lab")
    hub.begin("karla", "lab")
    expect(page.locator(".stop-server")).to_be_visible()
    _tab_to(page, ".stop-server")
    page.keyboard.press("Enter")
    expect(page.locator(".start-server")).to_be_visible()
    expect(page.locator(".server", has_text="Lab").locator(":focus")).to_have_count(1)  # it stays in the row
    page.keyboard.press("Control+z")
    expect(page.locator(".stop-server")).to_be_visible()
    _tab_to(page, 'a[href$="/token"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/hub/token")
    _tab_to(page, "#token-note")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator("#token-result")).to_be_focused()
    _tab_to(page, "#logout")
    page.keyboard.press("Enter")
    expect(page.locator("#username_input")).to_be_focused()


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def test_a_start_behind_nginx_goes_on_with_the_hub_that_comes_back(tmp_path: Path, windows: Windows) -> None:
    config = (
        'c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]\n'
        'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}\n'
        "c.JupyterHub.cleanup_servers = False\nc.JupyterHub.cleanup_proxy = False\n"
    )
    (tmp_path / "nginx").mkdir()
    with (
        running(RealHub(tmp_path / "hub", config=config)) as hub,
        nginx(tmp_path / "nginx", hub) as url,
    ):
        hub.behave("alice", slow=6)
        page = windows.context(url=url).new_page()
        log_in(page, "alice", "/hub/spawn")
        page.wait_for_url("**/hub/spawn-pending/alice**")
        hub.kill()
        expect(page.locator("#away")).to_contain_text("The hub is away for a moment")
        hub.start()
        page.wait_for_url("**/user/alice/**", timeout=SLOWEST)


# --- how much comes over the line ---

MOST = {"/hub/login": 13_600, "/hub/home": 20_600, "/hub/admin": 70_000}  # bytes, when it was measured first
ROOM = 1.3


@pytest.mark.parametrize("path", MOST)
def test_a_page_is_small(hub: RealHub, windows: Windows, path: str) -> None:
    """The bodies of all of it, as they come, in a browser that has nothing yet; of the page of users with 2,000."""
    if path == "/hub/admin":
        hub.api("POST", "/users", json={"usernames": [f"many-{number:04}" for number in range(2000)]})
    if path != "/hub/login":
        seasoned = windows.context(url=hub.url)
        log_in(seasoned.new_page(), "small" if path == "/hub/home" else "admin", "/hub/token")
        page = windows.context(url=hub.url).new_page()
        page.context.add_cookies(seasoned.cookies())  # type: ignore[arg-type]
    else:
        page = windows.context(url=hub.url).new_page()
    done: list[Request] = []
    page.on("requestfinished", lambda request: done.append(request))
    page.goto(path, wait_until="load")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(500)
    sizes = {request.url.partition("?")[0]: request.sizes()["responseBodySize"] for request in done}
    assert 0 < sum(sizes.values()) <= ROOM * MOST[path], f"{sum(sizes.values())} bytes: {sizes}"
