"""What administrators do, in a real browser: each action, what happens meanwhile, and ten thousand users at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import TIMEOUT, Windows, log_in, running
from tests.browser.test_looks import look_at
from tests.integration.hub import RealHub, wait_for

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.JupyterHub.concurrent_spawn_limit = 40
c.JupyterHub.services = [{"name": "grades", "url": "http://127.0.0.1:9", "api_token": "token-of-grades-for-tests"}]
c.JupyterHub.load_roles = [{"name": "teachers", "scopes": ["read:users"], "groups": ["staff"]}]

def refuse(spawner):
    if spawner.user.name.endswith("13"):
        raise ValueError("The disk of this user is full.")

c.Spawner.pre_spawn_hook = refuse
"""
CROWD = 10_000

expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("admin"), config=CONFIG)) as hub:
        yield hub


@pytest.fixture
def page(hub: RealHub, windows: Windows) -> Page:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "admin", "/hub/admin")
    expect(row(page, "admin")).to_be_visible()
    return page


def row(page: Page, name: str) -> Locator:
    return page.locator(f'tbody.user[data-name="{name}"]')


def search(page: Page, text: str) -> None:
    page.fill("#search", text)
    expect(page.locator("#user-table")).to_have_attribute("aria-busy", "false")


def add(hub: RealHub, *names: str) -> None:
    answer = hub.request("POST", "/hub/api/users", json={"usernames": list(names)})
    assert answer.status_code in (201, 409), answer.text


def model(hub: RealHub, name: str) -> dict[str, Any]:
    found: dict[str, Any] = hub.request("GET", f"/hub/api/users/{name}").json()
    return found


def answer_yes(page: Page) -> None:
    page.wait_for_selector("#ask[open]")
    page.click("#ask-yes")


# --- users ---


def test_users_are_added_one_or_many(hub: RealHub, page: Page) -> None:
    page.click("#add-users")
    page.fill("#add-names", "ann")
    page.keyboard.press("Tab")
    page.click("#add-yes")
    expect(page.locator("#notice")).to_have_text("1 user added.")
    expect(row(page, "ann")).to_be_visible()

    page.click("#add-users")
    page.fill("#add-names", "ann, ben\ncleo  dora")
    page.check("#add-admin")
    page.click("#add-yes")
    expect(page.locator("#notice")).to_have_text("3 users added; 1 name was there already.")
    expect(row(page, "cleo").locator(".badge")).to_be_visible()
    assert model(hub, "ben")["admin"] is True
    assert model(hub, "ann")["admin"] is False

    page.click("#add-users")
    page.fill("#add-names", "ann")
    page.click("#add-yes")
    expect(page.locator("#add-error")).to_have_text("This user exists already.")
    page.fill("#add-names", "a/b")
    page.click("#add-yes")
    expect(page.locator("#add-error")).to_contain_text("a/b")
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_administrators_are_made_and_unmade(hub: RealHub, page: Page) -> None:
    add(hub, "gus")
    search(page, "gus")
    row(page, "gus").locator(".more").click()
    for is_admin in (True, False):
        row(page, "gus").locator(".details .admin").click()
        answer_yes(page)
        badge = row(page, "gus").locator(".badge")
        expect(badge).to_be_visible() if is_admin else expect(badge).to_be_hidden()
        assert model(hub, "gus")["admin"] is is_admin
    expect(row(page, "gus").locator(".details .facts")).to_contain_text("user")


def test_users_are_renamed_and_deleted(hub: RealHub, page: Page) -> None:
    add(hub, "ida")
    search(page, "ida")
    row(page, "ida").locator(".more").click()
    row(page, "ida").locator(".rename").click()
    page.fill("#rename-name", "admin")
    page.keyboard.press("Enter")
    expect(page.locator("#rename-error")).to_contain_text("already")
    page.fill("#rename-name", "ida-2")
    page.keyboard.press("Enter")
    expect(row(page, "ida-2")).to_be_visible()
    expect(row(page, "ida")).to_have_count(0)
    expect(row(page, "ida-2").locator(".rename")).to_be_focused()  # what was unfolded stays so

    row(page, "ida-2").locator(".delete-user").click()
    page.wait_for_selector("#ask[open]")
    page.keyboard.press("Enter")  # what has the focus is to leave it
    assert model(hub, "ida-2")["name"] == "ida-2"
    row(page, "ida-2").locator(".delete-user").click()
    answer_yes(page)
    expect(row(page, "ida-2")).to_have_count(0)
    expect(page.locator("#nobody")).to_be_visible()
    assert hub.request("GET", "/hub/api/users/ida-2").status_code == 404


