"""What a container is asked to be: from an attempt and its settings to the body of the engine's create call. Pure."""

from __future__ import annotations

from typing import Any

from core.errors import SpawnError
from core.plugins.spawner import Attempt
from spawners.docker import address
from spawners.docker.engine import found
from spawners.docker.engine.place import Place
from spawners.docker.names import fields_of, filled, names_server, names_user
from spawners.docker.settings import DockerSettings
from spawners.ports import url_at
from spawners.process_family import MARK

Json = dict[str, Any]


def create_body(
    attempt: Attempt, settings: DockerSettings, place: Place, image_cmd: list[str], port: int
) -> Json:
    """`image_cmd`: the image's own command. `port`: where the server is to listen. Raises SpawnError."""
    network = address.network_of(settings.network_name, settings.extra_host_config)
    way = address.way(network, inside=settings.use_internal_ip)
    return {
        "Image": settings.image,
        "Env": _environment(attempt, settings, way, port),
        **_command(settings, image_cmd),
        "ExposedPorts": {f"{port}/tcp": {}},
        **settings.extra_create_kwargs,
        "Labels": {**settings.extra_create_kwargs.get("Labels", {}), **_labels(attempt, settings, way, port)},
        "HostConfig": _host_config(attempt, settings, place, way, port),
    }


def _labels(attempt: Attempt, settings: DockerSettings, way: address.Way, port: int) -> dict[str, str]:
    return {
        found.HUB: settings.hub_label,
        found.SPAWN_ID: attempt.spawn_id,
        found.USER: attempt.user,
        found.SERVER: attempt.server,
        found.USER_ID: attempt.user_id,
        found.SERVER_ID: attempt.server_id,
        found.MARK: attempt.mark,
        found.REACHED: way,
        found.PORT: str(port),
    }


def _environment(attempt: Attempt, settings: DockerSettings, way: address.Way, port: int) -> list[str]:
    """Only what is named here: nothing of the hub's own environment."""
    everywhere = way != "host" or settings.ip in ("", "*")
    listen = "0.0.0.0" if everywhere else settings.ip  # noqa: S104 -- in a network of its own, or as configured
    environment = {
        "JUPYTERHUB_SERVICE_URL": url_at(listen, port) + attempt.prefix,
        **attempt.environment,
        **settings.environment,
        MARK: attempt.spawn_id,
    }
    if any("\0" in text for pair in environment.items() for text in pair):
        raise SpawnError(
            "The server's environment cannot be handed to a container."
        )  # it may hold what is secret
    return [f"{name}={value}" for name, value in environment.items()]


def _command(settings: DockerSettings, image_cmd: list[str]) -> Json:
    """None where neither command nor arguments are given: the image knows."""
    if not settings.cmd and not settings.args:
        return {}
    command = settings.cmd or image_cmd
    if not command:
        raise SpawnError(
            f"There is no command to give arguments to (c.DockerSpawner.cmd): {settings.image} has none."
        )
    return {"Cmd": [*command, *settings.args]}


# --- its surroundings ---


def _host_config(
    attempt: Attempt, settings: DockerSettings, place: Place, way: address.Way, port: int
) -> Json:
    binds, mounts = _kept(attempt, settings)
    extra = dict(settings.extra_host_config)
    own: Json = {
        "NetworkMode": settings.network_name,
        "Binds": [*binds, *extra.pop("Binds", [])],
        "Mounts": [*mounts, *extra.pop("Mounts", [])],
        "ExtraHosts": [*_extra_hosts(attempt, way, place), *extra.pop("ExtraHosts", [])],
        "Links": [*(f"{name}:{alias}" for name, alias in settings.links.items()), *extra.pop("Links", [])],
        "DeviceRequests": [*_gpus(settings.gpus), *extra.pop("DeviceRequests", [])],
        "PortBindings": _published(settings, place, way, port),
        **_limits(settings),
    }
    return {
        **{name: value for name, value in own.items() if value not in ([], {})},
        **extra,
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
    }


