"""`callboard check`: what a configuration amounts to, and what is missing, before any hub runs with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from core.config.checking.findings import MEANING, VERDICTS
from core.settings import ConfigError
from spawners.configuration import load_settings
from web.cli import main

A_CLASS = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode

class CourseSpawner(SimpleLocalProcessSpawner):
    course = Unicode("physics").tag(config=True)

c.JupyterHub.spawner_class = CourseSpawner
"""
CONFIGS = Path(__file__).parents[3] / "configs"

Check = Callable[..., Result]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Of a file with these lines, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUPYTERHUB_CRYPT_KEY", raising=False)

    def run(lines: str, *more: str) -> Result:
        Path("hub.py").write_text(lines)
        return CliRunner().invoke(main, ["check", "hub.py", *more])

    return run


@pytest.fixture
def found(check: Check) -> Callable[..., dict[str, dict[str, Any]]]:
    """By name, what is found of each option."""

    def run(lines: str, *more: str) -> dict[str, dict[str, Any]]:
        result = check(lines, "--json", *more)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return {one["name"]: one for one in json.loads(result.stdout)["findings"]}

    return run


PROFILES = """
c.JupyterHub.spawner_class = "simulated"
c.Callboard.spawner_profiles = {"a": {}, "b": {"spawner": "simple"}}
"""


@pytest.mark.parametrize(
    ("lines", "name", "verdict", "text"),
    [
        ("c.JupyterHub.bind_url = 'http://:8000'", "c.JupyterHub.bind_url", "acts", ""),
        ("c.JupyterHub.port = 9000", "c.JupyterHub.port", "acts", ""),
        ("c.JupyterHub.spawner_class = 'simple'", "c.JupyterHub.spawner_class", "acts", "one of the hub's own"),
        ("c.Spawner.mem_limit = '1G'", "c.Spawner.mem_limit", "acts", ""),
        ("c.Spawner.pre_spawn_hook = lambda spawner: None", "c.Spawner.pre_spawn_hook", "acts", "calls <lambda>"),
        (A_CLASS, "c.JupyterHub.spawner_class", "adapter", "CourseSpawner"),
        (A_CLASS + "c.CourseSpawner.course = 'chemistry'", "c.CourseSpawner.course", "adapter", ""),
        (A_CLASS + "c.Spawner.args = ['--x']", "c.Spawner.args", "adapter", ""),
        (A_CLASS + "c.Spawner.start_timeout = 5", "c.Spawner.start_timeout", "acts", ""),
        (A_CLASS + "c.Spawner.home_dir_template = '/x'", "c.Spawner.home_dir_template", "adapter", ""),
        (A_CLASS + "c.LocalProcessSpawner.port_range = (1, 2)", "c.LocalProcessSpawner.port_range", "ignored",
         "CourseSpawner has no such option"),
        ("c.JupyterHub.proxy_cmd = 'x'", "c.JupyterHub.proxy_cmd", "ignored", "the hub brings its own proxy"),
        ("c.DummyAuthenticator.password = 'x'", "c.DummyAuthenticator.password", "ignored",
         "the authenticator in use is PAMAuthenticator"),
        ("c.SimpleLocalProcessSpawner.home_dir_template = '/x'", "c.SimpleLocalProcessSpawner.home_dir_template",
         "ignored", "the spawner in use is LocalProcessSpawner"),
        (PROFILES + "c.SimpleLocalProcessSpawner.home_dir_template = '/x'",
         "c.SimpleLocalProcessSpawner.home_dir_template", "acts", ""),
        (PROFILES + "c.SimulatedSpawner.gate_url = 'http://x'", "c.SimulatedSpawner.gate_url", "acts", ""),
        (PROFILES + "c.DockerSpawner.image = 'x'", "c.DockerSpawner.image", "ignored",
         "the spawner in use is SimulatedSpawner"),
        ("c.Callboard.spawner_profiles = {'a': {'spawner': 'dockr'}}", "c.Callboard.spawner_profiles", "wrong",
         "['a']"),
        ("c.Authenticator.password = 'x'", "c.Authenticator.password", "ignored",
         "PAMAuthenticator has no such option"),
        ("c.JupyterHub.internal_ssl = True", "c.JupyterHub.internal_ssl", "not yet", ""),
        ("c.JupyterHub.bnd_url = 'x'", "c.JupyterHub.bnd_url", "unknown", "did you mean bind_url?"),
        ("c.JupiterHub.port = 1", "c.JupiterHub.port", "unknown", "did you mean JupyterHub?"),
        ("c.JupyterHub.admin_users = {'alice'}", "c.JupyterHub.admin_users", "note",
         "deprecated: use c.Authenticator.admin_users"),
        ("c.JupyterHub.tornado_settings = {'x': 1}", "c.JupyterHub.tornado_settings", "ignored",
         "['x'] there is no tornado here"),
        ("c.JupyterHub.db_url = 'postgresql://alice:geheim@db/hub'", "c.JupyterHub.db_url", "ignored",
         "the log is a file of SQLite, callboard.sqlite here: nothing is kept in that database"),
        ("c.Spawner.start_timeout = 'soon'", "c.Spawner.start_timeout", "wrong", "'soon': expected number, got str"),
        (A_CLASS + "c.CourseSpawner.course = 5", "c.CourseSpawner.course", "wrong",
         "5: The 'course' trait of a CourseSpawner instance expected a unicode string"),
        ("c.JupyterHub.spawner_class = 'gone.Spawner'", "c.JupyterHub.spawner_class", "missing",
         "'gone.Spawner': there is no module gone"),
        ("c.JupyterHub.authenticator_class = 'github'", "c.JupyterHub.authenticator_class", "missing",
         "'github': it is not installed: pip install oauthenticator"),
        ("c.JupyterHub.authenticator_class = 'github'; c.GitHubOAuthenticator.scope = []",
         "c.GitHubOAuthenticator.scope", "missing", "comes with the class that is not there"),
        ("c.JupyterHub.spawner_class = 5", "c.JupyterHub.spawner_class", "wrong", "5: the ones there are"),
        ("c.Authenticator.enable_auth_state = True", "c.CryptKeeper.keys", "missing", "enable_auth_state needs a key"),
        ("c.CryptKeeper.keys = ['geheim']", "c.CryptKeeper.keys", "acts", ""),
        ("c.JupyterHub.ssl_key = 'gone.key'", "c.JupyterHub.ssl_key", "missing",
         "gone.key is not there, or not readable"),
        ("c.JupyterHub.db_url = 'gone/log.sqlite'", "c.JupyterHub.db_url", "missing", "there is no folder gone"),
        ("c.JupyterHub.cookie_secret = 'xyz'", "c.JupyterHub.cookie_secret", "wrong",
         "c.JupyterHub.cookie_secret: expected"),
        ("c.JupyterHub.logo_file = 'gone.png'", "c.JupyterHub.logo_file", "note", "gone.png is not there"),
        ("c.JupyterHub.template_paths = ['gone']", "c.JupyterHub.template_paths", "note", "gone is not there"),
    ],
)  # fmt: skip
def test_what_is_said_of_an_option(check: Check, lines: str, name: str, verdict: str, text: str) -> None:
    result = check(lines, "--json")
    said = json.loads(result.stdout)
    matching = [one for one in said["findings"] if (one["name"], one["verdict"]) == (name, verdict)]
    assert matching, said["findings"]
    assert matching[-1]["text"].startswith(text)
    assert bool(text) == bool(matching[-1]["text"])
    assert "geheim" not in result.output