# --- servers ---


def test_servers_are_started_and_stopped_named_ones_too(hub: RealHub, page: Page) -> None:
    add(hub, "joe")
    hub.request("PUT", "/hub/api/users/joe/servers/lab", json={"display_name": "The Lab"})
    search(page, "joe")
    joe = row(page, "joe")
    joe.locator(".start-user").click()
    expect(joe.locator(".states")).to_have_text("Running")
    joe.locator(".more").click()
    lab = joe.locator('li[data-server="lab"]')
    expect(lab.locator(".name")).to_have_text("The Lab")
    lab.locator(".start").click()
    expect(lab.locator(".state")).to_have_text("Running")
    expect(joe.locator(".states")).to_contain_text("The Lab: Running")
    assert lab.locator(".open").get_attribute("href") == "/user/joe/lab/"
    expect(joe.locator(".stop-user")).to_contain_text("Stop all 2")
    joe.locator(".stop-user").click()
    expect(joe.locator(".states")).to_have_text("Stopped")
    expect(lab.locator(".state")).to_have_text("Stopped")
    assert model(hub, "joe")["servers"] == {}
    lab.locator(".remove").click()
    answer_yes(page)
    expect(lab).to_have_count(0)


def test_a_start_that_fails_says_why(hub: RealHub, page: Page) -> None:
    add(hub, "kim-13")
    search(page, "kim-13")
    row(page, "kim-13").locator(".start-user").click()
    expect(page.locator("#notice")).to_contain_text("of kim-13: ")
    expect(row(page, "kim-13").locator(".states")).to_have_text("Failed")
    row(page, "kim-13").locator(".more").click()
    expect(row(page, "kim-13").locator(".servers .when")).not_to_be_empty()
    page.select_option("#state", "failed")
    page.reload()
    expect(row(page, "kim-13").locator(".states")).to_have_text("Failed")


def test_what_others_do_shows_without_reloading(hub: RealHub, page: Page) -> None:
    add(hub, "lea")
    search(page, "lea")
    lea = row(page, "lea")
    lea.locator(".more").click()
    lea.locator(".rename").focus()
    slowly = {"simulate": {"delay": 500, "stop_delay": 500}}
    for do, path, shows in (
        ("POST", "/server", "Starting"),
        ("DELETE", "/server", "Stopp"),
        ("POST", "/servers/gpu", "gpu: Starting"),
    ):
        hub.request(do, f"/hub/api/users/lea{path}", json=slowly if do == "POST" else None)
        expect(lea.locator(".states")).to_contain_text(shows)
    assert page.evaluate("document.activeElement.className").endswith("rename"), "the focus stays where it is"
    hub.request("POST", "/hub/api/groups/course", json={"users": ["lea"]})
    expect(lea.locator(".facts")).to_contain_text("course")
    hub.request("POST", "/hub/api/users/lea-2")
    expect(row(page, "lea-2")).to_be_visible()
    hub.request("DELETE", "/hub/api/users/lea-2")
    expect(row(page, "lea-2")).to_have_count(0)


def test_the_page_goes_on_when_the_hub_was_away(hub: RealHub, page: Page) -> None:
    add(hub, "mia")
    search(page, "mia")
    expect(page.locator("tbody.user")).to_have_count(1)
    hub.restart()
    hub.request("POST", "/hub/api/users/mia/server")
    expect(row(page, "mia").locator(".states")).to_have_text("Running")


# --- ten thousand ---


@pytest.fixture(scope="module")
def crowd(hub: RealHub) -> RealHub:
    names = [f"student-{number:05}" for number in range(CROWD)]
    for begin in range(0, CROWD, 2500):
        add(hub, *names[begin : begin + 2500])
    return hub


