"""The settings of servers that are processes of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypedDict

from msgspec import field

from core.settings import Ignore, Port, Prepare, Seconds, SpawnerSettings

_HELP = {
    "Local processes": {
        "interrupt_timeout": "Seconds that a server has to end after SIGINT.",
        "term_timeout": "Seconds that it has after SIGTERM.",
        "kill_timeout": "Seconds until it must be gone after SIGKILL.",
        "shell_cmd": "A shell to start servers with, such as `['bash', '-l', '-c']`.",
        "popen_kwargs": "Of Popen's arguments: cwd, umask, env.",
        "port_range": "The first and the last port that servers are given.",
        "home_dir_template": "For `simple`: the home of each user.",
    }
}


class PopenArguments(TypedDict, total=False):
    """What a launcher can be told of `subprocess.Popen`'s arguments."""

    cwd: str
    umask: int
    env: dict[str, str]


def _known_arguments(value: Any, ignore: Ignore) -> Any:
    if not isinstance(value, dict):
        return value
    for name in value.keys() - PopenArguments.__annotations__.keys():
        ignore(f"[{name!r}]", "a launcher of the hub starts servers")
    return {name: value[name] for name in value if name in PopenArguments.__annotations__}


def _words(value: Any, _: Ignore) -> Any:
    """A command of one word may be given as just that."""
    return [value] if isinstance(value, str) else value


class LocalProcessSettings(SpawnerSettings, frozen=True):
    """`c.LocalProcessSpawner` and `c.SimpleLocalProcessSpawner`"""

    section: ClassVar[str] = "LocalProcessSpawner"
    help: ClassVar[Mapping[str, Mapping[str, str]]] = _HELP
    prepare: ClassVar[Mapping[str, Prepare]] = MappingProxyType(
        {"shell_cmd": _words, "popen_kwargs": _known_arguments}
    )

    interrupt_timeout: Seconds = 30
    term_timeout: Seconds = 30
    kill_timeout: Seconds = 5
    shell_cmd: list[str] = field(default_factory=list)
    popen_kwargs: PopenArguments = field(default_factory=PopenArguments)
    port_range: tuple[Port, Port] | None = None
    home_dir_template: str = "/tmp/{username}"  # noqa: S108 -- JupyterHub's default

    @property
    def stop_timeout(self) -> Seconds:
        """The whole escalation, and a while for what a server leaves behind."""
        return self.interrupt_timeout + self.term_timeout + self.kill_timeout + 5
