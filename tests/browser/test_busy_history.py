"""The history of a hub on which very much happens: 30,000 events of 1,500 people, looked at in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import TIMEOUT, Windows, log_in, running
from tests.browser.test_looks import look_at
from tests.busy_log import BUSIEST, LONG_NAME, make_busy_log
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
"""
PEOPLE, STARTS = 1500, 6000

expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    busy = RealHub(tmp_path_factory.mktemp("busy"), config=CONFIG)
    make_busy_log(str(busy.database), PEOPLE, STARTS)
    with running(busy) as hub:
        yield hub


@pytest.fixture
def page(hub: RealHub, windows: Windows) -> Page:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "admin", "/hub/admin/history")
    settled(page)
    return page


def settled(page: Page) -> None:
    expect(page.locator("#happened")).to_have_attribute("aria-busy", "false")


def number_in(text: str | None) -> int:
    found = re.search(r"of ([\d,]+)", text or "")
    assert found, text
    return int(found[1].replace(",", ""))


def test_all_of_it_is_counted_and_few_servers_are_drawn(hub: RealHub, page: Page) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: "/hub/api/events" in request.url and asked.append(request))
    page.reload()
    settled(page)
    counted = hub.request("GET", "/hub/api/events/density", params={"type": "server.ready"}).json()
    shown = number_in(page.text_content("#listed"))
    assert shown > 3 * counted["count"] > 10_000
    assert page.locator(".picture .piece").count() > 20
    assert page.locator(".picture .lane").count() == 8
    expect(page.locator("#more-lanes")).to_have_text(re.compile(r"1,\d\d\d more servers"))
    expect(page.locator("#groups")).to_have_text(re.compile(r"servers with failures, .*\d other servers"))
    expect(page.locator(".picture .caption").first).to_have_text(re.compile(r"\d+ servers with failures"))
    assert page.locator("#happened tbody tr").count() == 50
    assert len(asked) <= 5, [one.url for one in asked]
    page.click("#more-lanes")
    expect(page.locator(".picture .lane")).to_have_count(48)
    page.click("#more")
    expect(page.locator("#happened tbody tr")).to_have_count(100)


def test_one_zooms_into_it_until_each_event_is_told(page: Page) -> None:
    before = number_in(page.text_content("#listed"))
    bar = page.locator(".picture .piece .bad").first
    bar.hover()
    bar.click()
    settled(page)
    expect(page).to_have_url(re.compile(r"span=\d+&until=\d+"))
    assert 0 < number_in(page.text_content("#listed")) < before
    for _ in range(8):
        if page.locator(".picture .piece").count() == 0:
            break
        page.click("#zoom-in")
        settled(page)
    assert page.locator(".picture .piece").count() == 0
    assert page.locator("#look-along").is_hidden()
    for _ in range(3):
        page.go_back()
        settled(page)


def test_by_keyboard_alone_one_looks_along_and_into_a_piece(page: Page) -> None:
    slider = page.locator("#look")
    slider.focus()
    page.keyboard.press("Home")
    first = slider.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    expect(slider).not_to_have_attribute("aria-valuetext", first or "")
    expect(page.locator("#looked-at")).to_have_text(
        re.compile(r"\d+ events?, \d+ failures?, \d+ servers? running")
    )
    expect(page.locator(".picture .looked")).to_have_count(1)
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    settled(page)
    expect(page).to_have_url(re.compile(r"span=\d+&until=\d+"))
    assert page.evaluate("document.activeElement !== document.body")


def test_pieces_are_a_table_too(page: Page) -> None:
    page.click("#as-table summary")
    rows = page.locator("#pieces tbody tr")
    expect(rows).to_have_count(page.locator(".picture .piece").count())
    rows.first.locator("button").click()
    settled(page)
    expect(page).to_have_url(re.compile(r"span=\d+&until=\d+"))


def test_a_large_group_is_a_short_line(page: Page) -> None:
    page.select_option("#kind", "group")
    settled(page)
    row = page.locator("#happened tr", has_text="joined the group students")
    expect(row).to_contain_text("and 1,496 more joined the group students")
    assert len(row.inner_text()) < 250


@pytest.mark.parametrize(
    ("of", "name", "tells"),
    [
        ("user", "student-0007", "student-0007 was added"),
        ("server", "student-0007/", "default server: running"),
        ("group", "students", "The group students was added"),
        ("role", "user", "The role user was defined"),
    ],
)
def test_what_is_searched_for_is_found(page: Page, of: str, name: str, tells: str) -> None:
    page.select_option("#of", of)
    page.fill("#name", name)
    expect(page).to_have_url(re.compile(f"{of}="))
    settled(page)
    expect(page.locator("#happened tbody")).to_contain_text(tells)
    page.reload()
    settled(page)
    assert page.input_value("#of") == of
    assert page.input_value("#name") == name
    expect(page.locator("#happened tbody")).to_contain_text(tells)


