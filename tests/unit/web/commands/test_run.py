"""The command line of a hub: JupyterHub's short options, and values that are words of their own."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from web.cli import COMMANDS, main
from web.commands.failure import UnknownWordError
from web.commands.run import overrides


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("", []),
        ("--port=9000", ["--JupyterHub.port=9000"]),
        ("--ip 0.0.0.0 --port 9000", ["--JupyterHub.ip=0.0.0.0", "--JupyterHub.port=9000"]),
        ("--url http://:1/a?b=c", ["--JupyterHub.bind_url=http://:1/a?b=c"]),
        ("--debug --no-ssl", ["--JupyterHub.log_level=DEBUG"]),
        ("--no-db --upgrade-db", ["--JupyterHub.db_url=sqlite://"]),
        ("--Spawner.start_timeout=5", ["--Spawner.start_timeout=5"]),
        ("--Spawner.start_timeout 5", ["--Spawner.start_timeout=5"]),
        ("--Spawner.cmd=", ["--Spawner.cmd="]),
        ("--ip -", ["--JupyterHub.ip=-"]),
        ("--x=1", ["--x=1"]),
        ("--debug=1", ["--debug=1"]),
    ],
)
def test_words_to_settings(line: str, settings: list[str]) -> None:
    assert list(overrides(line.split())) == settings


@pytest.mark.parametrize(
    ("line", "error"),
    [("token", UnknownWordError), ("--x=1 dance", UnknownWordError), ("--port", click.UsageError)],
)
def test_words_that_make_no_sense(line: str, error: type[click.UsageError]) -> None:
    with pytest.raises(error):
        list(overrides(line.split()))


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("web.cli", {"trio", "quart", "sqlite3", "msgspec", "traitlets"}),
        ("web.proxy.command", {"trio", "quart", "sqlite3", "msgspec", "traitlets"}),
        ("web.control.channel", {"trio", "quart", "sqlite3", "msgspec", "traitlets"}),
        ("spawners.configuration", {"quart", "sqlite_utils"}),
    ],
)
def test_what_starts_fast_does_not_load(module: str, spared: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not spared & set(loaded.split())


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["toekn"], "Did you mean 'token'?"),
        (["--prot", "3"], "Did you mean '--port'?"),
        (["--prot=3"], "Did you mean '--port'?"),
        (["zzz"], "No such command 'zzz'."),
    ],
)
def test_what_is_nearly_right_is_asked_about(words: list[str], question: str) -> None:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert question in done.stderr


def test_the_version_is_told_whatever_is_before_it() -> None:
    told = [
        CliRunner().invoke(main, words)
        for words in (["--version"], ["-f", "hub.py", "--version"], ["run", "--version"])
    ]
    assert {(one.exit_code, one.stdout) for one in told} == {(0, told[0].stdout)}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_each_in_whole_words(name: str) -> None:
    """80 characters wide, click would cut it off."""
    listed = next(
        line
        for line in CliRunner().invoke(main, ["--help"]).stdout.splitlines()
        if line.split()[:1] == [name]
    )
    assert listed.endswith("."), listed
    assert not listed.endswith("..."), listed