def test_where_it_was_said(found: Callable[..., dict[str, dict[str, Any]]], tmp_path: Path) -> None:
    (tmp_path / "more.toml").write_text("# hub\n[Spawner]\ncmd = ['x']\n[JupyterHub]\nhub_port = 9\n")
    lines = (
        "x = 1\nc.JupyterHub.port = 1\nc.Spawner.args = []\n"
        "if x:\n    c.JupyterHub.port = 2\nsetattr(c.Spawner, 'ip', '')"
    )
    said = found(lines, "-f", "more.toml", "--JupyterHub.base_url=/x/")
    assert {name: one["where"] for name, one in said.items()} == {
        "c.JupyterHub.port": "hub.py:5",
        "c.Spawner.args": "hub.py:3",
        "c.Spawner.ip": "hub.py",
        "c.Spawner.cmd": "more.toml:3",
        "c.JupyterHub.hub_port": "more.toml:5",
        "c.JupyterHub.base_url": "command line",
    }


def test_hooks_are_told_from_values(found: Callable[..., dict[str, dict[str, Any]]]) -> None:
    said = found(
        "def who(path, request, user, base_url): return None\n"
        "c.JupyterHub.user_redirect_hook = who\nc.Spawner.options_form = '<p>'\nc.Spawner.environment = {'A': who}"
    )
    assert {name: (one["what"], one["text"]) for name, one in said.items()} == {
        "c.JupyterHub.user_redirect_hook": ("hook", "calls who"),
        "c.Spawner.options_form": ("trait", ""),
        "c.Spawner.environment": ("trait", ""),
    }


