"""Small settings, and what each changes for whoever speaks to the hub."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

from core.secrets.secret_file import load_or_make_secret
from core.settings import HubSettings, ProxySettings, Settings, TornadoSettings
from core.token import quick_digest
from projections import tokens
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import Browser
from web.hub.hub import Hub
from web.lifecycle.proxy import make_proxy
from web.proxies.own import ProxyElsewhere
from web.proxies.process import ProxyProcess
from web.proxy.command import TOKEN_VARIABLE


@pytest.mark.parametrize("trusted", [True, False])
async def test_tokens_of_the_configuration_may_be_taken_for_random(trusted: bool) -> None:
    async with hub_in_memory(settings_for_tests(trust_user_provided_tokens=trusted)) as hub:
        assert (tokens.by_digest(hub.store.db, quick_digest(ADMIN_TOKEN)) is not None) == trusted
        async with Client(hub, ADMIN_TOKEN) as client:
            assert (await client.get("/user")).status_code == 200


@pytest.mark.parametrize(("cleanup_servers", "cleanup_proxy"), [(True, False), (False, True)])
async def test_what_ends_with_the_hub(cleanup_servers: bool, cleanup_proxy: bool) -> None:
    settings = settings_for_tests(cleanup_servers=cleanup_servers, cleanup_proxy=cleanup_proxy)
    async with hub_in_memory(settings) as hub:
        assert (hub.ending.servers, hub.ending.proxy) == (cleanup_servers, cleanup_proxy)


@pytest.mark.parametrize(("is_there", "said"), [(True, 0), (False, 1)])
async def test_a_proxy_of_somebody_elses_is_left_to_them(
    caplog: pytest.LogCaptureFixture, autojump_clock: object, is_there: bool, said: int
) -> None:
    """c.Proxy.should_start: they are asked to start it, once it has not come for a while."""
    settings = settings_for_tests(hub_ip="0.0.0.0", hub_connect_ip="hub")
    settings = replace(settings, proxy=ProxySettings(should_start=False))
    async with hub_in_memory(settings) as hub:
        proxy = make_proxy(hub)
    assert isinstance(proxy, ProxyElsewhere)
    await proxy.begin(trio.lowlevel.checkpoint if is_there else trio.sleep_forever)
    with trio.move_on_after(3600) as an_hour:
        await proxy.run()
    assert an_hour.cancelled_caught
    assert caplog.text.count("start a proxy: callboard proxy --hub-url=http://hub:8081, with ") == said
    assert hub.proxy_secret not in caplog.text
    await proxy.stop()
    async with hub_in_memory(Settings()) as hub:
        assert isinstance(make_proxy(hub), ProxyProcess)


async def test_its_credential_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "of-the-administrators-choice")
    async with hub_in_memory() as hub:
        assert hub.proxy_secret == "of-the-administrators-choice"


async def test_reports_of_browsers_may_go_elsewhere(hub: Hub) -> None:
    """csp_report_uri"""
    tornado = TornadoSettings(csp_report_uri="https://reports.example.org/csp")
    async with hub_in_memory(settings_for_tests(tornado_settings=tornado)) as hub:
        answer = await Browser(hub).get("/hub/login")
        assert "report-uri https://reports.example.org/csp" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("no_cache_static", [True, False])
async def test_static_files_may_be_asked_for_anew(no_cache_static: bool) -> None:
    tornado = TornadoSettings(no_cache_static=no_cache_static)
    async with hub_in_memory(settings_for_tests(tornado_settings=tornado)) as hub:
        answer = await Browser(hub).get("/hub/static/favicon.ico?v=1")
        assert (answer.headers["Cache-Control"] == "no-cache") == no_cache_static


def test_the_secret_is_kept_where_cookie_secret_file_says(tmp_path: Path) -> None:
    file = Path(HubSettings(cookie_secret_file=str(tmp_path / "secret")).cookie_secret_file)
    assert load_or_make_secret(file, "") == load_or_make_secret(file, "")
    assert file.is_file()
