"""Links that log in once: for whom, how often, how long."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import trio
from msgspec.structs import replace

from core.errors import ForbiddenError
from core.events.record import HUB
from core.settings import AuthenticatorSettings, DummySettings
from projections import users
from tests.conftest import hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, path_of
from web.hub.hub import Hub
from web.lifecycle.hello import say_hello
from web.sessions.links import KEPT, LIFE, LoginLinks

HERE = "192.0.2.1"


def alice(hub: Hub) -> str:
    row = users.by_name(hub.store.db, "alice")
    assert row is not None
    return row.id


async def test_a_link_is_good_once():
    links = LoginLinks()
    ticket = links.make("u1")
    assert links.take(ticket) == "u1"
    assert links.take(ticket) is None


@pytest.mark.parametrize("ticket", ["", "x", "x" * 1000, "\ud800"])
async def test_what_is_no_ticket_logs_nobody_in(ticket):
    links = LoginLinks()
    links.make("u1")
    assert links.take(ticket) is None


async def test_a_link_is_good_for_a_quarter_of_an_hour(autojump_clock):
    links = LoginLinks()
    first, second = links.make("u1"), links.make("u1")
    await trio.sleep(LIFE - 1)
    assert links.take(first) == "u1"
    await trio.sleep(2)
    assert links.take(second) is None


async def test_only_so_many_are_kept():
    links = LoginLinks()
    tickets = [links.make(f"u{number}") for number in range(KEPT + 1)]
    assert links.take(tickets[0]) is None
    assert links.take(tickets[-1]) == f"u{KEPT}"


async def test_a_browser_that_follows_it_is_logged_in_and_sees_the_ticket_no_more(hub: Hub):
    link = hub.acts.link_login.make(alice(hub), next_url="/hub/token")
    browser, other = Browser(hub), Browser(hub)
    answer = await browser.get(link, headers=NAVIGATES)
    assert (answer.status_code, path_of(answer)) == (302, "/hub/token")
    assert (await browser.call("GET", "/user")).json()["name"] == "alice"
    again = await other.get(link, headers=NAVIGATES)
    assert (again.status_code, other.session_id) == (403, "")
    twice = await browser.get(link, headers=NAVIGATES)
    assert (twice.status_code, path_of(twice)) == (302, "/hub/token"), "who is logged in goes on"


async def test_the_ticket_is_in_no_line_of_the_log(hub: Hub, caplog):
    caplog.set_level("DEBUG")
    link = hub.acts.link_login.make(alice(hub))
    answer = await Browser(hub).get(link, headers=NAVIGATES)
    assert path_of(answer) == "/hub/spawn"
    ticket = urlsplit(link).query.partition("=")[2]
    assert not [
        one for one in caplog.records if one.name.startswith("callboard") and ticket in one.getMessage()
    ]
    assert ticket not in "\n".join(hub.store.db.iterdump())


async def test_who_has_gone_is_not_logged_in(hub: Hub):
    user = alice(hub)
    ticket = hub.logins.links.make(user)
    await hub.user_deletion.begin(user, by=HUB)
    await hub.user_deletion.wait_gone(user)
    assert hub.acts.link_login.redeem(ticket, address=HERE) is None


async def test_who_is_blocked_is_not_logged_in():
    settings = replace(settings_for_tests(), authenticator=AuthenticatorSettings(blocked_users={"alice"}))
    async with hub_in_memory(settings) as hub:
        with pytest.raises(ForbiddenError):
            hub.acts.link_login.redeem(hub.logins.links.make(alice(hub)), address=HERE)
    hub.store.close()


async def test_the_first_words_of_a_hub_hold_such_a_link(hub: Hub, capsys):
    await say_hello(hub)
    said = capsys.readouterr().out
    assert "http://127.0.0.1:8000/ lets in any name with any password." in said
    found = re.search(r"http://127\.0\.0\.1:8000(/hub/login\?ticket=\S+)", said)
    assert found
    answer = await Browser(hub).get(found[1], headers=NAVIGATES)
    assert answer.status_code == 302


async def test_the_first_words_promise_nothing_where_a_password_is_wanted(capsys):
    async with hub_in_memory(replace(settings_for_tests(), dummy=DummySettings(password="secret"))) as hub:
        await say_hello(hub)
    assert "any password" not in capsys.readouterr().out
