"""Configurations of the hub itself, and that there is a test for each file: each line of them has its effect."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from core.settings import database_path
from tests.unit.shapes.world import SHAPES, read, world
from tests.unit.web.pages.browser import NAVIGATES, Browser
from web.proxies.own import OwnProgram

HERE = Path(__file__).parent
NAMES = sorted(file.stem for file in SHAPES.glob("*.py"))


async def test_hub_extra_handlers(tmp_path: Path) -> None:
    """extra_handlers, admin_users, allow_all, authenticator_class"""
    async with world("hub_extra_handlers", tmp_path) as at:
        assert (await at.page("hub/ping")).text == "pong"
        assert (await at.page("hub/mine")).status_code == 302
        for name, admin in (("alice", True), ("bob", False)):
            browser = await at.log_in(name)
            assert browser
            assert (await at.page("hub/mine", browser)).json() == {"name": name, "admin": admin}


async def test_hub_other_database(tmp_path: Path) -> None:
    """db_url, db_kwargs, cookie_secret_file, password, allowed_users, allow_named_servers, ..."""
    report, settings = read("hub_other_database")
    assert database_path(settings.hub.db_url) == "state/callboard.sqlite"  # beside cookie_secret_file
    assert {(one.name, one.verdict) for one in report.of("ignored")} == {
        ("c.JupyterHub.db_url", "ignored"),
        ("c.JupyterHub.db_kwargs", "ignored"),
    }
    assert not any("not-told" in one.text for one in report.findings)
    async with world("hub_other_database", tmp_path) as at:
        assert await at.log_in("bob", "let me in")
        assert await at.log_in("eve", "let me in") is None
        assert await at.log_in("bob", "wrong") is None
        assert (await at.start("bob", "one")).status_code == 201  # allow_named_servers
        assert (await at.start("bob", "two")).status_code == 400  # named_server_limit_per_user


async def test_hub_roles(tmp_path: Path) -> None:
    """custom_scopes, services, load_roles, allow_all"""
    async with world("hub_roles", tmp_path) as at:
        assert await at.log_in("bob")
        token = (await at.admin.post("/users/bob/tokens")).json()["token"]
        scopes = (await at.admin.with_token(token).get("/user")).json()["scopes"]
        assert {"custom:grades:read", "access:services!service=grades"} <= set(scopes)
        grades = at.admin.with_token("token-of-the-grades")
        listed = (await grades.get("/users")).json()
        assert "bob" in [model["name"] for model in listed]
        services = (await at.admin.get("/services")).json()
        assert (services["grades"]["url"], services["grades"]["display"]) == (
            "http://127.0.0.1:10101",
            False,
        )


async def test_hub_behind_proxies(tmp_path: Path) -> None:
    """bind_url, public_url, trusted_downstream_ips, tornado_settings, cookie_max_age_days, allow_all"""
    async with world("hub_behind_proxies", tmp_path) as at:
        assert at.hub.base_url == "/jupyter/"
        assert (
            "--bind-url=http://127.0.0.1:8123/jupyter/"
            in OwnProgram(at.hub.settings, at.hub.address, "").arguments()
        )
        page = await at.page("hub/login")
        assert (page.status_code, page.headers["X-Site"]) == (200, "campus")
        browser = Browser(at.hub, at.admin.app, origin="https://hub.example.org")
        answer = await browser.log_in("bob")
        (cookie,) = [
            text for text in answer.headers.get_list("set-cookie") if text.startswith("jupyterhub-hub-login=")
        ]
        expires = re.search(r"[Ee]xpires=([^;]+)", cookie)
        assert expires
        left = parsedate_to_datetime(expires[1]) - datetime.now(UTC)
        assert 0 < left.total_seconds() <= 24 * 3600 + 60
        assert at.hub.settings.hub.public_url == "https://hub.example.org/jupyter/"
        assert (await at.start("bob")).status_code == 202  # slow_spawn_timeout
        assert at.hub.settings.hub.trusted_downstream_ips == ["10.0.0.0/8"]


async def test_hub_own_looks(tmp_path: Path) -> None:
    """template_paths, template_vars"""
    async with world("hub_own_looks", tmp_path) as at:
        text = (await at.page("hub/login")).text
        assert '<p id="campus">Welcome to North.</p>' in text
        assert "Closed on Monday" in text
        assert await at.log_in("bob")


async def test_hub_sharing_and_limits(tmp_path: Path) -> None:
    """active_server_limit, token_expires_in_max_seconds, load_roles"""
    async with world("hub_sharing_and_limits", tmp_path) as at:
        browser = await at.log_in("bob")
        assert browser
        assert await at.log_in("carol")
        assert (await at.start("bob")).status_code == 201
        assert (await at.start("carol")).status_code == 429
        shared = await browser.call("POST", "/shares/bob/", json={"user": "carol"})
        assert shared.status_code == 200
        token = await browser.call("POST", "/users/bob/tokens", json={"expires_in": 3600})
        assert token.status_code == 400
        token = await browser.call("POST", "/users/bob/tokens", json={"expires_in": 60})
        assert token.status_code == 201


@pytest.mark.filterwarnings("ignore:DummyAuthenticator.password")  # JupyterHub would have another class used
@pytest.mark.parametrize("name", NAMES)
async def test_each_starts_and_serves_the_login_page(name: str, tmp_path: Path) -> None:
    async with world(name, tmp_path) as at:
        browser = at.browser()
        page = await browser.follow(await browser.get(at.path("hub/login"), headers=NAVIGATES))
        assert page.status_code in (200, 403)  # 403: a page of its own, which wants a badge


@pytest.mark.parametrize("name", NAMES)
def test_each_option_acts_and_a_test_names_it(name: str) -> None:
    report, _ = read(name)
    tests = "".join(file.read_text() for file in HERE.glob("test_*.py"))
    found = re.search(rf"async def test_{name}\b.*?(?=\n(?:async )?def |\n@|\Z)", tests, re.DOTALL)
    assert found, f"there is no test_{name}"
    for one in report.findings:
        assert one.verdict in ("acts", "adapter") or name == "hub_other_database", one
        trait = one.name.rpartition(".")[2]
        assert trait in found[0] or trait in ("spawner_class", "authenticator_class", "allow_all"), one.name
