"""What people see of servers that are shared with them: on Home, at the top of every page, until they put it away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

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
    return [item.text.partition(" Open it")[0] for item in page.one(id_="share-news").all("li")]


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
    async with aclosing(await logged_in(world.hub, "erin")) as erin:
        assert len(await news(erin)) == 1
    async with aclosing(await logged_in(world.hub, "carol")) as carol:
        assert await news(carol) == []
    await world.admin.patch("/shares/bob/lab", json={"group": "students"})
    (told,) = await news(dave)
    assert "You could use it through the group students." in told


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
