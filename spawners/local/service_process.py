"""Managed services as processes of this machine: launched, found again and ended as servers are.

What differs is whose rights, environment and directory one begins with, and that nobody gives it a port.
"""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from core.errors import SpawnError
from core.plugins.spawner import Attempt, Spawner
from core.settings import ServiceSettings, Settings
from spawners.account import Account, system_account
from spawners.local.attempt_files import AttemptFiles
from spawners.local.launching import run_launcher
from spawners.local.settings import LocalProcessSettings
from spawners.local.spawner import LocalProcessSpawner
from spawners.process_family import MARK

_SETTINGS = LocalProcessSettings(interrupt_timeout=5, term_timeout=5, kill_timeout=5)


def make_service_spawner(settings: Settings, directory: Path) -> Spawner:
    """For the services of the configuration: `Attempt.server` is the name of one. Its files go below `directory`."""
    services = {service.name: service for service in settings.hub.services if service.command}
    launch = partial(launch_service, services=services)
    return LocalProcessSpawner(directory, _SETTINGS, simple=True, launch=launch)


def launch_service(
    attempt: Attempt, files: AttemptFiles, *, services: Mapping[str, ServiceSettings]
) -> int | None:
    """The launcher's pid; None if the lock is taken, or there is nothing left to launch. Raises SpawnError.

    It blocks: call it in a thread.
    """
    service = services[attempt.server]
    try:
        account = _account(service)
        environment = _environment(attempt, service, account)
        _check_exists(service, account, environment)
        files.create()
        lock = files.take_lock()
        if lock is None:
            return None
        try:
            if files.has_begun():
                return None
            return run_launcher(files, account, [*account.prefix, *service.command], environment, lock)
        finally:
            os.close(lock)
    except OSError as error:
        raise SpawnError(f"The process of service {service.name} could not be started: {error}.") from error
    except ValueError as error:  # a NUL; the text may hold what is secret
        raise SpawnError(
            f"Command or environment of {service.name} cannot be handed to a process."
        ) from error


def _account(service: ServiceSettings) -> Account:
    """The hub's own rights and directory, unless the service names others."""
    if not service.user:
        return Account(_own_name(), str(Path.home()), "/bin/sh", os.path.abspath(service.cwd or "."))
    account = system_account(service.user)
    if not service.cwd:
        return account
    if account.prefix:  # a directory that its own rights may be needed to enter comes last
        return replace(account, prefix=[*account.prefix[:-1], service.cwd])
    return replace(account, start_in=os.path.abspath(service.cwd))


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())  # any number may run a container


def _environment(attempt: Attempt, service: ServiceSettings, account: Account) -> dict[str, str]:
    """Only what is named here: nothing else of the hub's own environment."""
    env_keep = attempt.settings.env_keep if attempt.settings else []
    return {
        **{name: os.environ[name] for name in env_keep if name in os.environ},
        "USER": account.user,
        "HOME": account.home,
        "SHELL": account.shell,
        **attempt.environment,
        **service.environment,
        MARK: attempt.spawn_id,
    }


def _check_exists(service: ServiceSettings, account: Account, environment: dict[str, str]) -> None:
    """Raises SpawnError if there is no such directory or command. (With another's rights that is seen later.)"""
    if account.owner is not None:
        return
    if not os.path.isdir(account.start_in):
        raise SpawnError(f"The directory of service {service.name} does not exist: {service.cwd!r}.")
    program = service.command[0]
    if "/" in program:
        found = os.access(Path(account.start_in, program), os.X_OK)
    else:
        found = shutil.which(program, path=environment.get("PATH", os.defpath)) is not None
    if not found:
        raise SpawnError(f"The command of service {service.name} was not found: {program!r}.")
