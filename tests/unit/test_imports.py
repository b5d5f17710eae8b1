"""What a hub loads that uses none of it: memory and start-up time that every hub would pay."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

CODE = (
    "import sys, web.process.process; print(*sorted({'joserfc', 'httpx', 'jupyterhub'} & sys.modules.keys()))"
)


def test_libraries_of_one_way_to_log_in_are_not_loaded_for_the_others() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_quart_keeps_of_a_request_is_reached_in_one_room() -> None:
    """Handlers ask web/request/context.py; web/app is what puts it there."""
    kept = {"g", "request", "current_app", "request_ctx", "_cv_app", "_cv_request"}
    found = {
        path.parent.name
        for path in (ROOT / "web").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("quart")
        if kept & {name.name for name in node.names}
    }
    assert found == {"app", "request"}
