"""What administrators of a course of 1,500 see: much of everything, nothing of it, long names, faults, paper.

The pictures are kept in build/screenshots.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Windows, log_in, running
from tests.browser.test_looks import look_at
from tests.busy_log import LONG_NAME, make_busy_log
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.JupyterHub.concurrent_spawn_limit = 4
c.JupyterHub.services = [
    {"name": "grades", "url": "http://127.0.0.1:9", "api_token": "token-of-grades-for-tests"},
    {"name": "a-service-with-a-name-that-goes-on-for-quite-a-while", "api_token": "token-of-another-for-tests"},
]
c.JupyterHub.load_roles = [
    {"name": "teachers", "scopes": ["read:users"], "groups": ["staff"]},
    {"name": "idle-culler", "scopes": ["list:users", "read:users:activity", "delete:servers"], "services": ["grades"]},
]
"""
MODES = ("light", "dark", "phone")
FAILING = {"simulate": {"fail": "No GPU left.", "delay": 0}}
SLOW = {"simulate": {"delay": 500}}


class Visited(NamedTuple):
    """A hub with a session of its administrator, who is logged in once for all pictures."""

    hub: RealHub
    cookies: list[Any]


def visited(hub: RealHub, chromium: Browser) -> Visited:
    context = chromium.new_context(base_url=hub.url)
    log_in(context.new_page(), "admin")
    cookies = context.cookies()
    context.close()
    return Visited(hub, cookies)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Visited]:
    hub = RealHub(tmp_path_factory.mktemp("busy"), config=CONFIG)
    make_busy_log(str(hub.database), 1500, 6000)
    with running(hub):
        _fill(hub)
        yield visited(hub, chromium)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Visited]:
    config = 'c.JupyterHub.spawner_class = "simulated"'
    with running(RealHub(tmp_path_factory.mktemp("empty"), config=config)) as hub:
        yield visited(hub, chromium)


def _fill(hub: RealHub) -> None:
    """Servers in all states; more asked for than may start at once; groups of all sizes."""
    for number in range(1, 8):
        hub.begin(f"student-{number:04}")
    hub.request("POST", f"/hub/api/users/{LONG_NAME}/servers/gpu", json={"user_options": FAILING})
    hub.request("POST", f"/hub/api/users/{LONG_NAME}/servers/a-server-with-a-long-name-too", json={})
    for number in range(10, 18):
        hub.request("POST", f"/hub/api/users/student-{number:04}/server", json={"user_options": SLOW})
    hub.request(
        "POST", "/hub/api/groups/a-group-with-a-name-that-goes-on-and-on-for-the-winter-term", json={}
    )
    hub.request("POST", "/hub/api/groups/physics", json={"users": [f"student-{n:04}" for n in range(20, 60)]})
    hub.request("PUT", "/hub/api/groups/physics/properties", json={"room": "2.17", "quota": {"gpu": 2}})


def settled(page: Page) -> None:
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def nothing_more(page: Page) -> None:
    """It is looked at as it comes."""


def details(selector: str) -> Callable[[Page], None]:
    return lambda page: page.click(f"{selector} summary")


def chosen(selector: str, value: str) -> Callable[[Page], None]:
    def choose(page: Page) -> None:
        page.select_option(selector, value)
        page.wait_for_load_state("networkidle")

    return choose


