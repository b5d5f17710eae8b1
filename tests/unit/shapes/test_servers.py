"""Configurations whose servers are started by a class of their own: each line of them has its effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import PluginSpawnerSettings
from tests.unit.shapes.world import world
from tests.unit.web.pages.browser import NAVIGATES


async def test_servers_own_start(tmp_path: Path, page_url: str) -> None:
    """spawner_class, machines: start, poll, stop"""
    async with world("servers_own_start", tmp_path) as at:
        at.kind.taken.clear()
        assert (await at.page("hub/login")).status_code == 200
        for user in ("bob", "carol"):
            assert (await at.start(user)).status_code == 201
        assert at.kind.taken == {"bob": "m1", "carol": "m2"}
        routes = (await at.admin.get("/proxy")).json()
        assert routes["/user/bob/"]["target"].rstrip("/") == page_url
        assert (await at.admin.delete("/users/bob/server")).status_code in (202, 204)
        await at.wait("bob", "stopped")
        assert at.kind.taken == {"carol": "m2"}


async def test_servers_form(tmp_path: Path, page_url: str) -> None:
    """_options_form_default, options_from_form"""
    async with world("servers_form", tmp_path) as at:
        at.kind.begun.clear()
        browser = await at.log_in("bob")
        assert browser
        page = await at.page("hub/spawn", browser)
        assert "Course of bob" in page.text
        for course, status in (("none", 200), ("algebra", 302)):
            fields = {"course": course, "_xsrf": browser.xsrf}
            answer = await browser.post(at.path("hub/spawn"), data=fields, headers=NAVIGATES)
            assert answer.status_code == status
            assert ("There is no such course." in answer.text) == (course == "none")
        await at.wait("bob", "ready")
        assert at.kind.begun == ["algebra"]


async def test_servers_environment(tmp_path: Path, page_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """room, environment, env_keep, cmd, args, default_url, notebook_dir, mem_limit, cpu_guarantee"""
    monkeypatch.setenv("TERM_OF_YEAR", "autumn")
    monkeypatch.setenv("NOT_KEPT", "x")
    async with world("servers_environment", tmp_path) as at:
        at.kind.told.clear()
        assert (await at.start("bob")).status_code == 201
        ((environment, command),) = at.kind.told
        wanted = {
            "ROOM": "attic",
            "FIXED": "1",
            "OF": "bob",
            "TERM_OF_YEAR": "autumn",
            "MEM_LIMIT": str(2 * 2**30),
            "CPU_GUARANTEE": "0.5",
            "JUPYTERHUB_USER": "bob",
            "JUPYTERHUB_DEFAULT_URL": "/lab",
            "JUPYTERHUB_ROOT_DIR": "~/work",
        }
        assert {name: environment.get(name) for name in wanted} == wanted
        assert "NOT_KEPT" not in environment
        assert command == ["jupyter-labhub", "--ServerApp.max_kernels=5", "--title=bob"]


async def test_servers_hooks(tmp_path: Path, page_url: str) -> None:
    """pre_spawn_hook, post_stop_hook, apply_user_options, get_state, load_state"""
    async with world("servers_hooks", tmp_path) as at:
        at.kind.order.clear()
        assert (await at.start("bob", step="one")).status_code == 201
        assert at.kind.order == ["before bob one", "start"]
        await at.admin.delete("/users/bob/server")
        await at.wait("bob", "stopped")
        assert at.kind.order == ["before bob one", "start", "stop with ticket of bob", "after"]


async def test_servers_deadlines(tmp_path: Path) -> None:
    """start_timeout, http_timeout, poll_interval, consecutive_failure_limit, concurrent_spawn_limit"""
    async with world("servers_deadlines", tmp_path) as at:
        spawner = at.settings.spawner
        assert isinstance(spawner, PluginSpawnerSettings)
        assert (spawner.start_timeout, spawner.http_timeout, spawner.poll_interval) == (1, 7, 11)
        assert spawner.consecutive_failure_limit == 9
        deadlines = at.hub.runtime.deadlines_of({})
        assert (deadlines.start, deadlines.answer) == (1, 7)
        for user in ("bob", "carol"):
            await at.admin.post(f"/users/{user}")
        assert at.hub.settings.hub.concurrent_spawn_limit == 1
        await at.start("bob")
        model = await at.wait("bob", "stopped")
        assert "1" in model["failure"] or "long" in model["failure"], model["failure"]


async def test_servers_profiles(tmp_path: Path, page_url: str) -> None:
    """profiles, options_form, options_from_form"""
    async with world("servers_profiles", tmp_path) as at:
        at.kind.limits.clear()
        browser = await at.log_in("bob")
        assert browser
        assert '<option value="large">' in (await at.page("hub/spawn", browser)).text
        fields = {"profile": "large", "_xsrf": browser.xsrf}
        answer = await browser.post(at.path("hub/spawn"), data=fields, headers=NAVIGATES)
        assert answer.status_code == 302
        await at.wait("bob", "ready")
        assert at.kind.limits == [64 * 2**30]
