"""Configurations of the documentation that name classes of plug-ins: they load where these are installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import ALL, Block
from tests.plugins.environments import environment

pytestmark = pytest.mark.slow

WRONG = {"unknown", "wrong", "not yet", "ignored"}


@pytest.mark.parametrize("block", [block for block in ALL if block.note("with") is not None], ids=str)
def test_every_line_acts(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "hub.py"
    file.write_text(block.text)
    callboard = environment(block.note("with") or "") / "callboard"
    done = subprocess.run(
        [callboard, "check", "--json", file],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    findings = json.loads(done.stdout)["findings"]
    assert findings
    assert [one for one in findings if one["verdict"] in WRONG] == []
