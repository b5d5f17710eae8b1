"""What people see of servers that are shared with them: on Home, at the top of every page, until they put it away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from trio.testing import wait_all_tasks_blocked

from core.events.record import By
from core.events.user import user_stream
from core.group import Leave
from projections import groups
from tests.live import live
from tests.unit.web.api.sharing.share_world import ShareWorld, share_world
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in, path_of
from tests.unit.web.pages.html import Element, shown


@pytest.fixture
async def world(autojump_clock: object) -> AsyncIterator[ShareWorld]:
    async with share_world() as world:
        yield world


@pytest.fixture
async def dave(world: ShareWorld) -> AsyncIterator[Browser]:
    async with aclosing(await logged_in(world.hub, "dave")) as browser:
        yield browser


async def news(browser: Browser, path: str = "/hub/home", status: int = 200) -> list[str]:
    page = await shown(browser, path, status)
    items = page.one(id_="share-news").all("li")
    told = [item.text.removesuffix(item.one(class_="small").text).strip() for item in items]
    return [text.removesuffix(" Open it") for text in told]


async def put_away(browser: Browser, path: str = "/hub/token") -> str:
    """Where it leads to."""
    form = (await shown(browser, path)).one(id_="share-news").one("form")
    fields = {field["name"]: field["value"] for field in form.all("input")}
    answer = await browser.post(form["action"], data=fields, headers=NAVIGATES)
    assert answer.status_code == 302
    return path_of(answer)


GIVEN = "bob shares the server lab with you."


async def test_access_that_is_given_is_news_on_every_page_until_it_is_put_away(
    world: ShareWorld, dave: Browser
) -> None:
    await world.share(user="dave")
    assert (
        await news(dave) == await news(dave, "/hub/token?x=1") == await news(dave, "/hub/no", 404) == [GIVEN]
    )
    async with aclosing(await logged_in(world.hub, "dave")) as another:
        assert await put_away(another, "/hub/token?x=1") == "/hub/token?x=1"
    assert await news(dave) == []
    await world.share("bob/", user="dave")
    assert await news(dave) == ["bob shares their server with you."]


async def test_access_that_ends_is_news_and_the_latest_counts(world: ShareWorld, dave: Browser) -> None:
    await world.share(user="dave")
    await world.admin.patch("/shares/bob/lab", json={"user": "dave"})
    (told,) = await news(dave, "/hub/user/bob/lab/", 404)
    assert told.startswith("The server lab of bob is no longer shared with you.")
    await put_away(dave)
    await world.share(user="dave")
    assert await news(dave) == [GIVEN]
    await put_away(dave)
    await world.admin.request("DELETE", "/users/bob/servers/lab", json={"remove": True})
    (told,) = await news(dave)
    assert told.startswith("The server lab of bob, which was shared with you, is gone.")


async def test_an_owner_who_is_gone_is_told_of_by_their_last_name(world: ShareWorld, dave: Browser) -> None:
    await world.share(user="dave")
    await world.admin.patch("/users/bob", json={"name": "robert"})
    assert await news(dave) == ["robert shares the server lab with you."]
    await world.admin.delete("/users/robert")
    (told,) = await news(dave)
    assert told.startswith("The server lab of robert, which was shared with you, is gone.")


async def test_what_comes_through_a_group_says_so(world: ShareWorld, dave: Browser) -> None:
    await world.share(group="students")
    assert await news(dave) == [f"{GIVEN} You may use it through the group students."]
    await put_away(dave)
    assert await news(dave) == []
    async with aclosing(await logged_in(world.hub, "erin")) as erin:
        assert len(await news(erin)) == 1
    async with aclosing(await logged_in(world.hub, "carol")) as carol:
        assert await news(carol) == []
    await world.admin.patch("/shares/bob/lab", json={"group": "students"})
    (told,) = await news(dave)
    assert "You could use it through the group students." in told


LEFT = "You are no longer in the group students, through which you could use it."
DISSOLVED = "The group students, through which you could use it, is gone."


async def test_who_joins_a_group_is_told_what_that_opens_and_who_leaves_it_what_ends(
    world: ShareWorld, dave: Browser
) -> None:
    await world.share(group="students")
    async with aclosing(await logged_in(world.hub, "carol")) as carol:
        await world.members("POST", "carol")
        assert await news(carol) == [f"{GIVEN} You may use it through the group students."]
        assert shared(await shown(carol, "/hub/home")) == ["bob/lab"]
        await world.members("DELETE", "carol")
        assert await news(carol) == [f"The server lab of bob is no longer shared with you. {LEFT}"]
        assert shared(await shown(carol, "/hub/home")) == []
        await world.share("bob/", group="students")
        assert len(await news(carol)) == 1
    assert len(await news(dave)) == 2


async def test_each_member_is_told_when_a_group_is_deleted_or_its_share_ends(
    world: ShareWorld, dave: Browser
) -> None:
    await world.share(group="students")
    await world.share("bob/", group="students")
    await world.admin.delete("/shares/bob/")
    assert (await world.admin.delete("/groups/students")).status_code == 204
    assert await news(dave) == [
        f"The server lab of bob is no longer shared with you. {DISSOLVED}",
        "The server of bob is no longer shared with you. You could use it through the group students.",
    ]
    assert shared(await shown(dave, "/hub/home")) == []


async def test_who_may_still_use_a_server_is_told_nothing(world: ShareWorld, dave: Browser) -> None:
    await world.share(group="students")
    await world.share(user="dave")
    await world.members("DELETE", "dave")
    assert await news(dave) == [GIVEN]  # by what is left
    await put_away(dave)
    await world.members("POST", "dave")
    await world.admin.patch("/shares/bob/lab", json={"user": "dave"})
    assert await news(dave) == []
    await world.admin.delete("/groups/students")
    assert len(await news(dave)) == 1


async def test_a_login_that_says_which_groups_one_is_in_is_not_ones_own_doing(
    world: ShareWorld, dave: Browser
) -> None:
    await world.share(group="students")
    await put_away(dave)
    by_login = By(user_stream(world.user_id("dave")), "login")
    group = groups.by_name(world.hub.store.db, "students")
    assert group is not None
    await world.hub.entities.groups.ask(group.id, Leave((world.user_id("dave"),)), by=by_login)
    assert len(await news(dave)) == 1


async def test_who_follows_their_own_history_hears_of_shares_through_groups(
    world: ShareWorld, dave: Browser
) -> None:
    client = await world.as_user("dave")
    carol = await world.as_user("carol")
    async with live(client, "/users/dave/events") as stream, live(carol, "/users/carol/events") as other:
        await wait_all_tasks_blocked()
        stream.now()
        other.now()
        await world.share(group="students")
        await wait_all_tasks_blocked()
        (told,) = stream.now()
        assert (told.kind, told.data["after"]) == ("shares", world.hub.store.head)
        assert other.now() == []
        await world.admin.delete("/groups/students")
        await wait_all_tasks_blocked()
        assert [one.kind for one in stream.now()] == ["shares"]


async def test_what_one_does_oneself_is_no_news(world: ShareWorld, dave: Browser) -> None:
    code = (await world.code())["code"]
    fields = {"_xsrf": dave.xsrf, "code": code}
    await dave.post("/hub/accept-share", data=fields, headers=NAVIGATES)
    assert await news(dave) == []
    assert (await dave.call("DELETE", "/users/dave/shared/bob/lab")).status_code == 204
    assert await news(dave) == []


async def test_nonsense_puts_nothing_away(world: ShareWorld, dave: Browser) -> None:
    await world.share(user="dave")
    head = world.hub.store.head
    for upto in ("", "x", "-1", "9" * 30):
        data = {"_xsrf": dave.xsrf, "upto": upto, "next": "https://evil.example"}
        answer = await dave.post("/hub/share-news", data=data, headers=NAVIGATES)
        assert (answer.status_code, path_of(answer)) == (302, "/hub/home")
    assert (await news(dave), world.hub.store.head) == ([GIVEN], head)
    beyond = {"_xsrf": dave.xsrf, "upto": "9" * 15}
    await dave.post("/hub/share-news", data=beyond, headers=NAVIGATES)
    await world.share("bob/", user="dave")
    assert len(await news(dave)) == 1


# --- on Home ---


def shared(page: Element) -> list[str]:
    return [row.one(class_="name").text for row in page.all(class_="shared")]


async def test_home_shows_whose_servers_one_may_open(world: ShareWorld, dave: Browser) -> None:
    assert shared(await shown(dave, "/hub/home")) == []
    await world.share(user="dave", scopes=["access:servers!server=bob/lab", "servers!server=bob/lab"])
    await world.share(group="students")
    await world.share("bob/", group="students")
    page = await shown(dave, "/hub/home")
    assert shared(page) == ["bob/lab", "bob"]
    lab, default = page.all(class_="shared")
    assert "Not running" in lab.text
    assert "through the group students" in lab.text
    assert "until bob takes it back, or you leave" in lab.text
    assert lab.one("a", href="/hub/spawn/bob/lab").text.startswith("Start")
    assert lab.one(class_="leave-share")["href"] == "/hub/leave-share/bob/lab"
    assert (default.all("a"), "or you leave the group" in default.text) == ([], True)
    await world.admin.post("/users/bob/servers/lab")
    (running, _) = (await shown(dave, "/hub/home")).all(class_="shared")
    assert running.one("a", href="/user/bob/lab/").text.startswith("Open")


async def test_what_is_shared_can_be_left_without_scripts(world: ShareWorld, dave: Browser) -> None:
    await world.share(user="dave")
    page = await shown(dave, "/hub/leave-share/bob/lab")
    assert "Leave the server lab of bob?" in page.one("h1").text
    answer = await dave.post("/hub/leave-share/bob/lab", data={"_xsrf": dave.xsrf}, headers=NAVIGATES)
    assert path_of(answer) == "/hub/home"
    assert shared(await shown(dave, "/hub/home")) == []
    await shown(dave, "/hub/leave-share/bob/lab", 404)
    answer = await dave.post("/hub/leave-share/bob/lab", data={"_xsrf": dave.xsrf}, headers=NAVIGATES)
    assert answer.status_code == 404
    await shown(dave, "/hub/leave-share/zoe/", 404)


async def test_who_may_open_a_server_and_not_start_it_is_offered_no_start(
    world: ShareWorld, dave: Browser
) -> None:
    await world.share(user="dave")
    main = (await shown(dave, "/hub/user/bob/lab/", 424)).one("main")
    assert "You can open it once bob has started it." in main.text
    assert main.all("a", id_="start") == []
    await world.share(user="dave", scopes=["servers!server=bob/lab"])
    main = (await shown(dave, "/hub/user/bob/lab/", 424)).one("main")
    assert main.one("a", id_="start").text == "Start lab"


async def test_a_server_of_ones_own_that_is_not_running_can_be_shared_from_there(world: ShareWorld) -> None:
    async with aclosing(await logged_in(world.hub, "bob")) as bob:
        main = (await shown(bob, "/hub/user/bob/lab/", 424)).one("main")
        assert main.one("a", href="/hub/share/bob/lab").text == "Share"
