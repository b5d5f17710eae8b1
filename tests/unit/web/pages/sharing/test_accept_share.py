"""The page on which a share code is accepted, and reports of browsers."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import Client
from tests.unit.web.pages.browser import NAVIGATES, logged_in, path_of
from tests.unit.web.pages.html import check_page, shown
from web.hub.hub import Hub


async def code_of(client: Client, **body: object) -> str:
    answer = await client.post("/share-codes/alice/", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["code"])


async def test_a_code_says_what_it_would_give_and_gives_it(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    code = await code_of(client)
    bob = await logged_in(hub, "bob")
    page = await shown(bob, f"/hub/accept-share?code={code}")
    text = page.one("main").text
    assert "alice shares a server with you" in text
    assert "not running now" in text
    assert "alice/" in page.one(class_="grants").text
    form = page.one("form")
    fields = {field["name"]: field["value"] for field in form.all("input")}
    answer = await bob.post(f"/hub/accept-share?code={code}", data=fields, headers=NAVIGATES)
    assert (answer.status_code, path_of(answer)) == (302, "/user/alice/")
    assert (await bob.get("/hub/user/alice/x", headers=NAVIGATES)).status_code == 424
    again = await bob.post("/hub/accept-share?next=/hub/token", data=fields, headers=NAVIGATES)
    assert path_of(again) == "/hub/token"


async def test_a_code_for_a_running_server_says_nothing_of_starting(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    await client.post("/users/alice/server")
    page = await shown(await logged_in(hub, "bob"), f"/hub/accept-share?code={await code_of(client)}")
    assert "not running" not in page.one("main").text


@pytest.mark.parametrize(
    ("scopes", "says"),
    [
        ([], "open it alice/"),
        (["access:servers!server=alice/", "servers!server=alice/"], "open, start and stop it alice/"),
        (["read:servers!server=alice/"], "See servers. Applies to server alice/."),
    ],
)
async def test_what_a_code_would_give_is_said_in_plain_words(
    client: Client, hub: Hub, scopes: list[str], says: str
) -> None:
    page = await shown(
        await logged_in(hub, "bob"), f"/hub/accept-share?code={await code_of(client, scopes=scopes)}"
    )
    assert page.one(class_="grants").text == says


async def test_codes_that_are_none(client: Client, hub: Hub) -> None:
    bob = await logged_in(hub, "bob")
    assert "not whole" in (await shown(bob, "/hub/accept-share", 400)).one("h1").text
    assert "does not work" in (await shown(bob, "/hub/accept-share?code=" + "x" * 43, 404)).one("h1").text
    await shown(bob, "/hub/accept-share?code=%3Cscript%3E", 404)
    fields = {"_xsrf": bob.xsrf, "code": "x" * 43}
    answer = await bob.post("/hub/accept-share", data=fields, headers=NAVIGATES)
    assert answer.status_code == 400
    check_page(answer)


async def test_ones_own_code_is_for_others(client: Client, hub: Hub) -> None:
    code = await code_of(client)
    alice = await logged_in(hub, "alice")
    await shown(alice, f"/hub/accept-share?code={code}", 403)
    fields = {"_xsrf": alice.xsrf, "code": code}
    assert (await alice.post("/hub/accept-share", data=fields, headers=NAVIGATES)).status_code == 400


async def test_nothing_is_accepted_by_accident(client: Client, hub: Hub) -> None:
    code = await code_of(client)
    bob = await logged_in(hub, "bob")
    answer = await bob.post("/hub/accept-share", data={"code": code}, headers=NAVIGATES)
    assert answer.status_code == 403
    assert (await bob.call("GET", "/users/bob/shared")).json()["items"] == []


@pytest.mark.parametrize(
    "bad", ["//evil.example/", "https://evil.example", "/\\evil.example", "javascript:x()"]
)
async def test_it_leads_to_nowhere_else(client: Client, hub: Hub, bad: str) -> None:
    code = await code_of(client)
    bob = await logged_in(hub, "bob")
    answer = await bob.get("/hub/accept-share", params={"code": code, "next": bad}, headers=NAVIGATES)
    assert "evil.example" not in check_page(answer).one("main").text.replace("/%5Cevil.example", "")
    fields = {"_xsrf": bob.xsrf, "code": code}
    answer = await bob.post("/hub/accept-share", params={"next": bad}, data=fields, headers=NAVIGATES)
    assert urlsplit(answer.headers["location"]).netloc == ""
    assert code not in answer.headers["location"]


async def test_the_login_keeps_the_code(client: Client, hub: Hub) -> None:
    code = await code_of(client)
    bob = await logged_in(hub, "bob")
    bob.cookies.clear()
    answer = await bob.get(f"/hub/accept-share?code={code}", headers=NAVIGATES)
    asked = parse_qs(urlsplit(answer.headers["location"]).query)["next"]
    assert asked == [f"/hub/accept-share?code={code}"]


async def test_reports_of_browsers_count_where_they_can_be_believed(client: Client, hub: Hub) -> None:
    bob = await logged_in(hub, "bob")
    assert (await bob.post("/hub/security/csp-report", content=b"{}")).status_code == 403
    headers = {"X-XSRFToken": bob.xsrf, "Content-Type": "application/csp-report"}
    answer = await bob.post("/hub/security/csp-report", content=b'{"csp-report": {}}', headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_link_that_has_expired_says_since_when_and_whom_to_ask(
    client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await code_of(client, expires_in=60)
    monkeypatch.setattr("projections.sharing.share_codes.ShareCodeRow.has_expired", lambda row, now: True)
    page = await shown(await logged_in(hub, "bob"), f"/hub/accept-share?code={code}", 404)
    assert page.one("h1").text == "This link has expired"
    assert "Ask alice for a new one." in page.one("main").text
