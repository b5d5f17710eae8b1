"""jhub-apps' spawner class, unmodified. A program of ours stands in for the proxy that it fetches for an app."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import PAGE_SERVER
from tests.plugins.environments import environment
from tests.plugins.life import live, restart, start, stop

pytestmark = pytest.mark.world

CONFIG = """
from jhub_apps import JAppsConfig
from jhub_apps.spawner.spawner_creation import subclass_spawner
from jupyterhub.spawner import SimpleLocalProcessSpawner

c.JupyterHub.spawner_class = subclass_spawner(SimpleLocalProcessSpawner)
c.JAppsConfig.python_exec = "python3"
c.JAppsConfig.jhub_app_proxy_version = "v0.2.2"
"""


def test_a_server_of_its_class_lives_through_a_killed_hub(make_hub: MakeHub) -> None:
    hub = make_hub(programs=environment("apps"), config=CONFIG)
    hub.start()
    assert live(hub, "alice", options={"env": {"COURSE": "maths"}})["environment"]["COURSE"] == "maths"


def test_an_app_is_started_with_the_command_that_its_options_make(make_hub: MakeHub, tmp_path: Path) -> None:
    """`curl` finds nothing, so what is on PATH is used: jhub-apps says so of networks without a way out."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, script in {"curl": "exit 22", "jhub-app-proxy": f'exec {" ".join(PAGE_SERVER)} "$@"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    hub = make_hub(
        programs=environment("apps"), environment={"PATH": f"{programs}:/usr/bin:/bin"}, config=CONFIG
    )
    hub.start()
    options = {"jhub_app": True, "framework": "panel", "filepath": "/srv/app.py"}
    app = start(hub, "alice", "app", options=options)
    assert app["environment"]["JHUB_APPS_SPAWNER_PORT"].isdecimal()
    assert "--authtype=oauth" in app["arguments"]
    assert "/srv/app.py" in app["arguments"]
    assert restart(hub, "alice", "app") == app
    stop(hub, "alice", "app")
