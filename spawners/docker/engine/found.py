"""What an engine tells of containers and images, as far as it matters here, and what follows from it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct, field

from core.naming.ids import is_id
from core.plugins.spawner import Listed

SPAWN_ID = "callboard.spawn-id"
HUB = "callboard.hub"
MARK = "callboard.mark"
REACHED = "callboard.reached"
PORT = "callboard.port"
USER = "callboard.user"
SERVER = "callboard.server"
USER_ID = "callboard.user-id"
SERVER_ID = "callboard.server-id"
"""Labels. `REACHED`: by which way, see address.py. Names are for people; of what is kept, the ids say whose it is."""

_NAME = "callboard-"
_SIGNALS = 64


def name_of(spawn_id: str) -> str:
    """Of its container. It follows from nothing that a configuration could change: the next hub finds it by this.

    Raises ValueError for what is no spawn id: names become parts of paths.
    """
    if not is_id(spawn_id):
        raise ValueError(f"not a spawn id: {spawn_id!r}")
    return f"{_NAME}{spawn_id}"


class ContainerState(Struct, rename="pascal"):
    status: str
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = field(default=False, name="OOMKilled")


class ContainerConfig(Struct, rename="pascal"):
    labels: dict[str, str] | None = None
    env: list[str] | None = None
    tty: bool = False
    stop_timeout: float | None = None


class HostConfig(Struct, rename="pascal"):
    memory: int = 0


class Endpoint(Struct):
    address: str = field(default="", name="IPAddress")


class Binding(Struct, rename="pascal"):
    host_ip: str = ""
    host_port: str = ""


class NetworkSettings(Struct, rename="pascal"):
    networks: dict[str, Endpoint | None] | None = None
    ports: dict[str, list[Binding] | None] | None = None


class Container(Struct, rename="pascal"):
    """One that was looked at."""

    state: ContainerState
    config: ContainerConfig
    host_config: HostConfig = field(default_factory=HostConfig)
    network_settings: NetworkSettings = field(default_factory=NetworkSettings)
    id: str = ""

    def label(self, name: str) -> str:
        return (self.config.labels or {}).get(name, "")

    def environment(self, name: str) -> str | None:
        """Of what it was made with. It holds its server's token, too."""
        given = dict(line.partition("=")[::2] for line in self.config.env or ())
        return given.get(name)


class Summary(Struct, rename="pascal"):
    """One in a list. `created`: in seconds since 1970."""

    created: float
    labels: dict[str, str] | None = None
    id: str = ""

    @property
    def spawn_id(self) -> str:
        return (self.labels or {}).get(SPAWN_ID, "")

    def listed(self, now: datetime) -> Listed:
        age = max((now - datetime.fromtimestamp(self.created, UTC)).total_seconds(), 0.0)
        return Listed(self.spawn_id, (self.labels or {}).get(MARK, ""), age)


class ImageConfig(Struct, rename="pascal"):
    cmd: list[str] | None = None


class Image(Struct, rename="pascal"):
    config: ImageConfig | None = None

    @property
    def cmd(self) -> list[str]:
        return (self.config and self.config.cmd) or []


class Made(Struct, frozen=True):
    """It exists, and was never run."""


class Alive(Struct, frozen=True):
    is_paused: bool = False


class Ended(Struct, frozen=True):
    """`exit_status`: negative for a signal. A server that itself exits with 128 + n looks like signal n.

    `reason`: a sentence for people, where the engine knows more than a status.
    """

    exit_status: int | None = None
    reason: str = ""


Stage = Made | Alive | Ended


def stage_of(container: Container) -> Stage:
    state = container.state
    match state.status:
        case "created" if not state.error:
            return Made()
        case "created" | "exited" | "dead" | "removing":
            return Ended(_exit_status(state.exit_code), _why(container))
        case (
            status
        ):  # running, paused, restarting, and whatever else may be invented: it is not known to have ended
            return Alive(is_paused=status == "paused")


def _why(container: Container) -> str:
    if container.state.oom_killed:
        limit = container.host_config.memory
        return f"It ran out of memory{f' (its limit is {_in_words(limit)})' if limit else ''}."
    return f"The container engine says: {container.state.error}." if container.state.error else ""


def _in_words(size: int) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"


def _exit_status(code: int) -> int:
    return 128 - code if 128 < code <= 128 + _SIGNALS else code
