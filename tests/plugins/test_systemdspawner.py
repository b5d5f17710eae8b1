"""systemdspawner, unmodified, with stand-ins for systemd-run and systemctl: no systemd runs where tests do.

So what is seen is what it asks for, that its servers are found again and ended; not what systemd makes of it.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import MakeHub
from tests.plugins.environments import environment
from tests.plugins.life import restart, start, stop

pytestmark = pytest.mark.world

FAKE = Path(__file__).with_name("fake_systemd.py")


def test_a_unit_is_asked_for_found_again_and_stopped(
    make_hub: MakeHub, tmp_path: Path, system_user: str
) -> None:
    programs, state = tmp_path / "programs", tmp_path / "state"
    for directory in (programs, state):
        directory.mkdir()
    for name, action in {"systemd-run": "run", "systemctl": "control"}.items():
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {FAKE} {action} "$@"\n')
        script.chmod(0o755)
    unit = f"callboard-tested-{os.getpid()}"
    hub = make_hub(
        programs=environment("spawners"),
        environment={"SYSTEMD_STATE": str(state), "PATH": f"{programs}:{os.environ['PATH']}"},
        config=f"""
c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
c.SystemdSpawner.unit_name_template = "{unit}"
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.mem_limit = "1G"
c.SystemdSpawner.cpu_limit = 1.5
""",
    )
    hub.start()
    try:
        server = start(hub, system_user)
        asked = json.loads((state / unit).read_text())[1]
        assert f"--uid={pwd.getpwnam(system_user).pw_uid}" in asked
        assert {
            "--property=PrivateTmp=yes",
            f"--property=MemoryMax={1024**3}",
            "--property=CPUQuota=150%",
        } <= set(asked)
        assert server["directory"] == pwd.getpwnam(system_user).pw_dir
        assert restart(hub, system_user) == server
        stop(hub, system_user)
        assert not (state / unit).exists()
    finally:
        shutil.rmtree(f"/run/{unit}", ignore_errors=True)
