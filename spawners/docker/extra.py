"""`extra_create_kwargs` and `extra_host_config`: the names that Docker's Python client has for them, as the engine's.

The engine's own names (`ShmSize`) may be given as well. Source: docker-py's documentation, the Engine API's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.config.prepare import byte_size
from core.settings import Ignore

_OTHERWISE = {
    "mem_limit": "Memory",
    "memswap_limit": "MemorySwap",
    "mem_reservation": "MemoryReservation",
    "mem_swappiness": "MemorySwappiness",
    "read_only": "ReadonlyRootfs",
    "dns_opt": "DnsOptions",
    "uts_mode": "UTSMode",
    "device_read_bps": "BlkioDeviceReadBps",
    "device_read_iops": "BlkioDeviceReadIOps",
    "device_write_bps": "BlkioDeviceWriteBps",
    "device_write_iops": "BlkioDeviceWriteIOps",
    "stdin_open": "OpenStdin",
    "device_ids": "DeviceIDs",
}
_SIZES = frozenset({"Memory", "MemorySwap", "MemoryReservation", "ShmSize", "KernelMemory"})
_OURS = {
    "Name": "containers are named after their spawn ids",
    "AutoRemove": "the hub looks at a container that has ended before it removes it: use remove",
    "RestartPolicy": "the hub says what runs",
    "PortBindings": "use port, host_ip and use_internal_ip",
    "PublishAllPorts": "use port, host_ip and use_internal_ip",
    "Detach": "every container runs detached",
    "Image": "use image",
    "Env": "use environment",
    "Environment": "use environment",
    "Volumes": "use volumes",
    "HostConfig": "use extra_host_config",
    "Cmd": "use cmd",
    "Command": "use cmd",
}


def engine_names(given: Any, ignore: Ignore) -> Any:
    """A dict with the engine's names. Raises ValueError for a value that cannot be understood."""
    if not isinstance(given, Mapping):
        return given
    made = {}
    for name, value in given.items():
        engines = engine_name(str(name))
        if engines in _OURS:
            ignore(f"[{name!r}]", _OURS[engines])
        else:
            made[engines] = _value(engines, value)
    return made


def engine_name(name: str) -> str:
    """`cap_add`: `CapAdd`."""
    if name in _OTHERWISE:
        return _OTHERWISE[name]
    return name if name[:1].isupper() else "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _value(name: str, value: Any) -> Any:
    if name in _SIZES:
        return value if value == -1 else byte_size(value)
    try:
        return _FORMS[name](value) if name in _FORMS else value
    except (TypeError, AttributeError, KeyError):
        raise ValueError(f"[{name!r}]: not in a form that Docker's clients take") from None


def _devices(value: Any) -> Any:
    return [_device(item) if isinstance(item, str) else item for item in value]


def _device(text: str) -> dict[str, str]:
    """`/dev/fuse`, `/dev/fuse:/dev/fuse` or `/dev/fuse:/dev/fuse:rwm`."""
    host, _, rest = text.partition(":")
    inside, _, rights = rest.partition(":")
    return {"PathOnHost": host, "PathInContainer": inside or host, "CgroupPermissions": rights or "rwm"}


def _binds(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return list(value)
    return [f"{source}:{bound['bind']}:{bound.get('mode', 'rw')}" for source, bound in value.items()]


def _hosts(value: Any) -> Any:
    return [f"{name}:{address}" for name, address in value.items()] if isinstance(value, Mapping) else value


def _labels(value: Any) -> Any:
    return value if isinstance(value, Mapping) else dict.fromkeys(value, "")


def _tmpfs(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return {path: options for path, _, options in (str(item).partition(":") for item in value)}


def _capitals(value: Any) -> Any:
    """The keys of each item too: `{"name": ..., "soft": ...}` of a limit, or `{"type": ...}` of a log."""
    if isinstance(value, Mapping):
        return {engine_name(str(key)): item for key, item in value.items()}
    return [_capitals(item) for item in value]


def _words(value: Any) -> Any:
    return re.split(r"\s+", value.strip()) if isinstance(value, str) else value


_FORMS: dict[str, Callable[[Any], Any]] = {
    "Binds": _binds,
    "Devices": _devices,
    "ExtraHosts": _hosts,
    "Labels": _labels,
    "Tmpfs": _tmpfs,
    "Ulimits": _capitals,
    "LogConfig": _capitals,
    "DeviceRequests": _capitals,
    "Entrypoint": _words,
}
