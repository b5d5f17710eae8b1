"""Forms as a browser without scripts sends them, once and twice."""

from __future__ import annotations

import httpx
import pytest
import trio
from msgspec.structs import replace

from core.settings import SpawnerSettings
from projections import tokens, users
from projections.servers import servers
from tests.conftest import Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in, path_of
from tests.unit.web.pages.html import check_page, shown
from web.hub.hub import Hub

FORM = '<input name="size">'


async def send(browser: Browser, path: str, **fields: str) -> httpx.Response:
    return await browser.post(path, data={"_xsrf": browser.xsrf, **fields}, headers=NAVIGATES)


def tokens_of(hub: Hub, name: str) -> list[str]:
    row = users.by_name(hub.store.db, name)
    assert row is not None
    return [token.note for token in tokens.of_owner(hub.store.db, f"user/{row.id}")]


async def key_on(browser: Browser, path: str, form: str) -> str:
    page = await shown(browser, path)
    return page.one("form", id_=form).one("input", name="_once")["value"]


async def test_a_form_for_a_token_that_is_sent_twice_shows_the_same_token(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    key = await key_on(browser, "/hub/token", "request-token-form")
    assert key != await key_on(browser, "/hub/token", "request-token-form")
    answers: list[httpx.Response] = []

    async def submit() -> None:
        answers.append(await send(browser, "/hub/token", _once=key, note="backup", expires_in="3600"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(submit)
        nursery.start_soon(submit)
    first, second = [check_page(answer).one("textarea", id_="token-result").text for answer in answers]
    assert first == second
    assert tokens_of(hub, "bob") == ["backup"]
    other = await send(browser, "/hub/token", _once=key, note="another", expires_in="3600")
    assert check_page(other).one("textarea", id_="token-result").text != first


async def test_a_form_whose_token_was_revoked_does_not_bring_it_back(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    sent = {"_once": "the key of one form", "note": "leaked", "expires_in": "3600"}
    made = await send(browser, "/hub/token", **sent)
    row = check_page(made).one("tr", class_="token-row")
    gone = await send(browser, "/hub/token", _once="of another form", revoke=row["data-token-id"])
    assert path_of(gone) == "/hub/token"
    again = await send(browser, "/hub/token", **sent)
    assert again.status_code == 409
    assert "was revoked" in check_page(again).one("div", id_="token-error").text
    assert tokens_of(hub, "bob") == []


async def test_without_a_key_each_form_counts(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    for _ in range(2):
        assert (await send(browser, "/hub/token", note="n")).status_code == 200
    assert tokens_of(hub, "bob") == ["n", "n"]


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"scopes": "admin:users"}, 400, "does not hold: admin:users"),
        ({"expires_in": "soon"}, 400, "a number of seconds"),
        ({"expires_in": "0"}, 400, "at least 1"),
    ],
)
async def test_a_token_that_is_refused_leaves_the_form_as_it_was(
    hub: Hub, fields: dict[str, str], status: int, why: str
) -> None:
    browser = await logged_in(hub, "bob")
    answer = await send(browser, "/hub/token", note="<my> note", **fields)
    assert answer.status_code == status
    page = check_page(answer)
    assert why in page.one("div", id_="token-error").text
    assert page.one("input", id_="token-note")["value"] == "<my> note"


async def test_tokens_of_others_are_not_revoked(client: Client, hub: Hub) -> None:
    made = (await client.post("/users/alice/tokens", json={"note": "of alice"})).json()
    answer = await send(await logged_in(hub, "bob"), "/hub/token", revoke=made["id"])
    assert answer.status_code == 404
    assert "of alice" in tokens_of(hub, "alice")


async def test_servers_are_added_stopped_and_deleted(hub: Hub, autojump_clock: object) -> None:
    browser = await logged_in(hub, "bob")
    for _ in range(2):
        assert path_of(await send(browser, "/hub/home", _once="k", add="  Däta  Lab 2 ")) == "/hub/home"
    bob = users.by_name(hub.store.db, "bob")
    assert bob is not None
    lab = servers.by_name(hub.store.db, bob.id, "data-lab-2")
    assert lab is not None
    assert lab.display_name == "Däta Lab 2"
    await browser.get("/hub/spawn/bob/data-lab-2", headers=NAVIGATES)
    assert path_of(await send(browser, "/hub/home", stop="data-lab-2")) == "/hub/home"
    stopped = servers.by_id(hub.store.db, lab.id)
    assert stopped is not None
    assert stopped.state == "stopped"
    question = check_page(await send(browser, "/hub/home", delete="data-lab-2"))
    assert question.one("h1").text == "Delete Däta Lab 2?"
    assert path_of(await send(browser, "/hub/home", delete="data-lab-2", sure="yes")) == "/hub/home"
    assert servers.by_id(hub.store.db, lab.id) is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"add": "!!!"}, 400), ({"stop": "nothing"}, 404), ({"delete": "", "sure": "yes"}, 400)],
)
async def test_what_cannot_be_done_is_refused(hub: Hub, fields: dict[str, str], status: int) -> None:
    assert (await send(await logged_in(hub, "bob"), "/hub/home", **fields)).status_code == status


async def test_a_form_that_starts_a_server_counts_once(autojump_clock: object) -> None:
    settings = replace(settings_for_tests(), spawner=SpawnerSettings(options_form=FORM))
    async with hub_in_memory(settings) as hub:
        browser = await logged_in(hub, "bob")
        page = await shown(browser, "/hub/spawn")
        url = page.one("form", id_="spawn_form")["action"]
        first = await browser.post(url, data={"size": "large"}, headers=NAVIGATES)
        head = hub.store.head
        again = await browser.post(url, data={"size": "large"}, headers=NAVIGATES)
        assert path_of(first).startswith("/hub/spawn-pending/bob")
        assert path_of(again) == path_of(first)
        assert hub.store.head == head
        assert "_once" not in str((await browser.call("GET", "/users/bob/server")).json()["user_options"])


async def test_a_start_is_stopped_from_its_page(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    slowly = {"user_options": {"simulate": {"delay": 300}}}
    await browser.call("POST", "/users/bob/server", json=slowly, headers={"Prefer": "respond-async"})
    page = await shown(browser, "/hub/spawn-pending/bob")
    assert page.one("button", id_="stop-server-btn")
    assert path_of(await send(browser, "/hub/spawn-pending/bob")) == "/hub/home"
    assert (await send(browser, "/hub/spawn-pending/alice")).status_code == 404