def _extra_hosts(attempt: Attempt, way: address.Way, place: Place) -> list[str]:
    return address.names_of_hub(attempt.environment.get("JUPYTERHUB_API_URL", ""), way, place)


def _published(settings: DockerSettings, place: Place, way: address.Way, port: int) -> Json:
    """At whatever port of the engine's machine is free."""
    if way != "published":
        return {}
    return {f"{port}/tcp": [{"HostIp": address.published_on(settings.host_ip, place), "HostPort": ""}]}


def _limits(settings: DockerSettings) -> Json:
    """A limit of memory is one of memory and swap together."""
    limits: Json = {}
    if settings.mem_limit:
        limits |= {"Memory": settings.mem_limit, "MemorySwap": settings.mem_limit}
    if settings.mem_guarantee:
        limits["MemoryReservation"] = settings.mem_guarantee
    if settings.cpu_limit:
        limits["NanoCpus"] = int(settings.cpu_limit * 1e9)
    if settings.cpu_guarantee:
        limits["CpuShares"] = max(int(settings.cpu_guarantee * 1024), 2)
    return limits


def _gpus(gpus: Any) -> list[Json]:
    if not gpus:
        return []
    wanted = (
        {"DeviceIDs": [str(item) for item in gpus]} if isinstance(gpus, list | tuple) else {"Count": gpus}
    )
    if gpus == "all":
        wanted = {"Count": -1}
    return [{**wanted, "Capabilities": [["gpu"]]}]


# --- what is kept ---


def _kept(attempt: Attempt, settings: DockerSettings) -> tuple[list[str], list[Json]]:
    """Folders as the engine binds them, and all else as mounts."""
    fields = fields_of(attempt)
    binds: list[str] = []
    mounts = [_mount(filled_in(mount, fields)) for mount in settings.mounts]
    for kept, readonly in ((settings.volumes, False), (settings.read_only_volumes, True)):
        for template, bound in kept.items():
            source, target = filled(template, fields), filled(bound["bind"], fields)
            mode = "ro" if readonly else bound["mode"]
            if source.startswith("/") and ":" not in source + target:
                binds.append(f"{source}:{target}:{mode}")
            elif source.startswith("/"):
                mounts.append(
                    {"Type": "bind", "Source": source, "Target": target, "ReadOnly": _is_readonly(mode)}
                )
            else:
                mounts.append(_volume(template, source, target, mode, attempt, settings))
    return binds, mounts


def _volume(
    template: str, source: str, target: str, mode: str, attempt: Attempt, settings: DockerSettings
) -> Json:
    options: Json = {"Labels": _labels_of_volume(template, attempt, settings)}
    if settings.volume_driver:
        options["DriverConfig"] = {"Name": settings.volume_driver}
    return {
        "Type": "volume",
        "Source": source,
        "Target": target,
        "ReadOnly": _is_readonly(mode),
        "VolumeOptions": options,
    }


def _labels_of_volume(template: str, attempt: Attempt, settings: DockerSettings) -> dict[str, str]:
    """Whose it is, which decides when it goes: with its server, with its user, or never."""
    labels = {found.HUB: settings.hub_label}
    if names_user(template):
        labels |= {found.USER: attempt.user, found.USER_ID: attempt.user_id}
        if names_server(template):
            labels |= {found.SERVER: attempt.server, found.SERVER_ID: attempt.server_id}
    return labels


def _is_readonly(mode: str) -> bool:
    return "ro" in mode.split(",")


def filled_in(value: Any, fields: dict[str, str]) -> Any:
    """All texts in it with the fields filled in."""
    if isinstance(value, str):
        return filled(value, fields)
    if isinstance(value, dict):
        return {key: filled_in(item, fields) for key, item in value.items()}
    return [filled_in(item, fields) for item in value] if isinstance(value, list | tuple) else value


def _mount(mount: Json) -> Json:
    """The names of Docker's Python client, or the engine's."""
    names = {"source": "Source", "target": "Target", "type": "Type", "read_only": "ReadOnly"}
    return {"Type": "volume", **{names.get(key, key): value for key, value in mount.items()}}
