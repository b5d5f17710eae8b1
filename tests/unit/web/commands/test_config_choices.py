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


def test_a_class_of_jupyterhubs_kind_is_shown_and_listed_with_its_traits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rooms_of_a_test.py").write_text(
        "from jupyterhub.spawner import SimpleLocalProcessSpawner\nfrom traitlets import Int, Unicode\n\n"
        "class RoomSpawner(SimpleLocalProcessSpawner):\n"
        "    room = Unicode('hall', help='Where.\\n\\n    As people call it.', config=True)\n"
        "    api_token_of_room = Unicode(config=True)\n    seats = Int(5)\n"
    )
    (tmp_path / "hub.py").write_text(
        "from rooms_of_a_test import RoomSpawner\n"
        "c.JupyterHub.spawner_class = RoomSpawner\nc.RoomSpawner.room = 'attic'\n"
        "c.RoomSpawner.api_token_of_room = 'geheim'"
    )
    shown = run("-f", "hub.py", "--show-config").stdout.splitlines()
    assert "c.RoomSpawner.room = 'attic'" in shown
    assert "c.RoomSpawner.api_token_of_room = '(hidden)'" in shown
    assert (
        run(
            "--generate-config", "-f", "new.py", "--JupyterHub.spawner_class=rooms_of_a_test.RoomSpawner"
        ).exit_code
        == 0
    )
    written = (tmp_path / "new.py").read_text()
    assert "# RoomSpawner (rooms_of_a_test.RoomSpawner, by the adapter)" in written
    assert "\n# Where.\n# As people call it.\n# c.RoomSpawner.room = 'hall'\n" in written
    assert "seats" not in written
    assert not [line for line in written.splitlines() if line and not line.startswith(("#", "c = "))]
    result = run("--generate-config", "-f", "other.py", "--JupyterHub.spawner_class=sudo")
    assert result.exit_code == 1
    assert "pip install sudospawner" in result.stderr
    assert not (tmp_path / "other.py").exists()


def test_a_wrong_value_is_one_line_and_1(tmp_path: Path) -> None:
    (tmp_path / "hub.py").write_text("c.Spawner.start_timeout = 'x'")
    result = run("-f", "hub.py", "--show-config")
    assert result.exit_code == 1
    assert result.stderr == "Error: hub.py:1: c.Spawner.start_timeout = 'x': expected number, got str\n"


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
