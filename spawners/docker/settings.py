"""The settings of servers in containers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta, field
from msgspec.structs import replace

from core.settings import Ignore, Prepare, Seconds, SpawnerSettings
from spawners.docker.extra import engine_names
from spawners.docker.images import allowed_of, chosen, form_of, reference

_HELP = {
    "What runs": {
        "image": "The image that containers are made from, unless the start asks for another.",
        "allowed_images": "Images that a start may ask for by its option `image`: a list, a dict from choices to "
        'images, or `"*"` for any. Empty: `image` alone. With two or more, people choose from a form.',
        "pull_policy": "`ifnotpresent`, `always`, `never` (a start fails where it is not there), or `skip` (as never, "
        "without looking first).",
        "pull_timeout": "Seconds that pulling an image may take, which is no part of `start_timeout`.",
        "extra_create_kwargs": "More of what a container is made with, by the names of Docker's Python client "
        "(`{'user': 'root'}`) or of the engine (`{'User': 'root'}`).",
        "gpus": "GPUs: how many, `'all'`, or a list of their ids.",
    },
    "What is kept": {
        "volumes": "From volumes, or folders of the engine's machine, to paths in the container; `{username}` and "
        "`{servername}` are filled in, as letters that a volume's name may have. A path may be "
        "`{'bind': path, 'mode': 'rw'}`.",
        "read_only_volumes": "The same, to be read only.",
        "volume_driver": "What makes volumes that are not there yet; the engine's own by default.",
        "mounts": "The same with all that the engine knows: dicts of source, target, type, read_only, ...",
        "remove": "Remove a container once its server has ended. Else that waits until the server is started again. "
        "What it has written last is kept until then either way, and so are volumes for good.",
    },
    "How it is reached": {
        "network_name": "The network of containers; `host` for that of the engine's machine.",
        "use_internal_ip": "Reach a server at its container's own address, not at a port that the engine publishes.",
        "host_ip": "Where the engine publishes ports: this machine alone if the engine is on it, else all addresses.",
        "links": "From other containers to the names by which servers find them.",
        "extra_host_config": "More of the container's surroundings, named as in extra_create_kwargs: "
        "`{'shm_size': '1g'}`.",
    },
    "The engine": {
        "docker_host": "Where it listens: `unix:///path`, `tcp://host:2376`. DOCKER_HOST by default.",
        "docker_tls_verify": "Whether its certificate is checked. DOCKER_TLS_VERIFY by default.",
        "docker_cert_path": "The folder of ca.pem, cert.pem and key.pem. DOCKER_CERT_PATH by default.",
        "hub_label": "What tells this hub's containers from another's at the same engine: their label `callboard.hub`.",
    },
}

PullPolicy = Literal["always", "ifnotpresent", "never", "skip"]
USUAL_GRACE = (
    10.0  # seconds between asking and killing, where a container does not say: the engine's own default
)
_BESIDES = 30.0  # seconds of a stop for all but that


def _policy(value: Any, _: Ignore) -> Any:
    return value.lower() if isinstance(value, str) else value


def _image(value: Any, _: Ignore) -> Any:
    if isinstance(value, str):
        reference(value)
    return value


def _allowed(value: Any, _: Ignore) -> Any:
    return allowed_of(value)


def _command(value: Any, _: Ignore) -> Any:
    """None: the image's own."""
    return [value] if isinstance(value, str) else value or []


def _volumes(value: Any, _: Ignore) -> Any:
    """Each as `{"bind": path, "mode": "rw"}`. Raises ValueError."""
    if not isinstance(value, dict):
        return value
    return {name: _bound(name, target) for name, target in value.items()}


def _bound(name: Any, target: Any) -> dict[str, str]:
    bound = {"bind": target} if isinstance(target, str) else target
    if (
        not isinstance(bound, dict)
        or not isinstance(bound.get("bind"), str)
        or bound.keys() - {"bind", "mode"}
    ):
        raise ValueError(f"[{name!r}]: expected a path, or a dict of bind and mode")
    return {"mode": "rw", **bound}


def _gpus(value: Any, _: Ignore) -> Any:
    if value == "all" or isinstance(value, list | tuple):
        return value
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("expected a number of GPUs, 'all', or a list of their ids")
    return value


def _nothing_of_the_hub(_: Any, ignore: Ignore) -> list[str]:
    ignore("", "containers get nothing of the hub's environment: use environment")
    return []


_LOOKED_UP_FOR_EACH_START = """
    image allowed_images pull_policy pull_timeout volumes read_only_volumes volume_driver mounts network_name
    use_internal_ip host_ip links gpus extra_create_kwargs extra_host_config
    """


class DockerSettings(SpawnerSettings, frozen=True):
    """`c.DockerSpawner`. `cmd`: empty for the image's own. `port`: in the container, 0 for 8888."""

    section: ClassVar[str] = "DockerSpawner"
    help: ClassVar[Mapping[str, Mapping[str, str]]] = _HELP
    changeable: ClassVar[frozenset[str]] = frozenset(_LOOKED_UP_FOR_EACH_START.split())
    prepare: ClassVar[Mapping[str, Prepare]] = MappingProxyType(
        {
            "image": _image,
            "allowed_images": _allowed,
            "pull_policy": _policy,
            "cmd": _command,
            "env_keep": _nothing_of_the_hub,
            "volumes": _volumes,
            "read_only_volumes": _volumes,
            "gpus": _gpus,
            "extra_create_kwargs": engine_names,
            "extra_host_config": engine_names,
        }
    )

    cmd: list[str] = field(default_factory=list)
    env_keep: list[str] = field(default_factory=list)
    image: str = "jupyterhub/singleuser:latest"
    allowed_images: Any = field(default_factory=dict)  # a dict from choices to images, or "*"
    pull_policy: PullPolicy = "ifnotpresent"
    pull_timeout: Annotated[Seconds, Meta(gt=0)] = 3600
    volumes: dict[str, dict[str, str]] = field(default_factory=dict)
    read_only_volumes: dict[str, dict[str, str]] = field(default_factory=dict)
    volume_driver: str = ""
    mounts: list[dict[str, Any]] = field(default_factory=list)
    network_name: str = "bridge"
    use_internal_ip: bool = False
    host_ip: str = ""
    links: dict[str, str] = field(default_factory=dict)
    gpus: Any = 0  # how many, "all", or a list of ids
    remove: bool = True
    extra_create_kwargs: dict[str, Any] = field(default_factory=dict)
    extra_host_config: dict[str, Any] = field(default_factory=dict)
    docker_host: str = ""
    docker_tls_verify: bool | None = None
    docker_cert_path: str = ""
    hub_label: Annotated[str, Meta(min_length=1)] = "callboard"

    @property
    def stop_timeout(self) -> Seconds:
        """The grace that containers are made with, and a while for the engine to remove them."""
        grace = self.extra_create_kwargs.get("StopTimeout")
        return (grace if isinstance(grace, int) else USUAL_GRACE) + _BESIDES

    @property
    def waiting_timeout(self) -> Seconds:
        return self.pull_timeout

    @property
    def inner_port(self) -> int:
        """Where the server listens in its container."""
        return self.port or 8888

    @property
    def form(self) -> Any:
        return self.options_form or form_of(self.image, self.allowed_images)

    def with_options(self, user_options: Mapping[str, Any]) -> Self:
        return replace(self, image=chosen(user_options.get("image"), self.image, self.allowed_images))