def test_of_ten_thousand_users_a_page_is_shown(crowd: RealHub, page: Page) -> None:
    search(page, "student-")
    expect(page.locator("#range")).to_have_text("1–50 of 10,000")
    assert page.locator("tbody.user").count() == 50
    page.click("#next-page")
    expect(page.locator("#range")).to_have_text("51–100 of 10,000")
    expect(row(page, "student-00099")).to_be_visible()
    page.click("#last-page")
    expect(page.locator("#range")).to_have_text("9,951–10,000 of 10,000")
    expect(page.locator("#next-page")).to_have_attribute("aria-disabled", "true")
    page.select_option("#limit", "200")
    expect(page.locator("tbody.user")).to_have_count(200)
    page.locator("th[data-sort=name] button").click()
    expect(page.locator("tbody.user").first).to_have_attribute("data-name", "student-09999")
    expect(page.locator("th[data-sort=name]")).to_have_attribute("aria-sort", "descending")
    search(page, "-0421")
    expect(page.locator("tbody.user")).to_have_count(10)
    page.reload()
    expect(page.locator("tbody.user")).to_have_count(10)
    assert page.input_value("#search") == "-0421"
    assert page.input_value("#sort") == "-name"


def test_back_and_forth_go_through_what_was_looked_at(crowd: RealHub, page: Page) -> None:
    page.focus("#search")
    page.keyboard.type("student-", delay=250)  # each letter is asked for; all of them are one step
    expect(page.locator("#range")).to_have_text("1–50 of 10,000")
    page.click("#next-page")
    expect(page.locator("#range")).to_have_text("51–100 of 10,000")
    page.select_option("#sort", "-name")
    expect(page.locator("tbody.user").first).to_have_attribute("data-name", "student-09999")
    page.go_back()
    expect(page.locator("#range")).to_have_text("51–100 of 10,000")
    expect(page.locator("tbody.user").first).to_have_attribute("data-name", "student-00050")
    page.go_back()
    expect(page.locator("#range")).to_have_text("1–50 of 10,000")
    page.go_back()
    expect(page.locator("#search")).to_have_value("")
    page.go_forward()
    expect(page.locator("#search")).to_have_value("student-")
    expect(page.locator("#range")).to_have_text("1–50 of 10,000")


