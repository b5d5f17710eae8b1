"""What people stumbled over, seen in a browser: words, boxes that stay, what is cut off, what is printed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Windows, cut_off, log_in, running
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.spawner_class = "simulated"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
c.JupyterHub.services = [
    {"name": "grades", "url": "http://127.0.0.1:9", "api_token": "token-of-grades-for-tests"},
    {"name": "mail", "url": "http://127.0.0.1:9", "api_token": "token-of-mail-for-tests",
     "oauth_client_allowed_scopes": ["read:servers!user"]},
]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=grades", "access:services!service=mail"]},
]
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("small"), config=CONFIG)) as hub:
        yield hub


def page_of(hub: RealHub, windows: Windows, name: str, path: str, *, phone: bool = False) -> Page:
    page = windows.context(url=hub.url, phone=phone).new_page()
    log_in(page, name, path)
    page.goto(path)
    return page


def test_a_token_that_is_revoked_is_no_longer_offered(hub: RealHub, windows: Windows) -> None:
    page = page_of(hub, windows, "anna", "/hub/token")
    for note in ("first", "second"):
        page.fill("#token-note", note)
        page.click("#request-token")
        expect(page.locator(".token-row .name", has_text=note)).to_be_visible()
    revoke = page.locator(".token-row", has_text="first").locator(".revoke-token-btn")
    revoke.click()
    expect(page.locator(".token-row")).to_have_count(1)
    expect(page.locator("#token-area")).to_be_visible()  # that of the second
    page.click(".revoke-token-btn")
    expect(page.locator("#token-area")).to_be_hidden()


def test_of_one_thing_at_a_time_is_told(hub: RealHub, windows: Windows) -> None:
    page = page_of(hub, windows, "admin", "/hub/admin")
    names = [f"crowd-{number}" for number in range(6)]
    hub.api("POST", "/users", json={"usernames": names})
    slowly = {"user_options": {"simulate": {"stop_delay": 3}}}
    for name in names:
        hub.begin(name, json=slowly)
    page.goto("/hub/admin?name_filter=crowd-")
    page.check("#pick-page")
    page.click("#start-picked")
    expect(page.locator("#work-said")).to_have_text("6 of 6 started")
    page.click("#stop-picked")
    page.click("#ask-yes")
    expect(page.locator("#work-text")).to_contain_text("Stopping: ")
    assert "started" not in page.locator("#work").inner_text()
    expect(page.locator("#work-said")).to_be_empty()
    expect(page.locator("#work-text")).to_have_text("6 of 6 stopped")


def test_who_deletes_many_is_told_that_they_are_among_them(hub: RealHub, windows: Windows) -> None:
    page = page_of(hub, windows, "admin", "/hub/admin")
    page.locator('tbody.user[data-name="admin"] .select').check()
    page.click("#delete-picked")
    expect(page.locator("#ask-text")).to_contain_text("You are among them")
    page.click("#ask-no")
    page.locator('tbody.user[data-name="admin"] .more').click()
    page.click(".delete-user")
    expect(page.locator("#ask-text")).to_contain_text("This is you")


@pytest.mark.parametrize(("service", "acts"), [("grades", False), ("mail", True)])
def test_consent_does_not_contradict_itself(hub: RealHub, windows: Windows, service: str, acts: bool) -> None:
    page = page_of(hub, windows, "ben", "/hub/token")
    query = f"client_id=service-{service}&response_type=code&redirect_uri=/services/{service}/oauth_callback"
    page.goto(f"/hub/api/oauth2/authorize?{query}")
    text = page.locator("main").inner_text()
    assert ("act for you" in text, "nothing else" in text) == (acts, not acts)


def test_moments_are_said_as_people_say_them(hub: RealHub, windows: Windows) -> None:
    hub.add_user("carl")
    hub.begin("carl")
    hub.wait_ready("carl")
    page = page_of(hub, windows, "carl", "/hub/home")
    facts = page.locator(".facts").first
    expect(facts).to_contain_text(re.compile(r"started (just now|\d+ .* ago) by admin"))
    title = page.locator(".facts time").first.get_attribute("title")
    assert re.search(r"(UTC|GMT)", title or ""), "an exact moment says of which zone it is"
    page.click("#stop")
    expect(facts).to_contain_text("Stopped by you · just now")
    page.goto("/hub/history")
    expect(page.locator("#range")).to_contain_text(re.compile("UTC|GMT"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3600, "in 1 hour"), (86400, "tomorrow"), (604800, "in 1 week"), (2592000, "in 1 month")],
)
def test_what_was_just_made_to_last_so_long_lasts_so_long(
    hub: RealHub, windows: Windows, seconds: int, words: str
) -> None:
    name = f"fay-{seconds}"
    hub.add_user(name)
    hub.api("POST", f"/users/{name}/tokens", json={"expires_in": seconds})
    page = page_of(hub, windows, name, "/hub/token")
    expect(page.locator(".token-row td[data-label=Expires]")).to_have_text(words)


def test_refused_logins_are_told_with_the_number_of_their_addresses(hub: RealHub, windows: Windows) -> None:
    page = page_of(hub, windows, "admin", "/hub/history")
    said = page.evaluate(
        """async () => {
            const { inWords } = await import("/hub/static/js/happened.js");
            const of = (addresses) => inWords({ type: "access.refused", data: { addresses } });
            return [of({ "192.0.2.1": 3 }), of({ "192.0.2.1": 3, "192.0.2.2": 1 })];
        }"""
    )
    assert [one.rpartition(", ")[2] for one in said] == ["from 1 address", "from 2 addresses"]


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize(
    "path",
    ["/hub/home", "/hub/token", "/hub/admin", "/hub/admin/groups", "/hub/admin/history", "/hub/history"],
)
def test_no_placeholder_and_no_choice_is_cut_off(
    hub: RealHub, windows: Windows, path: str, phone: bool
) -> None:
    hub.api("POST", "/groups/physics", json={"users": ["admin"]})
    page = page_of(hub, windows, "admin", path, phone=phone)
    for language in ("en", "de", "fr", "es"):
        page.context.add_cookies([{"name": "callboard-language", "value": language, "url": hub.url}])
        page.reload()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert cut_off(page) == [], language


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/hub/admin", "users"), ("/hub/admin/groups", "groups"), ("/hub/admin/services", "proxy")],
)
def test_pages_are_turned_once_it_is_known_which_there_are(
    hub: RealHub, windows: Windows, path: str, asked: str
) -> None:
    hub.api("POST", "/groups/physics", json={"users": ["admin"]})
    page = page_of(hub, windows, "admin", "/hub/token")
    held: list[Route] = []
    page.route(re.compile(rf"/hub/api/{asked}\?"), lambda route: held.append(route))
    page.goto(f"{path}?offset=0&limit=20")
    while not held:
        page.wait_for_timeout(20)  # in which what is routed comes
    for turn in ("#previous-page", "#next-page"):
        page.dispatch_event(turn, "click")
    assert "NaN" not in page.url
    held[0].continue_()
    expect(page.locator("#range")).to_contain_text("1–")


@pytest.mark.parametrize(
    "path", ["/hub/home", "/hub/token", "/hub/admin", "/hub/admin/groups", "/hub/history"]
)
def test_on_paper_there_is_nothing_to_press(hub: RealHub, windows: Windows, path: str) -> None:
    page = page_of(hub, windows, "admin", path)
    page.emulate_media(media="print")
    left = page.evaluate(
        """() => [...document.querySelectorAll("button, .filters, .pager, .tabs, .bar, a.button, dialog, select")]
            .filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert left == []
    expect(page.locator("h1")).to_be_visible()


def test_an_answer_of_something_in_between_is_told_in_words(hub: RealHub, windows: Windows) -> None:
    page = page_of(hub, windows, "dora", "/hub/home")

    def answer(route: Route) -> None:
        route.fulfill(status=503, body="<html>upstream</html>", content_type="text/html")

    page.route("**/hub/api/users/dora/servers/lab", answer)
    page.fill("#new-server-name", "Lab")
    page.click("#new-server-btn")
    expect(page.locator("#notice")).to_have_text(
        "The hub could not do this just now. Please try again in a moment."
    )
