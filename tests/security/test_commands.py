"""Code made of what people type (CVE-2021-39159): names, options and settings reach processes as words, never as code.

With a real hub and a spawner that goes through a shell.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import PAGE_SERVER, RealHub

pytestmark = pytest.mark.slow

NAMES = (
    "$(touch pwned)",
    "`touch pwned`",
    ";touch pwned;",
    "a|touch pwned",
    "&& touch pwned #",
    "-rf",
    "--help",
    "{username}",
    "{0.__class__}",
    "%(x)s%n",
    "'\"$ifs\\",
    "~root",
    "*",
)


@pytest.fixture(
    params=["", "c.LocalProcessSpawner.shell_cmd = ['/bin/sh', '-c']"], ids=["direct", "by a shell"]
)
def hub(make_hub: MakeHub, request: pytest.FixtureRequest) -> RealHub:
    """Names go into the environment, the home and the address of a server."""
    hub = make_hub(
        config=f"""{request.param}
c.JupyterHub.concurrent_spawn_limit = 0
c.Spawner.default_url = "/tree/{{username}}"
""",
        cmd=[*PAGE_SERVER],
    )
    hub.start()
    return hub


def test_names_are_words(hub: RealHub) -> None:
    for name in NAMES:
        url = quote(name, safe="")
        assert hub.api("POST", f"/users/{url}").status_code == 201, name
        hub.begin(url, json={"user_options": {name: name, "env": name}})
    for name in NAMES:
        url = quote(name, safe="")
        hub.wait_ready(url, timeout=60)
        (process,) = (
            one
            for one in hub.server_processes()
            if one.environment.get("JUPYTERHUB_USER") == name and not one.is_launcher
        )
        assert process.command[-len(PAGE_SERVER) :] == PAGE_SERVER
        assert process.environment["HOME"] == f"{hub.directory}/homes/{name}"
    assert not list(Path(hub.directory).rglob("pwned"))
    assert not Path("pwned").exists()


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", "a\0b", "%2e%2e", "a%2fb"])
def test_a_name_that_is_a_way_elsewhere_is_none(make_hub: MakeHub, name: str) -> None:
    hub = make_hub()
    hub.start()
    answer = hub.api("POST", "/users", json={"usernames": [name]})
    assert answer.status_code == 400
    assert hub.server_processes() == []
