"""--show-config, --show-config-json and --generate-config."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from web.cli import main


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, [*words], input=answer)


def test_what_differs_is_shown_with_what_is_in_vain(tmp_path: Path) -> None:
    (tmp_path / "hub.py").write_text("c.Spawner.start_timeout = 5\nc.Spawner.start_timout = 6")
    result = run("-f", "hub.py", "--show-config", "--JupyterHub.hub_port=9")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["c.JupyterHub.hub_port = 9", "c.Spawner.start_timeout = 5.0"]
    assert "c.Spawner.start_timout  did you mean start_timeout?" in result.stderr
    result = run("-f", "hub.py", "--show-config-json")
    assert json.loads(result.stdout) == {"Spawner": {"start_timeout": 5.0}}


def test_a_wrong_value_is_one_line_and_1(tmp_path: Path) -> None:
    (tmp_path / "hub.py").write_text("c.Spawner.start_timeout = 'x'")
    result = run("-f", "hub.py", "--show-config")
    assert result.exit_code == 1
    assert result.stderr == "Error: hub.py: c.Spawner.start_timeout = 'x': expected number, got str\n"


def test_a_file_is_written_and_not_lost_without_asking(tmp_path: Path) -> None:
    assert run("--generate-config").exit_code == 0
    file = tmp_path / "jupyterhub_config.py"
    assert "# c.Spawner.start_timeout = 60" in file.read_text()
    file.write_text("mine")
    assert run("--generate-config", answer="n\n").exit_code == 0
    assert file.read_text() == "mine"
    assert run("--generate-config", "-y=True").exit_code == 0
    assert file.read_text() != "mine"
    assert run("--generate-config", "-f", "other.py").stdout == "Wrote other.py.\n"
    result = run("--generate-config", "-f", "no/such/folder/hub.py")
    assert result.exit_code == 1
    assert "no/such/folder/hub.py cannot be written: No such file or directory" in result.stderr
