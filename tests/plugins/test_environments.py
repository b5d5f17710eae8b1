"""Each environment has what its lock says, and a callboard that runs."""

from __future__ import annotations

import subprocess

import pytest

from tests.plugins.environments import NAMES, environment, versions

pytestmark = pytest.mark.world

PLUGINS = {
    "apps": ["jhub-apps"],
    "authenticators": ["jupyterhub-nativeauthenticator", "oauthenticator"],
    "spawners": ["dockerspawner", "batchspawner", "jupyterhub-kubespawner"],
}


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_has_callboard_and_plug_ins_as_locked(name: str) -> None:
    programs = environment(name)
    subprocess.run([programs / "callboard", "--version"], check=True)
    installed = subprocess.run(
        [programs / "python", "-m", "pip", "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.lower()
    for package, version in versions(name, *PLUGINS[name]).items():
        assert f"{package}=={version}\n" in installed.replace("_", "-")
