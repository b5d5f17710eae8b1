"""What engines need of the machine: Debian's packages, installed if run by root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NEED_DEBIAN = Path(__file__).parents[2] / "deploy/need_debian.sh"
SYSTEM_PATH = (
    f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where daemons are, also for those who are not root
)


def need(program: str, *packages: str) -> str:
    """The path of `program`, once these packages are there. Fails the test where they cannot be had."""
    if found := shutil.which(program, path=SYSTEM_PATH):
        return found
    done = subprocess.run(
        ["bash", str(NEED_DEBIAN), *packages], capture_output=True, text=True, timeout=280, check=False
    )
    if found := shutil.which(program, path=SYSTEM_PATH):
        return found
    pytest.fail(f"there is no {program} on this machine (Debian: {' '.join(packages)})\n{done.stderr}")


def need_root(what: str) -> None:
    if os.geteuid() != 0:
        pytest.fail(f"{what} can be started by root alone: run these tests as root")
