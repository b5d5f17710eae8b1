"""Which proxy a configuration means, and what it says of configurable-http-proxy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.settings import CHP, ConfigError, ConfigurableHTTPProxySettings, Settings
from spawners.configuration import load_settings

Load = Callable[[str], tuple[Settings, list[str]]]
CHOSEN = f"c.JupyterHub.proxy_class = {CHP!r}\n"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(lines: str) -> tuple[Settings, list[str]]:
        file = tmp_path / "hub.py"
        file.write_text(lines)
        settings, notes = load_settings([file], [])
        return settings, [str(note).removeprefix(f"{file}: ") for note in notes]

    return load


@pytest.mark.parametrize(
    ("lines", "chosen"),
    [
        ("", "callboard"),
        ('c.JupyterHub.proxy_class = "default"', "callboard"),
        (CHOSEN, CHP),
        ('c.JupyterHub.proxy_class = "jupyterhub.proxy.ConfigurableHTTPProxy"', CHP),
        ("from jupyterhub.proxy import ConfigurableHTTPProxy as C; c.JupyterHub.proxy_class = C", CHP),
        ("c.Proxy.should_start = False", "callboard"),
        ("c.ConfigurableHTTPProxy.should_start = True", "callboard"),
        ("c.ConfigurableHTTPProxy.should_start = False", CHP),
        ('c.ConfigurableHTTPProxy.should_start = False; c.JupyterHub.proxy_class = "callboard"', "callboard"),
    ],
)
def test_which_proxy_is_meant(load: Load, lines: str, chosen: str) -> None:
    assert load(lines)[0].hub.proxy_class == chosen


def test_a_proxy_that_is_taken_for_another_than_the_usual_is_told_of(load: Load) -> None:
    _, notes = load("c.ConfigurableHTTPProxy.should_start = False")
    assert notes == [
        "c.ConfigurableHTTPProxy.should_start: note (taken for c.JupyterHub.proxy_class = 'configurable-http-proxy')"
    ]


@pytest.mark.parametrize(
    "name", ["traefik_file", "jupyterhub_traefik_proxy.TraefikFileProviderProxy", "my.Proxy"]
)
def test_a_proxy_of_another_make_is_refused_with_those_there_are(load: Load, name: str) -> None:
    with pytest.raises(ConfigError, match=r"the ones there are: callboard, configurable-http-proxy$"):
        load(f"c.JupyterHub.proxy_class = {name!r}")


ALL: dict[str, Any] = {
    "api_url": "http://proxy:8001",
    "auth_token": "token-of-the-proxy",
    "check_running_interval": 2.0,
    "command": ["npx", "configurable-http-proxy"],
    "command_umask": 0o77,
    "concurrency": 3,
    "debug": True,
    "log_level": "warn",
    "pid_file": "proxy.pid",
}


def test_all_options_are_read(load: Load) -> None:
    lines = CHOSEN + "\n".join(f"c.ConfigurableHTTPProxy.{name} = {value!r}" for name, value in ALL.items())
    settings, notes = load(lines)
    assert settings.configurable_http_proxy == ConfigurableHTTPProxySettings(**ALL)
    assert notes == []


def test_with_the_hubs_own_proxy_they_are_ignored_aloud(load: Load) -> None:
    settings, notes = load(
        "\n".join(f"c.ConfigurableHTTPProxy.{name} = {value!r}" for name, value in ALL.items())
    )
    assert settings.configurable_http_proxy == ConfigurableHTTPProxySettings()
    assert [note.partition(":")[0].rpartition(".")[2] for note in notes] == [
        name for name in ALL if name != "command"
    ]
    assert all(note.endswith("ignored (the hub brings its own proxy)") for note in notes)


OLDER = """
c.JupyterHub.proxy_cmd = "chp"
c.JupyterHub.proxy_auth_token = "older-token"
c.JupyterHub.proxy_api_ip = "10.0.0.7"
c.JupyterHub.proxy_api_port = 9001
c.JupyterHub.proxy_check_interval = 9
c.JupyterHub.debug_proxy = True
"""


def test_what_jupyterhub_has_deprecated_acts_unless_the_newer_is_there(load: Load) -> None:
    settings, notes = load(CHOSEN + OLDER)
    found = settings.configurable_http_proxy
    assert (found.command, found.auth_token, found.api_url) == (
        ["chp"],
        "older-token",
        "http://10.0.0.7:9001",
    )
    assert (found.check_running_interval, found.debug) == (9, True)
    assert len(notes) == 6
    assert all("deprecated: use c.ConfigurableHTTPProxy." in note for note in notes)
    newer, _ = load(CHOSEN + OLDER + 'c.ConfigurableHTTPProxy.api_url = "http://proxy:8001"\n')
    assert newer.configurable_http_proxy.api_url == "http://proxy:8001"


@pytest.mark.parametrize(
    "line",
    [
        'api_url = "proxy:8001"',
        'log_level = "loud"',
        "check_running_interval = 0",
        "concurrency = 0",
        "command = 5",
    ],
)
def test_what_cannot_be_is_one_line(load: Load, line: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(f"{CHOSEN}c.ConfigurableHTTPProxy.{line}")
    assert line.partition(" ")[0] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_with_subdomains_it_needs_to_know_the_host_of_an_extra_route(load: Load) -> None:
    lines = (
        CHOSEN
        + 'c.JupyterHub.subdomain_host = "http://hub.test"; c.Proxy.extra_routes = {"/a/": "http://h:1"}'
    )
    with pytest.raises(ConfigError, match="needs a host in front of /a/"):
        load(lines)