def test_what_was_done_with_a_token_and_what_came_of_a_request(hub: RealHub, page: Page) -> None:
    made = hub.request("POST", "/hub/api/users/student-0009/tokens", json={"note": "laptop"}).json()
    answer = hub.request("POST", "/hub/api/users/student-0009/server", token=made["token"])
    page.select_option("#of", "token")
    page.fill("#name", made["id"])
    settled(page)
    expect(page.locator("#happened tbody")).to_contain_text("A token was made: laptop")
    expect(page.locator("#happened tbody")).to_contain_text("default server: a start was asked for")
    page.select_option("#of", "request")
    page.fill("#name", answer.headers["X-Request-Id"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"admin/request\?number="))
    expect(page.locator("#happened tbody")).to_contain_text("a start was asked for")


def test_a_moment_of_it_can_be_looked_at(page: Page) -> None:
    row = page.locator("#happened tbody tr", has_text="running").first
    row.locator("a.at").click()
    expect(page).to_have_url(re.compile(r"at=\d+"))
    expect(page.locator("#happened tr[aria-current]")).to_have_count(1)
    expect(page.locator(".picture .moment")).to_have_count(1)


def test_people_see_how_busy_they_were_themselves(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    log_in(page, BUSIEST, "/hub/history")
    settled(page)
    assert number_in(page.text_content("#listed")) > 400
    assert page.locator(".picture .piece").count() > 10
    expect(page.locator(".picture .lane")).to_have_count(1)
    look_at(page, "history-own-busy-light")
    page.locator("#happened tr", has_text="default server: running").first.locator("a.at").click()
    expect(page.locator("#then .state")).to_have_text("Running")
    page.fill("#server", "no-such")
    settled(page)
    expect(page.locator("#nothing")).to_be_visible()


def test_it_is_read_in_the_language_of_who_reads(hub: RealHub, page: Page) -> None:
    page.context.add_cookies([{"name": "callboard-language", "value": "de", "url": hub.url}])
    page.reload()
    settled(page)
    expect(page.locator("#more-lanes")).to_have_text(re.compile(r"1\.\d\d\d weitere Server"))
    expect(page.locator("#listed")).to_have_text(re.compile(r"50 von \d+\.\d+ Ereignissen"))


def test_the_page_is_small_and_others_carry_nothing_of_it(page: Page) -> None:
    sizes = "() => performance.getEntriesByType('resource').map(one => [one.name, one.decodedBodySize])"
    loaded = dict(page.evaluate(sizes))
    assert sum(size for name, size in loaded.items() if "/static/" in name) < 120_000
    assert sum(size for name, size in loaded.items() if "/api/" in name) < 60_000
    page.goto("/hub/admin")
    expect(page.locator("#user-table")).to_have_attribute("aria-busy", "false")
    assert not [name for name, _ in page.evaluate(sizes) if "history" in name or "picture" in name]


def test_what_happens_now_comes_by_itself(hub: RealHub, page: Page) -> None:
    before = number_in(page.text_content("#listed"))
    hub.request("POST", "/hub/api/users/student-0011/server")
    expect(page.locator("#happened tbody tr").first).to_contain_text("student-0011")
    expect(page.locator("#listed")).not_to_have_text(re.compile(f"of {before:,} "))


def test_nobody_is_kept_out_of_a_busy_history(hub: RealHub, windows: Windows) -> None:
    for mode in ("light", "dark", "phone"):
        context = windows.context(
            phone=mode == "phone", scheme="dark" if mode == "dark" else "light", url=hub.url
        )
        page = context.new_page()
        log_in(page, "admin", "/hub/admin/history")
        settled(page)
        page.focus("#look")
        page.keyboard.press("Home")
        look_at(page, f"history-busy-{mode}")


def test_names_are_not_squeezed_at_twice_the_size(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "admin", f"/hub/admin/history?user={LONG_NAME}")
    settled(page)
    look_at(page, "history-long-name-light")
    cells = page.locator("#happened td.about, #happened td.by")
    assert min(cells.evaluate_all("cells => cells.map(cell => cell.clientWidth)")) >= 100
    page.set_viewport_size({"width": 590, "height": 410})  # what is left of a desk at 200 %
    look_at(page, "history-twice-as-large")
