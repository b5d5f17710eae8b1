"""A server is shared by name, by group and by link, used by others through the proxy, and taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import TIMEOUT, Windows, log_in, running
from tests.browser.jupyterlab import JUPYTERLAB, SLOWLY
from tests.browser.test_looks import look_at
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

CONFIG = """
c.JupyterHub.load_groups = {"students": {"users": ["carol", "dave"]}}
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "shares!user", "list:users", "list:groups"]}]
"""
SIMULATED = f'c.JupyterHub.spawner_class = "simulated"\n{CONFIG}'

expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(RealHub(tmp_path_factory.mktemp("sharing"), config=SIMULATED)) as hub:
        yield hub


def people(hub: RealHub, *names: str) -> None:
    """Whom a test has to itself, also when it is tried again; the first has a server `lab`."""
    for name in names:
        hub.request("DELETE", f"/hub/api/users/{name}")
        assert hub.request("POST", f"/hub/api/users/{name}").status_code == 201
    hub.request("PUT", f"/hub/api/users/{names[0]}/servers/lab", json={"display_name": "Lab"})


def window(windows: Windows, hub: RealHub, name: str, path: str = "/hub/home", mode: str = "light") -> Page:
    scheme = "dark" if mode == "dark" else "light"
    page = windows.context(phone=mode == "phone", scheme=scheme, url=hub.url).new_page()
    log_in(page, name, path)
    return page


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def give(page: Page, name: str, kind: str = "user") -> None:
    page.select_option("#grant-form [name=kind]", kind)
    page.fill("#grant-name", name)
    page.keyboard.press("Enter")


# --- the page, by keyboard ---


def test_access_is_given_taken_back_and_given_again_by_keyboard(hub: RealHub, windows: Windows) -> None:
    people(hub, "alice", "bob")
    page = window(windows, hub, "alice")
    page.get_by_role("link", name="Share Lab").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/hub/share/alice/lab")
    page.evaluate("window.isTheSame = true")
    page.focus("#grant-name")
    page.keyboard.type("bob")
    page.keyboard.press("Enter")
    expect(page.locator("#share-said")).to_have_text("bob has access.")
    expect(page.locator("#said")).to_have_text("bob has access.")
    assert focused(page) == "grant-name"
    page.focus("#revoke-user-bob")
    page.keyboard.press("Enter")
    expect(page.locator("#share-said")).to_have_text("bob has no access any more.")
    expect(page.locator("#undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#with-user-bob")).to_be_visible()
    page.fill("#grant-name", "nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#share-error")).to_contain_text("There is no user named 'nobody'.")
    expect(page.locator("#grant-name")).to_be_focused()
    expect(page.locator("#grant-name")).to_have_value("nobody")
    assert page.evaluate("window.isTheSame") is True


def test_a_link_is_made_copied_used_and_revoked(hub: RealHub, windows: Windows) -> None:
    people(hub, "ann", "ben")
    ann = window(windows, hub, "ann", "/hub/share/ann/lab")
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ann.fill("#grant-name", "half typed")
    ann.select_option("#expires", "3600")
    ann.get_by_role("button", name="Make a link").click()
    expect(ann.locator("#link")).to_be_focused()
    assert ann.input_value("#grant-name") == "half typed"
    link = ann.input_value("#link")
    ann.click("#copy-link")
    expect(ann.locator("#notice")).to_have_text("Copied.")
    assert ann.evaluate("navigator.clipboard.readText()") == link
    expect(ann.locator("#share-links")).to_contain_text("nobody has come by it yet")

    ben = window(windows, hub, "ben", link.removeprefix(hub.url))
    ben.get_by_role("button", name="Accept").click()
    ben.wait_for_url("**/user/ann/lab/")
    expect(ann.locator("#share-links li li")).to_contain_text("ben")  # as it happens
    expect(ann.locator("#with-user-ben")).to_contain_text("by a link")

    withdraw = ann.locator(".withdraw button")
    withdraw.click()
    ann.wait_for_selector("#ask[open]")
    ann.keyboard.press("Escape")
    expect(withdraw).to_be_focused()
    withdraw.click()
    ann.click("#ask-yes")
    expect(ann.locator("#share-links")).not_to_contain_text("Link")
    expect(ann.locator("#said")).to_contain_text("The link is revoked.")
    expect(ann.locator("#links")).to_be_focused()
    ben.goto(link)
    expect(ben.locator("h1")).to_have_text("This link does not work")
    expect(ann.locator("#with-user-ben")).to_be_visible()


def test_a_slow_line_makes_one_link(hub: RealHub, windows: Windows) -> None:
    people(hub, "cleo")
    page = window(windows, hub, "cleo", "/hub/share/cleo/lab")

    def late(route: object) -> None:
        page.wait_for_timeout(1500)
        route.continue_()  # type: ignore[attr-defined]

    page.route("**/hub/share/cleo/lab", late)
    button = page.get_by_role("button", name="Make a link")
    button.click()
    expect(page.locator("#issue-form button")).to_have_attribute("aria-busy", "true")
    page.locator("#issue-form button").click(force=True)
    expect(page.locator("#link")).to_be_visible()
    assert len(hub.request("GET", "/hub/api/share-codes/cleo/lab").json()["items"]) == 1


# --- who is shared with ---


def test_who_is_shared_with_is_told_at_once_and_once(hub: RealHub, windows: Windows) -> None:
    people(hub, "dora", "emil")
    hub.request("POST", "/hub/api/users/dora/servers/lab")
    emil = window(windows, hub, "emil")
    emil.fill("#new-server-name", "half typed")
    hub.request("POST", "/hub/api/shares/dora/lab", json={"user": "emil"})
    expect(emil.locator("#share-news")).to_contain_text("dora shares the server lab with you.")
    row = emil.locator(".shared")
    expect(row).to_contain_text("dora/lab")
    expect(row.get_by_role("link", name="Open")).to_have_attribute("href", "/user/dora/lab/")
    assert emil.input_value("#new-server-name") == "half typed"
    emil.click("#share-news-seen")
    expect(emil.locator("#share-news li")).to_have_count(0)
    assert emil.input_value("#new-server-name") == "half typed"
    assert focused(emil) != ""
    other = window(windows, hub, "emil")
    expect(other.locator(".shared")).to_be_visible()
    expect(other.locator("#share-news li")).to_have_count(0)

    hub.request("PATCH", "/hub/api/shares/dora/lab", json={"user": "emil"})
    expect(emil.locator("#share-news")).to_contain_text(
        "The server lab of dora is no longer shared with you."
    )
    expect(row).to_have_count(0)


def test_what_a_group_opens_and_ends_is_told_on_an_open_home(hub: RealHub, windows: Windows) -> None:
    people(hub, "nora", "otto")
    hub.request("POST", "/hub/api/groups/physics")
    hub.request("POST", "/hub/api/shares/nora/lab", json={"group": "physics"})
    otto = window(windows, hub, "otto")
    news, row = otto.locator("#share-news"), otto.locator(".shared")
    hub.request("POST", "/hub/api/groups/physics/users", json={"users": ["otto"]})
    expect(news).to_contain_text("You may use it through the group physics.")
    expect(row).to_contain_text("nora/lab")
    hub.request("POST", "/hub/api/shares/nora/", json={"group": "physics"})
    expect(row).to_have_count(2)  # a share of the group is no event of otto's
    hub.request("DELETE", "/hub/api/groups/physics")
    expect(news).to_contain_text("The group physics, through which you could use it, is gone.")
    expect(row).to_have_count(0)


def test_what_is_shared_is_left_from_home(hub: RealHub, windows: Windows) -> None:
    people(hub, "finn", "gus")
    hub.request("POST", "/hub/api/shares/finn/lab", json={"user": "gus"})
    page = window(windows, hub, "gus")
    page.get_by_role("link", name="Leave").click()
    page.wait_for_selector("#ask[open]")
    page.keyboard.press("Escape")
    expect(page.locator(".leave-share")).to_be_focused()
    page.keyboard.press("Enter")
    page.click("#ask-yes")
    expect(page.locator(".shared")).to_have_count(0)
    expect(page.locator("#notice")).to_have_text("You have left it.")
    assert hub.request("GET", "/hub/api/users/gus/shared").json()["items"] == []
    assert page.evaluate("document.activeElement !== document.body")


def test_a_question_is_answered_by_what_is_pressed_in_it(hub: RealHub, windows: Windows) -> None:
    """A dialog says that it is closed a moment later: what is asked meanwhile is a question of its own."""
    people(hub, "gil", "gwen")
    hub.request("PUT", "/hub/api/users/gwen/servers/own", json={})
    hub.request("POST", "/hub/api/shares/gil/lab", json={"user": "gwen"})
    page = window(windows, hub, "gwen")
    page.get_by_role("link", name="Leave").click()
    page.evaluate("document.getElementById('ask').close(); document.querySelector('.leave-share').click()")
    page.click("#ask-yes")
    expect(page.locator("#notice")).to_have_text("You have left it.")
    expect(page.locator(".shared")).to_have_count(0)
    page.click(".delete-server")
    expect(page.locator("#ask-yes")).to_have_text("Delete")


def test_forms_do_without_scripts(hub: RealHub, windows: Windows) -> None:
    people(hub, "hal", "ida")
    page = windows.context(url=hub.url, scripts=False).new_page()
    log_in(page, "hal", "/hub/share/hal/lab")
    give(page, "ida")
    expect(page.locator("#with-user-ida")).to_be_visible()
    page.get_by_role("button", name="Make a link").click()
    assert "accept-share?code=" in page.input_value("#link")
    page.locator(".withdraw button").click()
    expect(page.locator("h1")).to_have_text("Revoke this link?")
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("#share-links li")).to_have_count(0)
    page.locator("#revoke-user-ida").click()
    page.locator("#undo").click()
    expect(page.locator("#with-user-ida")).to_be_visible()


def test_administrators_come_from_the_list_of_users_to_the_shares_of_a_server(
    hub: RealHub, windows: Windows
) -> None:
    people(hub, "jo", "kim")
    page = window(windows, hub, "admin", "/hub/admin?name_filter=jo")
    page.locator('tbody.user[data-name="jo"] .more').click()
    look_at(page, "admin-user-share-light")
    page.locator('li[data-server="lab"] .share').click()
    page.wait_for_url("**/hub/share/jo/lab")
    give(page, "kim")
    expect(page.locator("#with-user-kim")).to_be_visible()


# --- how it looks ---


@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
def test_pages_of_shares_keep_nobody_out(hub: RealHub, windows: Windows, mode: str) -> None:
    owner, guest, comer = (f"{who}-{mode}" for who in ("owner", "guest", "comer"))
    people(hub, owner, guest, comer)
    page = window(windows, hub, owner, f"/hub/share/{owner}/lab", mode)
    look_at(page, f"share-nobody-{mode}")
    hub.request("POST", f"/hub/api/shares/{owner}/lab", json={"user": guest})
    hub.request("POST", f"/hub/api/shares/{owner}/lab", json={"group": "students"})
    page.reload()
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator("#link")).to_be_visible()
    link = page.input_value("#link")
    visitor = window(windows, hub, comer, link.removeprefix(hub.url), mode)
    look_at(visitor, f"accept-share-{mode}")
    visitor.get_by_role("button", name="Accept").click()
    visitor.wait_for_url(f"**/user/{owner}/lab/")
    expect(page.locator("#share-links li li")).to_contain_text(comer)
    look_at(page, f"share-link-made-{mode}")
    page.locator("#revoke-group-students").click()
    expect(page.locator("#undo")).to_be_visible()
    look_at(page, f"share-revoked-{mode}")
    page.locator(".withdraw button").click()
    page.wait_for_selector("#ask[open]")
    look_at(page, f"share-question-{mode}")
    page.keyboard.press("Escape")
    give(page, "nobody at all")
    expect(page.locator("#share-error")).to_be_visible()
    look_at(page, f"share-refused-{mode}")

    at_home = window(windows, hub, guest, "/hub/home", mode)
    look_at(at_home, f"home-shared-{mode}")
    at_home.goto(f"/hub/leave-share/{owner}/lab")
    look_at(at_home, f"leave-share-{mode}")
    at_home.goto("/hub/accept-share?code=" + "x" * 43)
    look_at(at_home, f"share-link-worthless-{mode}")
    page.goto(link)
    look_at(page, f"share-link-own-{mode}")
    page.goto("/hub/home")
    expect(page.get_by_role("link", name="Shared with 2")).to_be_visible()
    look_at(page, f"home-sharing-{mode}")


# --- all of it, with a real server behind the proxy ---


def enter(page: Page) -> None:
    """Into alice's server: its OAuth asks whether one agrees."""
    page.goto("/user/alice/lab")
    page.wait_for_selector("#submit, .jp-Launcher, button[type=submit]", timeout=SLOWLY)
    if "/oauth2/authorize" in page.url:
        page.locator("main button[type=submit]").click()
    page.wait_for_selector(".jp-Launcher", timeout=SLOWLY)


