"""From an attempt to what sbatch is given: options, a script and an environment, none of which a shell reads. Pure.

Options are words of sbatch's command line, for anybody on this machine to see: nothing secret is among them. The
environment is handed over by a file without a name; Slurm gives it to the job alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from jinja2 import TemplateError
from msgspec import Struct

from core.errors import SpawnError
from core.plugins.spawner import Attempt
from spawners.account import Account
from spawners.slurm.quantities import clock, seconds
from spawners.slurm.settings import SlurmSettings
from spawners.slurm.template import STANDARD, Code
from spawners.slurm.template import filled as script_of

NODE_PROGRAM = Path(__file__).with_name("node_program.py").read_text(encoding="utf-8")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLACE = re.compile(r"\{(\w+)\}")
_TEMPLATES = ("req_partition", "req_account", "req_qos", "req_reservation", "req_gres", "req_homedir")


class Submission(Struct, frozen=True):
    """`options`: words behind `sbatch`. `environment`: of the job, with its secrets. `output`: where it will write."""

    options: list[str]
    script: str
    environment: dict[str, str]
    output: str


def submission(
    attempt: Attempt, settings: SlurmSettings, account: Account, kept: Mapping[str, str]
) -> Submission:
    """`kept`: the variables of the hub's own environment that `env_keep` names. Raises SpawnError."""
    texts = _texts(attempt, settings)
    home = texts["req_homedir"] or account.home
    output = _filled(settings.output_file, attempt, {"homedir": account.home})
    return Submission(
        [*_requested(settings, texts, attempt), *_own(attempt, settings.job_name, output)],
        _script(attempt, settings, texts, home),
        _environment(attempt, settings, account, home, kept),
        output,
    )


def job_name(prefix: str, spawn_id: str) -> str:
    """By its name a job is found again."""
    return f"{prefix}-{spawn_id}"


def _texts(attempt: Attempt, settings: SlurmSettings) -> dict[str, str]:
    return {name: _filled(getattr(settings, name), attempt) for name in _TEMPLATES}


def _filled(template: str, attempt: Attempt, more: Mapping[str, str] | None = None) -> str:
    """With the names of user and server filled in; what would be two lines, or another folder, is refused."""
    values = {
        "username": attempt.user,
        "servername": attempt.server,
        "spawn_id": attempt.spawn_id,
        **(more or {}),
    }
    named = {match[1] for match in _PLACE.finditer(template)} & {"username", "servername"}
    if "/" in template and any(_leads_away(values[name]) for name in named):
        raise SpawnError("A name with a slash, or of dots alone, names no folder or file.")
    text = _PLACE.sub(lambda match: values.get(match[1], match[0]), template)
    if _CONTROL.search(text):
        raise SpawnError("A job's options hold no line breaks or other control characters.", status=400)
    return text


def _leads_away(name: str) -> bool:
    return "/" in name or name in (".", "..")


# --- options ---


def _requested(settings: SlurmSettings, texts: Mapping[str, str], attempt: Attempt) -> list[str]:
    """What the configuration and this start ask for; their own options come first, and so lose to the others."""
    given = {
        "--partition": texts["req_partition"],
        "--account": texts["req_account"],
        "--qos": texts["req_qos"],
        "--reservation": texts["req_reservation"],
        "--gres": texts["req_gres"],
        "--time": _runtime(settings),
        "--mem": "" if settings.memory is None else f"{settings.memory}M",
        "--cpus-per-task": str(settings.cpus or ""),
        "--gpus": str(settings.req_ngpus or ""),
    }
    own = [_filled(word, attempt) for word in shlex.split(settings.req_options)]
    return [*own, *(f"{name}={value}" for name, value in given.items() if value)]


def _runtime(settings: SlurmSettings) -> str:
    return clock(seconds(settings.req_runtime)) if settings.req_runtime else ""