def test_what_is_typed_is_found(crowd: RealHub, page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("09876")
    expect(page.locator("tbody.user")).to_have_count(1)


def test_many_are_started_and_stopped_and_every_failure_is_named(crowd: RealHub, page: Page) -> None:
    search(page, "student-000")
    expect(page.locator("#range")).to_have_text("1–50 of 100")
    page.check("#pick-page")
    expect(page.locator("#picked-count")).to_have_text("50 users selected")
    page.click("#pick-all")
    expect(page.locator("#picked-count")).to_have_text("100 users selected")
    page.click("#start-picked")
    expect(page.locator("#work-text")).to_have_text("99 of 100 started, 1 failed")
    expect(page.locator("#work-failures li strong")).to_have_text(["student-00013"])
    expect(row(page, "student-00013").locator(".states")).to_have_text("Failed")
    expect(row(page, "student-00014").locator(".states")).to_have_text("Running")
    look_at(page, "admin-many-light")
    page.click("#work-end")
    page.select_option("#state", "running")
    expect(page.locator("#range")).to_have_text("1–50 of 99")
    page.click("#stop-picked")
    answer_yes(page)
    expect(page.locator("#work-text")).to_have_text("100 of 100 stopped")
    page.click("#work-end")
    page.select_option("#state", "inactive")
    expect(page.locator("#range")).to_have_text("1–50 of 100")


def test_all_ten_thousand_can_be_selected(crowd: RealHub, page: Page, windows: Windows) -> None:
    search(page, "student-")
    page.check("#pick-page")
    page.click("#pick-all")
    expect(page.locator("#picked-count")).to_have_text("10,000 users selected")
    expect(page.locator("#pick-all")).to_be_hidden()
    page.click("#start-picked")
    expect(page.locator("#work-text")).to_contain_text("Starting: ")
    page.reload()  # it is the hub's job, and goes on without the page
    expect(page.locator("#work-text")).to_contain_text("Starting: ")
    elsewhere = windows.context(url=crowd.url).new_page()
    log_in(elsewhere, "admin", "/hub/admin")  # nor needs it the browser that it was begun in
    expect(elsewhere.locator("#work-text")).to_contain_text("Starting: ")
    page.click("#work-end")
    expect(page.locator("#work-text")).to_contain_text("not waited for or left alone")
    page.reload()
    expect(page.locator("#range")).to_contain_text("of 10,")
    expect(page.locator("#work")).to_be_hidden()
    page.check("#pick-page")
    expect(page.locator("#picked")).to_be_visible()
    page.click("#pick-none")
    expect(page.locator("#picked")).to_be_hidden()


def test_many_are_deleted(hub: RealHub, page: Page) -> None:
    add(hub, *(f"guest-{number}" for number in range(12)))
    search(page, "guest-")
    page.check("#pick-page")
    page.click("#delete-picked")
    expect(page.locator("#ask-title")).to_have_text("Delete 12 users?")
    answer_yes(page)
    expect(page.locator("#work-text")).to_have_text("12 of 12 deleted")
    expect(page.locator("#nobody")).to_be_visible()
    expect(page.locator("#picked")).to_be_hidden()


# --- groups, services, routes, the hub ---


def test_groups_are_made_filled_and_deleted(hub: RealHub, page: Page) -> None:
    add(hub, "nora", "otto", "paul")
    page.goto("/hub/admin/groups")
    page.fill("#new-group-name", "physics")
    page.fill("#new-group-users", "nora otto")
    page.click("#new-group button")
    group = page.locator('.group[data-name="physics"]')
    expect(group.locator(".members li")).to_have_count(2)
    group.locator(".join input").fill("paul")
    page.keyboard.press("Enter")
    expect(group.locator(".members li")).to_have_count(3)
    group.locator(".join input").fill("nobody-at-all")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("nobody-at-all")
    group.get_by_role("button", name="Remove otto from physics").click()
    expect(group.locator(".members")).not_to_contain_text("otto")
    hub.request("POST", "/hub/api/groups/physics/users", json={"users": ["otto"]})
    expect(group.locator(".members")).to_contain_text("otto")
    expect(page.locator('.group[data-name="staff"]')).to_contain_text("roles: teachers")
    group.locator(".delete-group").click()
    answer_yes(page)
    expect(group).to_have_count(0)


def test_groups_are_found_and_lead_to_their_users(hub: RealHub, page: Page) -> None:
    add(hub, "xenia", "yusuf")
    hub.request("POST", "/hub/api/groups/zoology", json={"users": ["xenia", "yusuf"]})
    page.goto("/hub/admin/groups")
    page.fill("#search", "zool")
    expect(page.locator(".group")).to_have_count(1)
    page.locator(".group .in-group").click()
    expect(page.locator("tbody.user")).to_have_count(2)
    expect(page.locator("#group")).to_have_value("zoology")
    page.fill("#group", "no such group")
    page.keyboard.press("Tab")
    expect(page.locator("#nobody")).to_be_visible()


def test_back_goes_through_pages_of_groups(hub: RealHub, page: Page) -> None:
    for number in range(60):
        hub.request("POST", f"/hub/api/groups/many-{number:02}", json={})
    page.goto("/hub/admin/groups")
    shown = page.locator(".group").first
    expect(shown).to_be_visible()
    first = shown.get_attribute("data-name")
    page.click("#next-page")
    expect(shown).not_to_have_attribute("data-name", str(first))
    assert "offset=50" in page.url
    page.go_back()
    expect(shown).to_have_attribute("data-name", str(first))
    for number in range(60):  # others look at this page, too
        hub.request("DELETE", f"/hub/api/groups/many-{number:02}")


@pytest.fixture
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """A hub of which few have used anything."""
    with running(RealHub(tmp_path_factory.mktemp("quiet"), config=CONFIG)) as hub:
        yield hub


def test_an_overview_shows_numbers_a_chart_and_hours_of_use(quiet: RealHub, windows: Windows) -> None:
    page = windows.context(url=quiet.url).new_page()
    log_in(page, "admin", "/hub/admin")
    quiet.add_user("overseen")
    quiet.begin("overseen")
    page.goto("/hub/admin/overview")
    numbers = page.locator("#numbers")
    expect(numbers).to_contain_text("running")
    expect(page.locator("#starts-chart canvas")).to_be_visible()
    expect(page.locator("#starts-said")).to_contain_text("asked for")
    row = page.locator("#use-table tbody tr", has_text="overseen")
    expect(row).to_be_visible()
    page.select_option("#use-by", "server")
    expect(page.locator("#use-table tbody tr", has_text="overseen/")).to_be_visible()
    with page.expect_download() as downloading:
        page.click("#use-csv")
    assert "overseen/" in downloading.value.path().read_text()
    page.click("#starts-details summary")
    expect(page.locator("#starts-table tbody tr").first).to_be_visible()


def test_services_and_routes(hub: RealHub, page: Page) -> None:
    add(hub, "rosa")
    page.goto("/hub/admin/services")
    expect(page.locator("#service-table")).to_contain_text("grades")
    expect(page.locator("#route-table")).to_contain_text("/services/grades/")
    hub.request("POST", "/hub/api/users/rosa/server")
    expect(page.locator("#route-table")).to_contain_text("/user/rosa/")
    page.click("#check-routes")
    expect(page.locator("#notice")).to_contain_text("has all these routes")


def test_the_hub_is_shut_down_only_when_asked_twice(
    tmp_path_factory: pytest.TempPathFactory, windows: Windows
) -> None:
    with running(RealHub(tmp_path_factory.mktemp("ending"), config=CONFIG)) as hub:
        page = windows.context(url=hub.url).new_page()
        log_in(page, "admin", "/hub/admin/hub")
        expect(page.locator("#hub-facts")).to_contain_text("simulated")
        look_at(page, "admin-hub-light")
        page.click("#shutdown button")
        answer_yes(page)
        expect(page.locator("#ask-title")).to_have_text("Really?")
        page.click("#ask-no")
        assert hub.request("GET", "/hub/api/").status_code == 200
        page.click("#shutdown button")
        answer_yes(page)
        expect(page.locator("#ask-title")).to_have_text("Really?")
        page.click("#ask-yes")
        expect(page.locator("#shutdown-said")).to_be_visible()
        assert hub.wait_end() == 0


# --- histories ---


def test_a_history_is_a_picture_and_a_list(hub: RealHub, page: Page) -> None:
    add(hub, "sue")
    hub.request("POST", "/hub/api/users/sue/server", json={"image": "small"})
    hub.request("POST", "/hub/api/users/sue/servers/lab", json={"simulate": {"fail": "no room for it"}})
    search(page, "sue")
    page.click("tbody.user a.name")
    expect(page.locator(".picture .bar.ready")).to_have_count(1)
    expect(page.locator(".picture .failure")).to_have_count(1)
    table = page.locator("#happened tbody")
    expect(table).to_contain_text("lab: the start failed: no room for it")
    expect(table).to_contain_text("sue was added")

    page.select_option("#kind", "bad")
    expect(table.locator("tr")).to_have_count(1)
    page.select_option("#kind", "")
    page.fill("#server", "lab")
    expect(table).not_to_contain_text("default server: running")
    page.fill("#server", "")
    expect(table).to_contain_text("default server: running")
    hub.request("DELETE", "/hub/api/users/sue/server")
    expect(table).to_contain_text("default server: a stop was asked for")


def test_a_history_can_be_zoomed_into(hub: RealHub, page: Page) -> None:
    add(hub, "tom")
    hub.request("POST", "/hub/api/users/tom/server")
    page.goto("/hub/admin/users/tom")
    expect(page.locator(".picture .bar.ready")).to_have_count(1)
    for _ in range(8):
        page.click("#zoom-in")
    expect(page).to_have_url(re.compile(r"span=\d+"))
    page.wait_for_function("document.querySelector('.picture .bar.ready')?.getBoundingClientRect().width > 5")
    page.click("#earlier")
    expect(page).to_have_url(re.compile(r"until=\d+"))
    page.select_option("#span", "3600")
    expect(page.locator("#happened tbody")).to_contain_text("tom was added")
    box = page.locator("#picture").bounding_box()
    assert box is not None
    y = box["y"] + 20
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"span=(89\d|90\d)&until="))
    expect(page.locator("#nothing")).to_be_visible()