def test_others_use_a_real_server_until_it_is_taken_back(tmp_path: Path, windows: Windows) -> None:
    server = [JUPYTERLAB[0], "--HubAuth.cache_max_age=1", *JUPYTERLAB[1:]]
    with running(RealHub(tmp_path / "hub", cmd=server, config=CONFIG)) as hub:
        for name in ("alice", "bob", "erin"):
            hub.add_user(name)
        assert hub.begin("alice").status_code in (201, 202)
        hub.wait_ready("alice", timeout=90)
        alice = window(windows, hub, "alice", "/hub/home")
        alice.get_by_role("link", name="Share", exact=True).click()
        give(alice, "bob")
        expect(alice.locator("#with-user-bob")).to_be_visible()
        give(alice, "students", "group")
        expect(alice.locator("#with-group-students")).to_be_visible()
        alice.get_by_role("button", name="Make a link").click()
        expect(alice.locator("#link")).to_be_visible()
        link = alice.input_value("#link")

        bob = window(windows, hub, "bob")
        expect(bob.locator("#share-news")).to_contain_text("alice shares their server with you.")
        expect(bob.locator(".shared").get_by_role("link", name="Open")).to_be_visible()
        enter(bob)
        carol = window(windows, hub, "carol")
        expect(carol.locator("#share-news")).to_contain_text("through the group students")
        enter(carol)
        erin = window(windows, hub, "erin", link.removeprefix(hub.url))
        erin.get_by_role("button", name="Accept").click()
        erin.wait_for_url(lambda url: "accept-share" not in url)
        enter(erin)
        expect(alice.locator("#share-links li li")).to_contain_text("erin")

        for who in ("user-bob", "group-students", "user-erin"):
            alice.locator(f"#revoke-{who}").click()
            expect(alice.locator(f"#with-{who}")).to_have_count(0)
        for page in (bob, carol, erin):
            page.wait_for_timeout(1500)  # for so long the server trusts what the hub has said
            page.goto("/hub/user/alice/")
            expect(page.locator("main")).to_contain_text("you may not enter it")
            expect(page.locator("#share-news")).to_contain_text("is no longer shared with you.")
            answer = page.request.get(f"{hub.url}/user/alice/api/contents", max_redirects=0)
            assert answer.status in (302, 403)
        assert re.search("/hub/user/alice/", bob.url)


def test_what_is_moved_while_it_has_the_focus_keeps_it(hub: RealHub, windows: Windows) -> None:
    people(hub, "alice")
    page = window(windows, hub, "alice", "/hub/share/alice/lab")
    page.focus("#grant-name")
    page.evaluate(
        "() => { const form = document.getElementById('grant-form'); form.parentElement.append(form); }"
    )
    expect(page.locator("#grant-name")).to_be_focused()