def _own(attempt: Attempt, prefix: str, output: str) -> list[str]:
    """What makes a job one of the hub's. The last ones win.

    `singleton`: were it ever submitted twice, as after an answer that was lost, the two would not run at once.
    """
    name = job_name(prefix, attempt.spawn_id)
    return [
        "--parsable",
        f"--job-name={name}",
        f"--comment={attempt.mark}",
        f"--output={_no_pattern(output)}",
        "--open-mode=append",
        "--chdir=/",
        "--dependency=singleton",
        "--no-requeue",
        "--ntasks=1",
        "--nodes=1",
    ]


def _no_pattern(path: str) -> str:
    """Of `%` Slurm would make something else."""
    return path.replace("%", "%%")


# --- the script ---


def _script(attempt: Attempt, settings: SlurmSettings, texts: Mapping[str, str], home: str) -> str:
    values = {
        "account": texts["req_account"],
        "cmd": Code(shlex.join(_command(settings))),
        "epilogue": Code(settings.req_epilogue),
        "gres": texts["req_gres"],
        "homedir": home if texts["req_homedir"] or settings.batch_script else "",
        "keepvars": "",
        "memory": "" if settings.memory is None else f"{settings.memory}M",
        "ngpus": str(settings.req_ngpus or ""),
        "nprocs": str(settings.cpus or ""),
        "options": Code(settings.req_options),
        "partition": texts["req_partition"],
        "prologue": Code(settings.req_prologue),
        "qos": texts["req_qos"],
        "reservation": texts["req_reservation"],
        "runtime": _runtime(settings),
        "servername": attempt.server,
        "spawn_id": attempt.spawn_id,
        "srun": Code(settings.req_srun),
        "username": attempt.user,
    }
    for name in ("servername", "username"):
        if _CONTROL.search(values[name]):
            raise SpawnError("A job's script holds no names with control characters.", status=400)
    try:
        script = script_of(settings.batch_script or STANDARD, values)
    except TemplateError as error:
        raise SpawnError(f"The template of the job's script fails: {error}.") from error
    return script if script.startswith("#!") else f"#!/bin/bash\n{script}"


def _command(settings: SlurmSettings) -> list[str]:
    if not settings.cmd:
        raise SpawnError("There is no command to start a server with (c.Spawner.cmd).")
    return [settings.node_python, "-I", "-c", NODE_PROGRAM, *settings.cmd, *settings.args]


# --- the environment ---


def _environment(
    attempt: Attempt, settings: SlurmSettings, account: Account, home: str, kept: Mapping[str, str]
) -> dict[str, str]:
    """Only what is named here. `CALLBOARD_...`: for the program on the node."""
    given = {
        **kept,
        "USER": account.user,
        "LOGNAME": account.user,
        "HOME": home,
        "SHELL": account.shell,
        **attempt.environment,
        **settings.environment,
        "CALLBOARD_SPAWN_ID": attempt.spawn_id,
        "CALLBOARD_LISTEN_IP": "0.0.0.0" if settings.ip in ("", "*") else settings.ip,  # noqa: S104 -- as configured
        "CALLBOARD_PORTS": _ports(settings),
        "CALLBOARD_REPORT_TO": f"{attempt.environment['JUPYTERHUB_API_URL']}/port",
        "JUPYTERHUB_SERVICE_PREFIX": attempt.prefix,
    }
    if any(not _VARIABLE.fullmatch(name) or "\0" in value for name, value in given.items()):
        raise SpawnError(
            "The server's environment cannot be handed to a job."
        )  # the text may hold what is secret
    return given


def _ports(settings: SlurmSettings) -> str:
    if settings.port:
        return f"{settings.port}-{settings.port}"
    return "-".join(map(str, settings.port_range)) if settings.port_range else ""


def packed(environment: Mapping[str, str]) -> bytes:
    """As sbatch reads it with `--export-file`."""
    return "".join(f"{name}={value}\0" for name, value in environment.items()).encode(
        "utf-8", "surrogateescape"
    )
