"""configurable-http-proxy as package-lock.json says, below build/chp: made when a test first asks, and then kept.

`python -m tests.proxies` makes it and prints where its program is.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from tests.engines.debian import need

HERE = Path(__file__).parent
MADE = HERE.parents[1] / "build/chp"
FILES = ("package.json", "package-lock.json")
NEEDS_NODE = 20  # a major version


def configurable_http_proxy() -> str:
    """Its program."""
    MADE.mkdir(parents=True, exist_ok=True)
    with (MADE / "lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        wanted, stamp = b"".join((HERE / name).read_bytes() for name in FILES), MADE / "made-from"
        if not stamp.exists() or stamp.read_bytes() != wanted:
            _install()
            stamp.write_bytes(wanted)
    return str(MADE / "node_modules/.bin/configurable-http-proxy")


def _install() -> None:
    npm = need("npm", "nodejs", "npm")
    version = subprocess.run(
        [need("node", "nodejs"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert int(version[1:].split(".")[0]) >= NEEDS_NODE, (
        f"Node.js {NEEDS_NODE} or later is needed: this is {version}"
    )
    for name in FILES:
        shutil.copy(HERE / name, MADE / name)
    words = [npm, "ci", "--prefix", str(MADE), "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"npm ci:\n{done.stdout}{done.stderr}"