def test_a_moment_can_be_looked_at_and_sent_to_somebody(hub: RealHub, page: Page) -> None:
    add(hub, "uma")
    hub.request("POST", "/hub/api/users/uma/server")
    wait_for(lambda: model(hub, "uma")["servers"][""]["ready"])
    hub.request("DELETE", "/hub/api/users/uma/server")
    page.goto("/hub/admin/users/uma")
    page.locator("#happened tr", has_text="default server: running").locator("a.at").click()
    expect(page.locator("#then .state")).to_have_text("Running")
    expect(page).to_have_url(re.compile(r"\?at=\d+"))
    expect(page.locator("#happened tr[aria-current]")).to_have_count(1)
    look_at(page, "history-moment-light")
    there = page.url
    page.click("#leave-moment")
    expect(page.locator("#then .state")).to_have_count(0)
    page.go_back()
    expect(page.locator("#then .state")).to_have_text("Running")
    page.goto(there)
    expect(page.locator("#then .state")).to_have_text("Running")


def test_people_see_their_own_history(hub: RealHub, windows: Windows) -> None:
    page = windows.context(url=hub.url).new_page()
    log_in(page, "viktor")
    hub.request("POST", "/hub/api/users/viktor/server")
    page.get_by_role("link", name="What happened to my servers").click()
    expect(page.locator("#happened tbody")).to_contain_text("Logged in from")
    row_of_start = page.locator("#happened tr", has_text="default server: a start was asked for")
    expect(row_of_start).to_contain_text("somebody else")  # they may not know who administrators are


