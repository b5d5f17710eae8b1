"""The page of tokens."""

from __future__ import annotations

import pytest

from tests.conftest import Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import logged_in
from tests.unit.web.pages.html import shown
from web.hub.hub import Hub


async def test_who_has_no_tokens_sees_no_lists(hub: Hub) -> None:
    page = await shown(await logged_in(hub, "bob"), "/hub/token")
    text = page.one("main").text
    assert "Request new API token" in text
    assert "API Tokens" not in text
    assert "Authorized Applications" not in text
    for name in (
        "request-token-form",
        "token-note",
        "token-expiration-seconds",
        "token-scopes",
        "token-result",
    ):
        assert page.one(id_=name)


async def test_tokens_are_listed_with_what_they_may_do(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    note = "<b>backup</b> & more"
    made = await browser.call(
        "POST",
        "/users/bob/tokens",
        json={"note": note, "scopes": ["read:users:name!user"], "expires_in": 3600},
    )
    page = await shown(browser, "/hub/token")
    assert "API Tokens" in page.one("main").text
    row = page.one("tr", class_="token-row")
    assert row["data-token-id"] == made.json()["id"]
    assert row.one("td", class_="name").text == note
    assert "read:users:name!user=bob" in [code.text for code in row.all("code")]
    assert made.json()["token"] not in page.text
    await browser.call("DELETE", f"/users/bob/tokens/{made.json()['id']}")
    assert not (await shown(browser, "/hub/token")).all("tr", class_="token-row")


async def test_one_reads_which_scopes_one_may_give_to_a_token_and_what_they_mean(hub: Hub) -> None:
    """As they are to be written: each of them is taken."""
    bob = await logged_in(hub, "bob")
    lines = [
        line.text for line in (await shown(bob, "/hub/token")).one("details", id_="held-scopes").all("li")
    ]
    assert any(line.startswith("servers!user ") and len(line.split()) > 3 for line in lines), lines
    held = [line.split()[0] for line in lines]
    assert "admin:users" not in held
    made = await bob.call("POST", "/users/bob/tokens", json={"scopes": held})
    assert made.status_code == 201
    admin = await shown(await logged_in(hub, "alice"), "/hub/token")
    assert "admin:users" in [code.text for code in admin.one("details", id_="held-scopes").all("code")]


async def test_nobody_sees_the_tokens_of_others(client: Client, hub: Hub) -> None:
    await client.post("/users/alice/tokens", json={"note": "of alice"})
    assert "of alice" not in (await shown(await logged_in(hub, "bob"), "/hub/token")).text


@pytest.mark.parametrize(
    ("most", "values", "chosen"),
    [
        (0, ["3600", "86400", "604800", "2592000", "31536000", ""], ""),
        (86_400, ["3600", "86400"], "86400"),
        (100_000, ["3600", "86400", "100000"], "100000"),
    ],
)
async def test_tokens_last_as_long_as_is_allowed(most: int, values: list[str], chosen: str) -> None:
    async with hub_in_memory(settings_for_tests(token_expires_in_max_seconds=most)) as hub:
        page = await shown(await logged_in(hub, "bob"), "/hub/token")
        options = page.one("select", id_="token-expiration-seconds").all("option")
        assert [option["value"] for option in options] == values
        assert [option["value"] for option in options if "selected" in option.attributes] == [chosen]
