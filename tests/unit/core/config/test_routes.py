"""What a configuration file may say of routes and of the event log."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import ConfigError, Settings
from spawners.configuration import load_settings


def load(tmp_path: Path, lines: str) -> Settings:
    file = tmp_path / "hub.py"
    file.write_text(lines)
    settings, notes = load_settings([file], [])
    assert notes == []
    return settings


@pytest.mark.parametrize("section", ["Proxy", "ConfigurableHTTPProxy"])
def test_extra_routes_are_read_and_written_in_one_way(tmp_path: Path, section: str) -> None:
    settings = load(tmp_path, f'c.{section}.extra_routes = {{"/a b": "http://h:1/"}}')
    assert settings.proxy.extra_routes == {"/a%20b/": "http://h:1"}


@pytest.mark.parametrize(
    "routes",
    ['{"/hub/": "http://h"}', '{"/": "http://h"}', '{"/x/": "ftp://h"}', '{"/a//b": "http://h"}', "[1]"],
)
def test_extra_routes_that_cannot_be_are_refused_in_one_line(tmp_path: Path, routes: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, f"c.Proxy.extra_routes = {routes}")
    assert "extra_routes" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_with_subdomains_extra_routes_may_name_a_host(tmp_path: Path) -> None:
    lines = 'c.JupyterHub.subdomain_host = "http://hub.test"; c.Proxy.extra_routes = {"docs.hub.test/a": "http://h:1"}'
    assert load(tmp_path, lines).proxy.extra_routes == {"docs.hub.test/a/": "http://h:1"}


@pytest.mark.parametrize(
    ("lines", "spec"),
    [
        ("", "/"),
        ('c.JupyterHub.base_url = "/b/"', "/b/"),
        ('c.JupyterHub.hub_routespec = "/hub/api"', "/hub/api/"),
        ('c.JupyterHub.base_url = "/b"; c.JupyterHub.hub_routespec = "/b/hub"', "/b/hub/"),
    ],
)
def test_the_hubs_own_route(tmp_path: Path, lines: str, spec: str) -> None:
    assert load(tmp_path, lines).hub.hub_routespec == spec


def test_the_hubs_own_route_lies_below_the_base_url(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hub_routespec"):
        load(tmp_path, 'c.JupyterHub.base_url = "/b/"; c.JupyterHub.hub_routespec = "/hub/"')


def test_everything_else_may_be_somebody_elses(tmp_path: Path) -> None:
    lines = 'c.JupyterHub.hub_routespec = "/hub/"; c.Proxy.extra_routes = {"/": "http://h:1"}'
    assert load(tmp_path, lines).proxy.extra_routes == {"/": "http://h:1"}


def test_the_event_log_takes_handlers(tmp_path: Path) -> None:
    settings = load(tmp_path, "import logging\nc.EventLogger.handlers = [logging.StreamHandler()]")
    assert len(settings.event_logger.handlers) == 1
    with pytest.raises(ConfigError, match="handlers"):
        load(tmp_path, "c.EventLogger.handlers = ['events.log']")
