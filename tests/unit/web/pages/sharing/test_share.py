"""The page on which a server is shared: by forms that need no scripts, with the checks of the REST API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.unit.web.api.sharing.share_world import ShareWorld, share_world
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from tests.unit.web.pages.html import Element, check_page, shown

LAB = "/hub/share/bob/lab"


@pytest.fixture
async def world(autojump_clock: object) -> AsyncIterator[ShareWorld]:
    async with share_world(authenticator_class="dummy") as world:
        yield world


@pytest.fixture
async def bob(world: ShareWorld) -> AsyncIterator[Browser]:
    async with aclosing(await logged_in(world.hub, "bob")) as browser:
        yield browser


async def send(browser: Browser, act: str, path: str = LAB, **fields: str) -> httpx.Response:
    data = {"_xsrf": browser.xsrf, "act": act, **fields}
    return await browser.post(path, data=data, headers=NAVIGATES)


async def did(browser: Browser, act: str, status: int = 200, path: str = LAB, **fields: str) -> Element:
    answer = await send(browser, act, path, **fields)
    assert answer.status_code == status, answer.text[:2000]
    return check_page(answer)


def people(page: Element) -> list[str]:
    return [row.all(class_="name")[0].text for row in page.one(id_="share-people").all("tr") if row.all("td")]


async def shares(world: ShareWorld) -> list[tuple[str, list[str]]]:
    items = (await world.admin.get("/shares/bob/lab")).json()["items"]
    return [((one["user"] or one["group"])["name"], one["scopes"]) for one in items]


# --- giving and taking ---


async def test_a_person_and_a_group_are_given_access(world: ShareWorld, bob: Browser) -> None:
    assert "Nobody but you" in (await shown(bob, LAB)).one(id_="share-people").text
    page = await did(bob, "grant", kind="user", name=" carol ")
    assert page.one(id_="share-said").text == "carol has access."
    page = await did(bob, "grant", kind="group", name="students", may="run")
    assert people(page) == ["carol", "Group students"]
    assert await shares(world) == [
        ("carol", ["access:servers!server=bob/lab"]),
        ("students", ["access:servers!server=bob/lab", "servers!server=bob/lab"]),
    ]
    assert "open, start and stop it" in page.one("tr", id_="with-group-students").text


async def test_what_is_taken_back_can_be_given_again_as_it_was(world: ShareWorld, bob: Browser) -> None:
    await did(bob, "grant", kind="group", name="students", may="run")
    before = await shares(world)
    page = await did(bob, "revoke", kind="group", name="students")
    assert (people(page), await shares(world)) == ([], [])
    assert "The group students has no access any more." in page.one(id_="undo-form").text
    fields = {one["name"]: one["value"] for one in page.one(id_="undo-form").all("input")}
    page = await did(bob, fields.pop("act"), **{name: fields[name] for name in ("kind", "name", "scopes")})
    assert people(page) == ["Group students"]
    assert await shares(world) == before


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"kind": "user", "name": "zoe"}, 400, "There is no user named 'zoe'."),
        ({"kind": "group", "name": "carol"}, 400, "There is no group named 'carol'."),
        ({"kind": "user", "name": " "}, 400, "Say with whom"),
        ({"name": "carol", "scopes": "admin:users!server=bob/lab"}, 403, "what you may not do yourself"),
        ({"name": "carol", "scopes": "access:servers!server=bob/"}, 400, ""),
        ({"name": "carol", "scopes": "nonsense"}, 400, "nonsense"),
    ],
)
async def test_what_cannot_be_given_is_said_beside_what_was_typed(
    world: ShareWorld, bob: Browser, fields: dict[str, str], status: int, says: str
) -> None:
    page = await did(bob, "grant", status, **fields)
    assert says in page.one(id_="share-error").text
    name = page.one("input", id_="grant-name")
    assert (name["value"], name["aria-invalid"]) == (fields["name"].strip(), "true")
    assert await shares(world) == []


async def test_a_form_that_is_none_is_refused(bob: Browser) -> None:
    await did(bob, "nonsense", 400)
    await did(bob, "revoke", 404, kind="user", name="carol")
    await did(bob, "revoke", 400, kind="user", name="zoe")
    await did(bob, "withdraw", 404, id="sc_99")
    answer = await bob.post(LAB, data={"act": "grant", "name": "carol"}, headers=NAVIGATES)
    assert answer.status_code == 403


# --- links ---


async def test_a_link_is_shown_once_and_says_who_has_come_by_it(world: ShareWorld, bob: Browser) -> None:
    page = await did(bob, "issue", expires_in="3600")
    link = page.one("textarea", id_="link").text
    assert link.startswith("http://hub.test/hub/accept-share?code=")
    assert link not in (await bob.get(LAB, headers=NAVIGATES)).text
    assert "nobody has come by it yet" in (await shown(bob, LAB)).one(id_="share-links").text
    async with aclosing(await logged_in(world.hub, "carol")) as carol:
        form = (await shown(carol, link)).one("form", class_="stack")
        fields = {field["name"]: field["value"] for field in form.all("input")}
        assert (await carol.post(link, data=fields, headers=NAVIGATES)).status_code == 302
        assert "You have this access already." in (await shown(carol, link)).one("main").text
    page = await shown(bob, LAB)
    assert people(page) == ["carol"]
    assert "by a link" in page.one("tr", id_="with-user-carol").text
    assert "carol" in page.one(id_="share-links").text
    await did(bob, "revoke", kind="user", name="carol")
    assert "has no access any more" in (await shown(bob, LAB)).one(id_="share-links").text


async def test_a_link_is_revoked_after_a_question(world: ShareWorld, bob: Browser) -> None:
    page = await did(bob, "issue", expires_in="3600")
    link = page.one("textarea", id_="link").text
    (item,) = page.one(id_="share-links").all("li")
    code_id = item["id"].removeprefix("link-")
    question = await did(bob, "withdraw", id=code_id)
    assert "Revoke this link?" in question.one("h1").text
    assert len((await world.admin.get("/share-codes/bob/lab")).json()["items"]) == 1
    fields = {field["name"]: field["value"] for field in question.one("main").one("section").all("input")}
    page = await did(bob, fields.pop("act"), id=fields["id"], sure=fields["sure"])
    assert "The link is revoked." in page.one("main").text
    assert page.one(id_="share-links").all("li") == []
    async with aclosing(await logged_in(world.hub, "carol")) as carol:
        assert "This link does not work" in (await shown(carol, link, 404)).one("h1").text


async def test_a_link_lives_as_long_as_is_chosen_and_no_longer_than_links_may(
    world: ShareWorld, bob: Browser
) -> None:
    page = await did(bob, "issue", 400, expires_in="1", may="run")
    assert "expires_in is a number of seconds" in page.one(id_="share-error").text
    (chosen,) = [
        one for one in page.one("select", id_="issue-may").all("option") if "selected" in one.attributes
    ]
    assert chosen["value"] == "run"
    await did(bob, "issue", expires_in="31536000", may="run")
    (code,) = (await world.admin.get("/share-codes/bob/lab")).json()["items"]
    assert code["scopes"] == ["access:servers!server=bob/lab", "servers!server=bob/lab"]
    assert code["expires_at"][:4] > code["created_at"][:4]


async def test_a_form_that_is_sent_twice_makes_one_link(world: ShareWorld, bob: Browser) -> None:
    links = {
        (await did(bob, "issue", expires_in="3600", _once=key)).one("textarea", id_="link").text
        for key in ("k1", "k1", "k2")
    }
    assert len(links) == len((await world.admin.get("/share-codes/bob/lab")).json()["items"]) == 2


# --- who ---


async def test_only_who_may_share_has_the_page(world: ShareWorld, bob: Browser) -> None:
    async with aclosing(await logged_in(world.hub, "carol")) as carol:
        await shown(carol, "/hub/share/carol", 403)
        assert (await send(carol, "grant", "/hub/share/carol", name="bob")).status_code == 403
        await shown(carol, LAB, 403)
        assert not (await shown(carol, "/hub/home")).one("main").all("a", href="/hub/share/carol")
    await shown(bob, "/hub/share/carol", 404)
    await shown(bob, "/hub/share/bob/none", 404)
    home = await shown(bob, "/hub/home")
    assert home.one("main").one("a", href="/hub/share/bob/lab").text.startswith("Share")
    assert "Share my server" in (await shown(bob, "/hub/share/bob")).one("h1").text
    await did(bob, "grant", kind="user", name="carol")
    assert "Shared with 1" in (await shown(bob, "/hub/home")).one("a", href="/hub/share/bob/lab").text


async def test_who_may_name_nobody_shares_by_links_alone() -> None:
    role: dict[str, Any] = {"name": "sharers", "users": ["bob"], "scopes": ["shares!user"]}
    async with share_world(load_roles=[role]) as world, aclosing(await logged_in(world.hub, "bob")) as bob:
        page = await shown(bob, LAB)
        assert (page.all("form", id_="grant-form"), len(page.all("form", id_="issue-form"))) == ([], 1)
        await did(bob, "issue")
        answer = await send(bob, "grant", kind="user", name="carol")
        assert answer.status_code == 403


async def test_an_administrator_shares_for_others(world: ShareWorld) -> None:
    async with aclosing(await logged_in(world.hub, "alice")) as alice:
        assert "Share the server of bob" in (await shown(alice, "/hub/share/bob")).one("h1").text
        page = await did(alice, "grant", path="/hub/share/bob", kind="user", name="carol")
        assert people(page) == ["carol"]


async def test_many_shares_are_shown_a_page_at_a_time(world: ShareWorld, bob: Browser) -> None:
    names = [f"m{number:03}" for number in range(53)]
    await world.admin.post("/users", json={"usernames": names})
    for name in names:
        await world.share(user=name)
    first = await shown(bob, LAB)
    assert people(first) == names[:50]
    more = first.one(id_="share-people").one("a", class_="small")["href"]
    assert people(await shown(bob, f"{LAB}{more.partition('#')[0]}")) == names[50:]
