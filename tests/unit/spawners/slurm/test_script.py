"""What sbatch is given: whoever is called what, no shell and no option is taken in by it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from msgspec.structs import replace

from core.errors import SpawnError
from core.plugins.spawner import Attempt
from spawners.account import Account
from spawners.slurm.script import Submission, packed, submission
from spawners.slurm.settings import SlurmSettings

SPAWN_ID = "s" + "0" * 25
ALICE = Account("alice", "/home/alice", "/bin/bash", "/home/alice")
TOKEN = "t0p-s3cret"
ATTEMPT = Attempt(
    SPAWN_ID,
    "alice",
    "",
    "/user/alice/",
    {},
    {"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_API_URL": "http://hub:8081/hub/api"},
    mark="log.1.seal",
)
HOSTILE = [
    "$(id)",
    "a;b",
    "`id`",
    "a b",
    "it's",
    'a"b',
    "-x",
    "--uid=0",
    "*",
    "{servername}",
    "%j",
    "ä",
    "a\\",
]


def made(attempt: Attempt = ATTEMPT, **settings: Any) -> Submission:
    return submission(attempt, SlurmSettings(**settings), ALICE, {"PATH": "/bin"})


def test_a_job_is_named_marked_and_never_run_twice() -> None:
    options = made().options
    for option in (
        "--parsable",
        f"--job-name=callboard-{SPAWN_ID}",
        "--comment=log.1.seal",
        f"--output=/home/alice/.callboard-{SPAWN_ID}.log",
        "--dependency=singleton",
        "--no-requeue",
    ):
        assert option in options


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"req_partition": "gpu"}, "--partition=gpu"),
        ({"req_account": "proj-{username}"}, "--account=proj-alice"),
        ({"req_qos": "high"}, "--qos=high"),
        ({"req_reservation": "class"}, "--reservation=class"),
        ({"req_gres": "license:1"}, "--gres=license:1"),
        ({"req_runtime": "90"}, "--time=0-01:30:00"),
        ({"req_memory": "4G"}, "--mem=4096M"),
        ({"mem_limit": 2**30}, "--mem=1024M"),
        ({"req_nprocs": 2}, "--cpus-per-task=2"),
        ({"req_ngpus": 1}, "--gpus=1"),
        ({"req_options": "--constraint='a b' -x n1"}, "--constraint=a b"),
    ],
)
def test_each_setting_is_an_option_of_sbatch(settings: dict[str, Any], option: str) -> None:
    assert option in made(**settings).options
    assert option not in made().options


def test_what_makes_it_the_hubs_job_wins_over_other_options() -> None:
    options = made(req_options="--job-name=mine --requeue").options
    assert options.index("--job-name=mine") < options.index(f"--job-name=callboard-{SPAWN_ID}")
    assert options.index("--requeue") < options.index("--no-requeue")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_word_wherever_it_is_filled_in(name: str) -> None:
    attempt = replace(ATTEMPT, user=name)
    what = made(attempt, req_account="{username}", req_options="--wckey={username}", req_qos="x{username}")
    assert f"--account={name}" in what.options
    assert f"--wckey={name}" in what.options
    assert what.script == made().script


@pytest.mark.parametrize("name", HOSTILE)
def test_a_template_has_each_value_quoted(name: str) -> None:
    template = "#!/bin/bash\nprintf '%s' {{ username }}\nexit\n{{ cmd }}\n"
    what = made(replace(ATTEMPT, user=name), batch_script=template)
    run = subprocess.run(["bash"], input=what.script, capture_output=True, text=True, check=True)
    assert run.stdout == name


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "a\r#SBATCH --uid=0", "\x7f"])
@pytest.mark.parametrize(
    "settings",
    [{"req_account": "{username}"}, {"req_options": "--wckey={username}"}, {"batch_script": "{{ cmd }}"}],
)
def test_no_name_makes_a_second_line(name: str, settings: dict[str, str]) -> None:
    with pytest.raises(SpawnError):
        made(replace(ATTEMPT, user=name), **settings)


@pytest.mark.parametrize("name", ["..", ".", "a/../../etc", "/etc"])
def test_no_name_leads_to_another_folder(name: str) -> None:
    attempt = replace(ATTEMPT, user=name)
    for settings in ({"req_homedir": "/homes/{username}"}, {"output_file": "/logs/{username}.log"}):
        with pytest.raises(SpawnError, match="names no folder"):
            made(attempt, **settings)


def test_no_secret_is_among_options_and_script() -> None:
    what = made(environment={"PASSWORD": "hush"})
    assert what.environment["JUPYTERHUB_API_TOKEN"] == TOKEN
    assert what.environment["PASSWORD"] == "hush"
    for secret in (TOKEN, "hush"):
        assert secret not in what.script
        assert secret not in " ".join(what.options)


def test_the_environment_is_only_what_is_named() -> None:
    own = made(ip="", port_range=(9000, 9010)).environment
    assert own == {
        **ATTEMPT.environment,
        "PATH": "/bin",
        "USER": "alice",
        "LOGNAME": "alice",
        "HOME": "/home/alice",
        "SHELL": "/bin/bash",
        "CALLBOARD_SPAWN_ID": SPAWN_ID,
        "CALLBOARD_LISTEN_IP": "0.0.0.0",
        "CALLBOARD_PORTS": "9000-9010",
        "CALLBOARD_REPORT_TO": "http://hub:8081/hub/api/port",
        "JUPYTERHUB_SERVICE_PREFIX": "/user/alice/",
    }
    assert made(port=8888).environment["CALLBOARD_PORTS"] == "8888-8888"
    assert made(req_homedir="/srv/{username}").environment["HOME"] == "/srv/alice"


@pytest.mark.parametrize("environment", [{"A=B": "x"}, {"A": "x\0Y=z"}, {"": "x"}, {"BASH_FUNC_ls%%": "x"}])
def test_what_is_no_variable_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(SpawnError, match="environment"):
        made(environment=environment)


def test_values_of_several_lines_are_handed_over_whole() -> None:
    assert packed({"A": "1\n2", "B": "=$(id)"}) == b"A=1\n2\0B==$(id)\0"


def runs(script: str) -> list[str]:
    """What a script prints whose program on the node is replaced by one that prints its arguments."""
    run = subprocess.run(
        ["bash"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": "/", "PATH": "/usr/bin:/bin"},
    )
    return [*run.stdout.splitlines(), f"status {run.returncode}"]


def test_before_the_server_comes_the_prologue_and_after_it_the_epilogue() -> None:
    echo = {"node_python": "/bin/echo", "cmd": ["serve it"], "args": ["--x"]}
    plain = runs(made(**echo).script)
    assert plain[0].startswith("-I -c ")
    assert plain[-2:] == [" serve it --x", "status 0"]
    both = runs(made(**echo, req_prologue="echo before", req_epilogue="echo after", req_srun="env").script)
    assert (both[0], both[-2], both[-1]) == ("before", "after", "status 0")
    failing = runs(made(node_python="false", req_epilogue="echo after").script)
    assert failing == ["after", "status 1"]


def test_a_home_of_its_own_is_made_where_one_is_named(tmp_path: Any) -> None:
    home = tmp_path / "homes" / "it's alice"
    what = made(
        replace(ATTEMPT, user="it's alice"), req_homedir=f"{tmp_path}/homes/{{username}}", node_python="true"
    )
    assert runs(what.script) == ["status 0"]
    assert home.is_dir()


def test_there_is_something_to_run() -> None:
    with pytest.raises(SpawnError, match="no command"):
        made(cmd=[])
