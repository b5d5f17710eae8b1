"""Virtual environments with plug-ins from PyPI, each as its lock beside this file says, with callboard itself.

They are made when a test first asks, below build/plugins, and kept until lock or Python change.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
MADE = ROOT / "build/plugins"
NAMES = sorted(lock.stem for lock in HERE.glob("*.lock"))
WITHOUT_WHEELS = ("onetimepass",)  # built here, with the setuptools of the lock


def environment(name: str) -> Path:
    """The directory of its programs, `callboard` and `python` among them. `name`: one of NAMES."""
    made = MADE / name
    made.parent.mkdir(parents=True, exist_ok=True)
    with made.with_suffix(".lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        stamp, wanted = made / "made-from", _made_from(name)
        if not stamp.exists() or stamp.read_text() != wanted:
            _make(name, made)
            stamp.write_text(wanted)
    return made / "bin"


def versions(name: str, *packages: str) -> dict[str, str]:
    """As they are locked."""
    lines = (HERE / f"{name}.lock").read_text().splitlines()
    pins = dict(line.split()[0].split("==") for line in lines if line[:1].isalnum() and "==" in line)
    return {package: pins[package] for package in packages}


def _made_from(name: str) -> str:
    told = hashlib.sha256(f"{ROOT} {sys.version} {sys.base_prefix}".encode())
    for file in (HERE / f"{name}.lock", Path(__file__)):
        told.update(file.read_bytes())
    return told.hexdigest()


def _make(name: str, made: Path) -> None:
    shutil.rmtree(made, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(made))
    pip = (str(made / "bin/python"), "-m", "pip", "--disable-pip-version-check", "-qq")
    install = (*pip, "install", "--no-compile", "--no-deps", "--no-build-isolation")
    as_locked = (*install, "--require-hashes", "--only-binary", ":all:")
    built, wheels = _split((HERE / f"{name}.lock").read_text())
    (made / "wheels.lock").write_text(wheels)
    _run(*as_locked, "-r", str(made / "wheels.lock"))
    if built:
        (made / "built.lock").write_text(built)
        _run(*as_locked, "--no-binary", ",".join(WITHOUT_WHEELS), "-r", str(made / "built.lock"))
    _run(*install, "--no-index", "--editable", str(ROOT))
    _run(*pip, "check")


def _split(lock: str) -> tuple[str, str]:
    """The entries of packages without wheels, and the others."""
    built, wheels = "", ""
    for entry in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE):
        if entry.partition("==")[0] in WITHOUT_WHEELS:
            built += entry
        else:
            wheels += entry
    return built, wheels


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
