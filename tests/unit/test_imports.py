"""What a hub loads that uses none of it: memory and start-up time that every hub would pay."""

from __future__ import annotations

import subprocess
import sys

CODE = (
    "import sys, web.process.process; print(*sorted({'joserfc', 'httpx', 'jupyterhub'} & sys.modules.keys()))"
)


def test_libraries_of_one_way_to_log_in_are_not_loaded_for_the_others() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
