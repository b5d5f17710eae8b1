"""Where servers run: whether that can be asked, and whether what they are to run is there."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import trio

from core.config.plugins.classes import full_name
from core.errors import HubError, UnreachableError
from core.settings import ConfigError, PluginSpawnerSettings, Settings, SpawnerSettings
from spawners import make_engine
from spawners.local.settings import LocalProcessSettings
from web.commands.doctor.finding import Finding, ok, problem, warning
from web.commands.doctor.programs import closed_to_others

TIMEOUT = 10.0


def look_at_servers(settings: Settings) -> Iterator[Finding]:
    yield _engine(settings.hub.spawner_class, settings.spawner)
    others = {one.spawner: one.engine_settings for one in settings.callboard.spawner_profiles.values()}
    others.pop(settings.hub.spawner_class, None)
    for name, its in others.items():
        yield _engine(name, its)
    if isinstance(settings.spawner, LocalProcessSettings):
        yield from _local(settings)


def _engine(name: str, settings: SpawnerSettings) -> Finding:
    """Asks what runs, in a folder of its own: nothing of a hub's is touched.

    A class made for JupyterHub can tell nothing without a hub.
    """
    if isinstance(settings, PluginSpawnerSettings):
        return ok("servers", f"Servers are started by {full_name(settings.plugin.kind)}.")
    with tempfile.TemporaryDirectory() as folder:
        try:
            spawner = make_engine(name, settings, Path(folder))

            async def ask() -> None:
                with trio.fail_after(TIMEOUT):
                    await spawner.listed()

            trio.run(ask)
        except (UnreachableError, trio.TooSlowError, HubError, OSError) as error:
            return problem(
                "servers", f"The spawner {name!r} cannot be asked: {str(error) or 'it does not answer'}"
            )
        except (ConfigError, ValueError) as error:
            return problem("servers", str(error))
    return ok("servers", f"The spawner {name!r} answers.")


def _local(settings: Settings) -> Iterator[Finding]:
    command = settings.spawner.cmd[0] if settings.spawner.cmd else ""
    program = shutil.which(command) if command else None
    if command and program is None:
        beside = Path(sys.executable).with_name(command)
        hint = "pip install jupyterhub jupyterlab" if command == "jupyterhub-singleuser" else ""
        if beside.exists():
            hint = f"It is at {beside}: put {beside.parent} on the hub's PATH."
        yield problem(
            "servers", f"There is no program {command!r} (c.Spawner.cmd) on this user's path.", hint
        )
    if settings.hub.spawner_class in ("localprocess", "default"):
        yield from _as_other_users(program)
    if settings.spawner.mem_limit or settings.spawner.cpu_limit:
        yield warning(
            "servers",
            "c.Spawner.mem_limit and cpu_limit are told to servers; nothing keeps processes of this machine to them.",
            "Containers and jobs of a cluster are kept to them.",
        )


def _as_other_users(program: str | None) -> Iterator[Finding]:
    """`program`: what they are to run, if it is there."""
    if os.geteuid() != 0:
        yield warning(
            "servers",
            "As this user the hub can start servers for this user alone.",
            "Run it as root, or choose another spawner_class, such as simple.",
        )
    elif program and (closed := closed_to_others(program)):
        yield warning(
            "servers",
            f"Servers run as their users, who may not run {program}: {closed} is closed to others.",
            "Install Python and the environment of it where everybody may, below /opt for instance.",
        )
