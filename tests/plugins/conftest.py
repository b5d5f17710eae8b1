"""Real hubs in the environments of plug-ins: `make_hub(programs=environment("spawners"), config=...)`."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.debian import need, need_root
from tests.integration.conftest import make_hub
from tests.plugins.environments import environment

__all__ = ["MakeScript", "everybodys_script", "make_hub", "system_user"]

MakeScript = Callable[[str, str], Path]
SYSTEM_PYTHON = "/usr/bin/python3"
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def system_user() -> Iterator[str]:
    """A user of this machine, with a home; both are gone afterwards. Who is not root gets themselves."""
    if os.geteuid() != 0:
        yield getpass.getuser()
        return
    name = f"callboard{os.getpid()}"
    home = tempfile.mkdtemp(prefix="callboard-home-")
    useradd, userdel = need("useradd", "passwd"), need("userdel", "passwd")
    subprocess.run([useradd, "--home-dir", home, "--shell", "/bin/sh", name], check=True)
    shutil.chown(home, name, name)
    yield name
    subprocess.run([userdel, "--force", name], check=True)  # whatever of theirs is about to end
    shutil.rmtree(home)


@pytest.fixture
def everybodys_script() -> Iterator[MakeScript]:
    """Makes a program of the plug-ins, `name` that calls `module:function`, which every user of the machine may run.

    It is run by Debian's Python, with a copy of the packages: those of the tests may lie below root's home.
    """
    need_root("a server of another user")
    directory = Path(tempfile.mkdtemp(prefix="callboard-script-"))
    directory.chmod(0o755)
    packages = environment("spawners").parent / "lib" / VERSION / "site-packages"
    shutil.copytree(packages, directory / "packages", ignore=shutil.ignore_patterns("pip", "__editable__*"))

    def make(name: str, entry: str) -> Path:
        module, _, function = entry.partition(":")
        script = directory / name
        script.write_text(
            f"#!{SYSTEM_PYTHON}\nimport sys\nsys.path.insert(0, '{directory}/packages')\n"
            f"from {module} import {function}\n{function}()\n"
        )
        script.chmod(0o755)
        return script

    yield make
    shutil.rmtree(directory)