# --- how it looks, and who is kept out: nobody ---


@pytest.mark.parametrize(
    "name", ["", "/overview", "/groups", "/services", "/hub", "/history", "/users/wilma"]
)
def test_nobody_is_kept_out_in_light_in_dark_and_on_a_phone(
    hub: RealHub, windows: Windows, name: str
) -> None:
    _fill(hub)
    for mode in ("light", "dark", "phone"):
        context = windows.context(
            phone=mode == "phone", scheme="dark" if mode == "dark" else "light", url=hub.url
        )
        page = context.new_page()
        log_in(page, "admin", f"/hub/admin{name}")
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        if not name:
            page.select_option("#limit", "20")
            search(page, "w")
            row(page, "wilma").locator(".more").click()
            row(page, "wilma").locator(".select").check()
        look_at(page, f"admin{name.replace('/', '-')}-{mode}")


def _fill(hub: RealHub) -> None:
    add(hub, "wilma", "walter-13", "wanda", "wes")
    hub.request("POST", "/hub/api/groups/wine", json={"users": ["wilma", "wes"]})
    for path, options in (
        ("wilma/server", {"image": "small"}),
        ("wilma/servers/gpu", {"simulate": {"delay": 500}}),
        ("wilma/servers/old", {"simulate": {"fail": "no machine has a GPU to spare"}}),
        ("walter-13/server", {}),
        ("wes/server", {}),
    ):
        hub.request("POST", f"/hub/api/users/{path}", json={"user_options": options})
    hub.request("DELETE", "/hub/api/users/wes/server")


LANES = """async () => {
    const { lanesOf } = await import("/hub/static/js/lanes.js");
    const at = second => new Date(second * 1000).toISOString();
    const event = (second, type, server = "a", data = {}) =>
        ({at: at(second), type, stream: `server/${server}`, user: "u", server, data});
    const shown = (events, running, areAll) => lanesOf(events, 0, 100000, running, areAll).lanes.map(lane =>
        [lane.name,
         lane.bars.map(bar => [bar.state, bar.from / 1000, bar.to / 1000]),
         lane.marks.map(mark => mark.at / 1000)]);
    return {
        whole: shown([
            event(1, "server.spawn-requested", "a", {queued: true}), event(2, "server.spawn-admitted"),
            event(3, "server.spawn-progressed"), event(4, "server.spawn-answered"), event(5, "server.ready"),
            event(8, "server.stop-requested"), event(9, "server.stopped")]),
        cut: shown([event(6, "server.stop-requested"), event(7, "server.stopped")]),
        failed: shown([event(1, "server.spawn-requested"), event(4, "server.spawn-failed")]),
        died: shown([event(4, "server.died")]),
        failures_alone: shown([event(4, "server.spawn-failed"), event(6, "server.died")], [], false),
        going_on: shown([event(3, "server.ready", "a"), event(4, "server.spawn-requested", "b")]),
        running: shown([], [{user: "u", name: "x", started: at(-5)}, {user: "u", name: "y", started: at(5)}]),
        removed: shown([event(4, "server.options-stored")]),
    };
}"""


def test_bars_say_what_events_say(page: Page) -> None:
    assert page.evaluate(LANES) == {
        "whole": [["a", [["queued", 1, 2], ["spawn", 2, 5], ["ready", 5, 8], ["stop", 8, 9]], []]],
        "cut": [["a", [["ready", 0, 6], ["stop", 6, 7]], []]],
        "failed": [["a", [["spawn", 1, 4]], [4]]],
        "died": [["a", [["ready", 0, 4]], [4]]],
        "failures_alone": [["a", [], [4, 6]]],
        "going_on": [["a", [["spawn", 0, 3], ["ready", 3, 100]], []], ["b", [["spawn", 4, 100]], []]],
        "running": [["x", [["ready", 0, 100]], []]],
        "removed": [],
    }