def test_all_that_is_wrong_is_told_at_once(check: Check) -> None:
    result = check(
        "c.JupyterHub.hub_port = 'x'\nc.Spawner.args = 5\nc.JupyterHub.spawner_class = 'sudo'\n"
        "c.JupyterHub.load_roles = [{'name': 'wrong', 'scopes': ['no:such']}]"
    )
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if "hub.py:" in line] == [
        "c.JupyterHub.load_roles",
        "c.JupyterHub.spawner_class",
        "c.JupyterHub.hub_port",
        "c.Spawner.args",
    ]
    assert "no:such" in lines[-2]
    assert lines[-1] == "1 acts, 1 missing, 2 wrong. A hub would not start with this."


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("c.JupyterHub.base_url = '/a'; c.JupyterHub.public_url = 'https://b/c'", "must be that of base_url"),
        (
            "c.JupyterHub.authenticator_class = 'generic-oauth'",
            "trouble: c.GenericOAuthenticator.client_id is not set",
        ),
    ],
)
def test_what_only_does_not_go_together_is_said_too(check: Check, lines: str, said: str) -> None:
    result = check(lines)
    assert result.exit_code == 1
    assert said in result.stdout


@pytest.mark.parametrize(
    ("lines", "plain", "strict"),
    [
        ("", 0, 0),
        ("c.JupyterHub.proxy_cmd = 'x'", 0, 0),
        ("c.JupyterHub.bnd_url = 'x'", 0, 1),
        ("c.JupyterHub.internal_ssl = True", 0, 1),
        ("c.JupyterHub.hub_port = 'x'", 1, 1),
        ("c.JupyterHub.spawner_class = 'sudo'", 1, 1),
        ("raise RuntimeError('no')", 1, 1),
    ],
)
def test_the_exit_code_says_whether_a_hub_would_start(
    check: Check, lines: str, plain: int, strict: int
) -> None:
    assert check(lines).exit_code == plain
    assert check(lines, "--strict").exit_code == strict


def test_a_file_that_cannot_be_run_is_told_with_its_line(check: Check) -> None:
    result = check("x = 1\nimport dockerspawner_of_nobody")
    assert (result.exit_code, result.stderr) == (1, "")
    assert "hub.py:2: ModuleNotFoundError" in result.stdout


def test_nothing_is_written_and_nothing_left_running(check: Check, tmp_path: Path) -> None:
    assert check("c.JupyterHub.authenticator_class = 'dummy'").exit_code == 0
    assert [file.name for file in tmp_path.iterdir() if file.name != "__pycache__"] == ["hub.py"]


def test_the_table_has_a_part_for_each_verdict_and_says_what_it_means(check: Check) -> None:
    lines = check(
        "c.JupyterHub.port = 1\nc.JupyterHub.proxy_cmd = 'x'\nc.JupyterHub.bnd_url = 'x'\nc.Spawner.args = 5"
    ).stdout.splitlines()
    assert lines == [
        "acts",
        "  c.JupyterHub.port    hub.py:1",
        "",
        f"ignored ({MEANING['ignored']})",
        "  c.JupyterHub.proxy_cmd  the hub brings its own proxy  hub.py:2",
        "",
        f"unknown ({MEANING['unknown']})",
        "  c.JupyterHub.bnd_url  did you mean bind_url?  hub.py:3",
        "",
        f"wrong ({MEANING['wrong']})",
        "  c.Spawner.args  5: expected list, got int  hub.py:4",
        "",
        "1 acts, 1 ignored, 1 unknown, 1 wrong. A hub would not start with this.",
    ]
    assert tuple(MEANING) == VERDICTS


@pytest.mark.parametrize("name", sorted(file.name for file in CONFIGS.glob("*.py")))
def test_of_the_configurations_of_the_tests_all_acts(check: Check, name: str) -> None:
    """Files that they name are not on this machine."""
    result = CliRunner().invoke(main, ["check", "--json", str(CONFIGS / name)])
    said = json.loads(result.stdout)
    assert said["trouble"] == []
    assert {one["verdict"] for one in said["findings"] if one["what"] != "resource"} == {"acts"}


@pytest.mark.parametrize(
    "lines",
    [
        "c.JupyterHub.hub_port = 'x'",
        "c.JupyterHub.spawner_class = 'nobodys'",
        "c.JupyterHub.load_roles = [{'name': 'x'}]",
        "c.GenericOAuthenticator.clientid = 'x'; c.JupyterHub.authenticator_class = 'generic-oauth'",
        "c.JupyterHub.authenticator_class = 'generic-oauth'",
        "c.JupyterHub.authenticator_class = 'dummy'",
        A_CLASS,
    ],
)
def test_it_says_what_loading_says(check: Check, lines: str) -> None:
    result = check(lines)
    try:
        load_settings([Path("hub.py")], [])
    except ConfigError:
        assert result.exit_code == 1
    else:
        assert (result.exit_code == 0) == ("load_roles" not in lines)
