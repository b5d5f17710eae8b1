"""Configurations whose way to log in is a class of their own: each line of them has its effect."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from core.plugins.spawner import Attempt
from projections import groups, users
from spawners.simulated import SimulatedSpawner
from tests.unit.shapes.world import World, world
from tests.unit.web.pages.browser import NAVIGATES, Browser, path_of


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Attempt]:
    """What the spawner was asked to start."""
    seen: list[Attempt] = []
    start = SimulatedSpawner.start

    async def noting(self: SimulatedSpawner, attempt: Attempt, report: object) -> str:
        seen.append(attempt)
        return await start(self, attempt, report)  # type: ignore[arg-type]

    monkeypatch.setattr(SimulatedSpawner, "start", noting)
    return seen


async def is_admin(at: World, name: str) -> bool:
    return bool((await at.admin.get(f"/users/{name}")).json()["admin"])


async def test_login_table(tmp_path: Path) -> None:
    """authenticator_class, people, admin_users, allowed_users, blocked_users"""
    async with world("login_table", tmp_path) as at:
        assert (await at.page("hub/login")).status_code == 200
        assert await at.log_in("alice", "apple")
        assert await is_admin(at, "alice")
        assert await at.log_in("bob", "banana")
        assert not await is_admin(at, "bob")
        for name, password in (("bob", "apple"), ("mallory", "mango"), ("eve", "")):
            assert await at.log_in(name, password) is None


async def test_login_by_address(tmp_path: Path) -> None:
    """header, domains, check_allowed"""
    async with world("login_by_address", tmp_path) as at:
        assert "the office" in (await at.page("hub/login")).text
        assert await at.log_in("bob@example.org", "", **{"X-Campus": "yes"})
        assert await at.log_in("bob@example.com", "", **{"X-Campus": "yes"}) is None
        assert await at.log_in("bob@example.org", "", **{"X-Office": "yes"}) is None


async def test_login_own_page(tmp_path: Path) -> None:
    """auto_login, allow_all, get_handlers, login_url"""
    async with world("login_own_page", tmp_path) as at:
        browser = at.browser()
        answer = await at.page("hub/login?next=/hub/token", browser)
        assert answer.status_code == 302
        assert urlsplit(answer.headers["Location"]).path == "/hub/badge"
        assert parse_qs(urlsplit(answer.headers["Location"]).query)["next"] == ["/hub/token"]
        refused = await at.page("hub/badge?badge=8", browser)
        assert (refused.status_code, refused.text) == (403, "No such badge.")
        entered = await at.page("hub/badge?badge=7&next=/hub/token", browser)
        assert path_of(entered) == "/hub/token"
        assert "bob" in (await at.page("hub/home", browser)).text


async def test_login_form_of_its_own(tmp_path: Path) -> None:
    """custom_html, username_pattern, allow_all"""
    async with world("login_form_of_its_own", tmp_path) as at:
        browser = at.browser()
        text = (await at.page("hub/login", browser)).text
        assert '<input name="seat">' in text
        for seat, pin, status in (("12", "1234", 302), ("12", "4321", 403), ("x", "1234", 403)):
            fields = {"seat": seat, "pin": pin, "_xsrf": browser.xsrf}
            answer = await browser.post(at.path("hub/login"), data=fields, headers=NAVIGATES)
            assert answer.status_code == status or (status != 302 and "Seat" in answer.text)
        assert users.by_name(at.hub.store.db, "seat-12") is not None
        assert users.by_name(at.hub.store.db, "seat-x") is None


async def test_login_hands_tokens(tmp_path: Path, attempts: list[Attempt]) -> None:
    """enable_auth_state, keys, pre_spawn_start, allow_all"""
    async with world("login_hands_tokens", tmp_path) as at:
        assert await at.log_in("bob")
        assert (await at.start("bob")).status_code == 201
        (attempt,) = attempts
        assert attempt.settings is not None
        assert {**attempt.settings.environment, **attempt.environment}["PORTAL_TOKEN"] == "of bob"
        payloads = at.hub.store.db.execute("SELECT payload FROM events").fetchall()
        assert not any("of bob" in payload for (payload,) in payloads), "no secret in the log"


async def test_login_groups_to_roles(tmp_path: Path) -> None:
    """manage_groups, load_roles, allow_all"""
    async with world("login_groups_to_roles", tmp_path) as at:
        for name, group in (("prof-x", "staff"), ("prof-y", "staff"), ("bob", "students")):
            assert await at.log_in(name)
            assert groups.names_of_user_called(at.hub.store.db, name) == [group]
        assert await is_admin(at, "prof-x")
        assert not await is_admin(at, "prof-y")
        token = (await at.admin.post("/users/prof-y/tokens")).json()["token"]
        scopes = (await at.admin.with_token(token).get("/user")).json()["scopes"]
        assert {"list:users", "admin:servers!group=students"} <= set(scopes)


async def test_login_refreshed(tmp_path: Path, attempts: list[Attempt]) -> None:
    """refresh_pre_spawn, auth_refresh_age, allow_all"""
    async with world("login_refreshed", tmp_path) as at:
        browser = await at.log_in("bob")
        assert browser
        assert at.settings.authenticator.auth_refresh_age == 300
        answer = await browser.call("POST", "/users/bob/server")
        assert answer.status_code == 201, answer.text
        await browser.call("DELETE", "/users/bob/server")
        at.kind.left.add("bob")
        try:
            assert (await browser.call("POST", "/users/bob/server")).status_code in (401, 403)
        finally:
            at.kind.left.clear()
        assert len(attempts) == 1


@pytest.mark.filterwarnings("ignore:DummyAuthenticator.password")  # JupyterHub would have another class used
async def test_login_post_hook(tmp_path: Path) -> None:
    """password, admin_users, allow_all, username_map, post_auth_hook, normalize_username"""
    async with world("login_post_hook", tmp_path) as at:
        assert await at.log_in("Alice", "open sesame")
        assert await is_admin(at, "alice")
        assert await at.log_in("Bob B", "open sesame")
        assert users.by_name(at.hub.store.db, "bob") is not None
        assert await at.log_in("carol", "wrong") is None
        assert await at.log_in("eve", "open sesame") is None


async def test_login_existing(tmp_path: Path) -> None:
    """allow_existing_users, load_groups, is_admin, add_user"""
    async with world("login_existing", tmp_path) as at:
        assert await at.log_in("carol", "passphrase")
        assert await at.log_in("dave-admin", "passphrase")
        assert await is_admin(at, "dave-admin")
        assert not await is_admin(at, "carol")
        assert await at.log_in("eve", "passphrase") is None
        assert {"carol", "dave-admin"} <= set(at.kind.added)


async def test_who_is_not_logged_in_is_sent_to_the_login_page(tmp_path: Path) -> None:
    async with world("login_table", tmp_path) as at:
        browser: Browser = at.browser()
        assert path_of(await at.page("hub/home", browser)).startswith("/hub/login")