def pressed(*selectors: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        for selector in selectors:
            page.locator(selector).first.click()
        page.wait_for_load_state("networkidle")

    return press


def deleting_all(page: Page) -> None:
    page.check("#pick-page")
    page.click("#pick-all")
    expect(page.locator("#delete-picked")).not_to_have_attribute("aria-disabled", "true")
    page.click("#delete-picked")
    expect(page.locator("#ask-title")).to_have_text(re.compile(r"1[.,]501"))


# What is looked at: where it is, and what is done there before.
BUSY: dict[str, tuple[str, Callable[[Page], None]]] = {
    "admin-home": ("/hub/home", nothing_more),
    "overview-busy": ("/hub/admin/overview", details("#starts-details")),
    "overview-by-group": ("/hub/admin/overview", chosen("#use-by", "group")),
    "users-busy": ("/hub/admin?limit=20", nothing_more),
    "users-long-name": (f"/hub/admin?name_filter={LONG_NAME}", pressed(".more", ".pick .select")),
    "users-failed": ("/hub/admin?state=failed", nothing_more),
    "users-pending": ("/hub/admin?state=pending", nothing_more),
    "users-nobody": ("/hub/admin?name_filter=nobody-like-that", nothing_more),
    "users-deleting": ("/hub/admin?limit=20", deleting_all),
    "users-adding": ("/hub/admin?limit=20", pressed("#add-users")),
    "users-renaming": (f"/hub/admin?name_filter={LONG_NAME}", pressed(".more", ".rename")),
    "groups-large": ("/hub/admin/groups", nothing_more),
    "groups-nobody": ("/hub/admin/groups?name_filter=nothing-like-that", nothing_more),
    "services-busy": ("/hub/admin/services", nothing_more),
    "user-long-name": (f"/hub/admin/users/{LONG_NAME}", nothing_more),
    "user-busiest": ("/hub/admin/users/student-0001", nothing_more),
    "user-unknown": ("/hub/admin/users/nobody", nothing_more),
    "history-failures": ("/hub/admin/history?kind=bad", nothing_more),
    "history-nothing": ("/hub/admin/history?user=nobody-like-that", nothing_more),
    "history-moment": ("/hub/admin/history", pressed("#happened a.at")),
    "history-table": ("/hub/admin/history", details("#as-table")),
    "request-unknown": ("/hub/admin/request?number=nothing-like-that", nothing_more),
}


def opened(windows: Windows, hub: Visited, mode: str, path: str, locale: str = "en-US") -> Page:
    context = windows.context(
        phone=mode == "phone", scheme="dark" if mode == "dark" else "light", url=hub.hub.url, locale=locale
    )
    context.add_cookies(hub.cookies)
    page = context.new_page()
    page.goto(path)
    settled(page)
    return page


def squeezed(page: Page) -> list[str]:
    """Names that have room for few letters in a line."""
    found: list[str] = page.locator("main .name:visible, main th[scope=row]:visible").evaluate_all(
        """all => all
            .filter((one) => one.clientHeight > 9 * parseFloat(getComputedStyle(one).lineHeight))
            .map((one) => one.outerHTML)"""
    )
    return found


@pytest.mark.parametrize("name", BUSY)
@pytest.mark.parametrize("mode", MODES)
def test_a_busy_hub(busy: Visited, windows: Windows, mode: str, name: str) -> None:
    path, act = BUSY[name]
    page = opened(windows, busy, mode, path)
    act(page)
    settled(page)
    look_at(page, f"{name}-{mode}")
    assert squeezed(page) == []


# Words that other languages do not have, beside no hyphen: names of users may have any.
ENGLISH = re.compile(r".*(?<![-\w])(?:the|from|never|none|of|is|and|with|to|for|by|started|ago)(?![-\w]).*")


@pytest.mark.parametrize(
    "name",
    ["overview-busy", "users-long-name", "users-deleting", "groups-large", "services-busy", "history-moment"],
)
@pytest.mark.parametrize("mode", ["light", "phone"])
def test_a_busy_hub_in_a_language_of_long_words(
    busy: Visited, windows: Windows, mode: str, name: str
) -> None:
    path, act = BUSY[name]
    page = opened(windows, busy, mode, path, locale="de-DE")
    act(page)
    settled(page)
    assert ENGLISH.findall(page.locator("main").inner_text()) == []
    look_at(page, f"{name}-german-{mode}")


@pytest.mark.parametrize("area", ["overview", "", "groups", "services", "history", "hub"])
@pytest.mark.parametrize("mode", MODES)
def test_a_hub_with_nobody_in_it(empty: Visited, windows: Windows, mode: str, area: str) -> None:
    page = opened(windows, empty, mode, f"/hub/admin/{area}".rstrip("/"))
    look_at(page, f"empty-{area or 'users'}-{mode}")


def answered(page: Page, path: str, answer: object, status: int = 200) -> None:
    """The hub as if it had said so: a fault that no test hub has."""

    def fulfil(route: Route) -> None:
        route.fulfill(status=status, content_type="application/json", body=json.dumps(answer))

    page.route(re.compile(f"/hub/api/{path}"), fulfil)


STRAYS = [
    {
        "spawn_id": "s00mx1k4lj7e4gb3jqz38kpj5m",
        "engine": "Docker at unix:///var/run/docker.sock",
        "user": "alice",
        "server": "lab",
        "whose": "earlier",
        "ends_in": 42.0,
    },
    {
        "spawn_id": "s00mx1k4lj7e4gb3jqz38kpj5n",
        "engine": "Docker at unix:///var/run/docker.sock",
        "user": None,
        "server": "",
        "whose": "nobody",
        "ends_in": None,
    },
]
ENGINES = [
    {"title": "Docker at unix:///var/run/docker.sock", "trouble": None, "strays": 2},
    {
        "title": "Kubernetes, namespace jupyter",
        "trouble": "It has not answered for 3 minutes: connection refused.",
        "strays": 0,
    },
]


@pytest.mark.parametrize("mode", MODES)
def test_strays_and_an_engine_that_is_silent(empty: Visited, windows: Windows, mode: str) -> None:
    page = opened(windows, empty, mode, "/hub/admin")
    answered(page, "strays", STRAYS)
    answered(page, "engines", ENGINES)
    page.goto("/hub/admin/hub")
    expect(page.locator("#stray-table tbody tr")).to_have_count(2)
    look_at(page, f"strays-{mode}")


@pytest.mark.parametrize("area", ["overview", "", "groups", "services", "history", "hub"])
def test_what_is_not_answered_is_said(empty: Visited, windows: Windows, area: str) -> None:
    page = opened(windows, empty, "light", "/hub/home")
    answered(page, ".*", {"status": 503, "message": "The disk of the hub is full."}, status=503)
    page.goto(f"/hub/admin/{area}".rstrip("/"))
    expect(page.get_by_text("The disk of the hub is full.").first).to_be_visible()
    look_at(page, f"trouble-{area or 'users'}-light")


OF_JOBS = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.concurrent_spawn_limit = 2

def refuse(spawner):
    if spawner.user.name.endswith("3"):
        raise ValueError("The disk of this user is full.")

c.Spawner.pre_spawn_hook = refuse
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Visited]:
    with running(RealHub(tmp_path_factory.mktemp("small"), config=OF_JOBS)) as hub:
        names = [f"{mode}-{number:02}" for mode in MODES for number in range(20)]
        hub.request("POST", "/hub/api/users", json={"usernames": names})
        yield visited(hub, chromium)


@pytest.mark.parametrize("mode", MODES)
def test_a_job_that_runs_and_one_of_which_some_failed(small: Visited, windows: Windows, mode: str) -> None:
    page = opened(windows, small, mode, f"/hub/admin?name_filter={mode}-&limit=20")
    page.check("#pick-page")
    page.click("#start-picked")
    expect(page.locator("#work-text")).to_contain_text("of 20")
    look_at(page, f"job-runs-{mode}")
    expect(page.locator("#work-text")).to_have_text("18 of 20 started, 2 failed")
    look_at(page, f"job-done-{mode}")


@pytest.mark.parametrize(
    "path", ["/hub/admin?limit=20", "/hub/admin/overview", "/hub/admin/history", "/hub/admin/groups"]
)
def test_on_paper(busy: Visited, windows: Windows, path: str) -> None:
    page = opened(windows, busy, "light", path)
    page.emulate_media(media="print")
    if path.endswith("history"):
        expect(page.locator(".picture .bar").first).to_be_visible()
    look_at(page, f"paper-{path.rsplit('/', 1)[1].partition('?')[0]}")
