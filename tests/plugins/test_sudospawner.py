"""sudospawner, unmodified, with a real sudo and a user of this machine."""

from __future__ import annotations

import pwd
import shutil
from pathlib import Path

import pytest

from tests.engines.debian import need
from tests.integration.conftest import MakeHub
from tests.plugins.conftest import SYSTEM_PYTHON, MakeScript
from tests.plugins.environments import environment
from tests.plugins.life import live

pytestmark = pytest.mark.world

PAGE_SERVER = Path(__file__).parents[1] / "integration/page_server.py"


def test_a_server_runs_under_its_users_account(
    make_hub: MakeHub, everybodys_script: MakeScript, system_user: str
) -> None:
    """`sudospawner-singleuser`, where there is one beside it, is what it starts: so its documentation."""
    need("sudo", "sudo")
    sudospawner = everybodys_script("sudospawner", "sudospawner.mediator:main")
    shutil.copy(PAGE_SERVER, sudospawner.parent / "page_server.py")
    singleuser = sudospawner.with_name("sudospawner-singleuser")
    singleuser.write_text(f'#!/bin/sh\nexec {SYSTEM_PYTHON} -S -E {sudospawner.parent}/page_server.py "$@"\n')
    singleuser.chmod(0o755)
    hub = make_hub(
        programs=environment("spawners"),
        config=f"""
c.JupyterHub.spawner_class = "sudospawner.SudoSpawner"
c.SudoSpawner.sudospawner_path = "{sudospawner}"
""",
    )
    hub.start()
    server = live(hub, system_user)
    assert server["user"] == pwd.getpwnam(system_user).pw_uid
    assert server["directory"] == pwd.getpwnam(system_user).pw_dir
    assert hub.server_processes(f"/user/{system_user}/") == []
