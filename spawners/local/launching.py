"""From an attempt to a launcher: with which rights, environment and command a server's process begins."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from core.errors import SpawnError
from core.machine import faults
from core.machine.process_identity import this_boot, this_namespace
from core.plugins.spawner import Attempt
from spawners import output_file
from spawners.account import Account, hub_account, system_account
from spawners.local.attempt_files import AttemptFiles
from spawners.local.settings import LocalProcessSettings
from spawners.ports import WILDCARDS, Ports, url_at
from spawners.process_family import MARK

_LAUNCHER = Path(__file__).with_name("launch.sh")


def launch(
    attempt: Attempt,
    files: AttemptFiles,
    ports: Ports,
    configured: LocalProcessSettings,
    *,
    simple: bool,
) -> int | None:
    """The launcher's pid; None if the lock is taken, or there is nothing left to launch. Raises SpawnError.

    It blocks: call it in a thread.
    """
    settings = attempt.settings_as(LocalProcessSettings, configured)
    popen = settings.popen_kwargs
    try:
        account = (
            hub_account(attempt.user, settings.home_dir_template) if simple else system_account(attempt.user)
        )
        account = account.elsewhere(popen.get("cwd", ""), popen.get("umask"))
        files.create()
        lock = files.take_lock()
        if lock is None:
            return None
        try:
            if files.has_begun():
                return None
            faults.point("launch locked")
            port = settings.port or ports.take(attempt.spawn_id)
            environment = {**_environment(attempt, account, port, settings), **popen.get("env", {})}
            command = _command(environment, account, settings)
            files.write_mark(attempt.mark)
            files.write_url(url_at(WILDCARDS.get(settings.ip, settings.ip), port))
            faults.point("launch named")
            launcher = run_launcher(files, account, command, environment, lock)
            faults.point("launched")
            return launcher
        finally:
            os.close(lock)
    except OSError as error:
        raise SpawnError(f"The server's process could not be started: {error}.") from error
    except ValueError as error:  # a NUL, or a name that is none; the text may hold what is secret
        raise SpawnError("The server's command or environment cannot be handed to a process.") from error


def _environment(
    attempt: Attempt, account: Account, port: int, settings: LocalProcessSettings
) -> dict[str, str]:
    """Only what is named here: nothing else of the hub's own environment."""
    listen = url_at("0.0.0.0" if settings.ip in ("", "*") else settings.ip, port)  # noqa: S104 -- as configured
    return {
        **{name: os.environ[name] for name in settings.env_keep if name in os.environ},
        "USER": account.user,
        "HOME": account.home,
        "SHELL": account.shell,
        "JUPYTERHUB_SERVICE_URL": listen + attempt.prefix,
        **attempt.environment,
        **settings.environment,
        MARK: attempt.spawn_id,
    }


def _command(environment: dict[str, str], account: Account, settings: LocalProcessSettings) -> list[str]:
    command = [*settings.cmd, *settings.args]
    if not command:
        raise SpawnError("There is no command to start a server with (c.Spawner.cmd).")
    if settings.shell_cmd:
        # exec: else some shells stay in between, and heed no interrupt while a command of theirs runs
        command = [*settings.shell_cmd, f"exec {shlex.join(command)}"]
    _check_exists(command[0], environment, account)
    return [*account.prefix, *command]


def _check_exists(program: str, environment: dict[str, str], account: Account) -> None:
    """Raises SpawnError if there is no such command. (Whether another's rights suffice is seen later.)"""
    if "/" in program:
        found = account.owner is not None or os.access(Path(account.home, program), os.X_OK)
    else:
        found = shutil.which(program, path=environment.get("PATH", os.defpath)) is not None
    if not found:
        raise SpawnError(f"The server's command was not found: {program!r} (c.Spawner.cmd).")


def run_launcher(
    files: AttemptFiles, account: Account, command: list[str], environment: dict[str, str], lock: int
) -> int:
    """The launcher's pid. `lock`: the attempt's, for it to hold."""
    output = output_file.open_for_writing(files.output, account.owner)
    place = [files.directory, this_boot(), this_namespace(), account.start_in]
    try:
        launcher = subprocess.Popen(  # noqa: S603 -- what the administrator configured
            ["/bin/sh", str(_LAUNCHER), *place, *command],
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
        )
    finally:
        os.close(output)
    launcher.returncode = 0  # the object has done its work: whoever keeps the pid waits for it
    return launcher.pid
