"""Which class a configuration means: one of ours, by its names, or one of JupyterHub's kind, which is loaded.

Those are given by the name that a package registers (`docker`), by a dotted path, or as the class itself. They run as
they are, behind the adapter: docs/decisions/0065-which-class-is-meant.md.
"""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from msgspec import Struct

from core.config.plugins.packages import BY_NAME, where_from
from core.config.prepare import class_name


class Family(Struct, frozen=True):
    """`group`: of entry points. `module`, `base`: of the class of JupyterHub's that all are derived from."""

    group: str
    module: str
    base: str


SPAWNERS = Family("jupyterhub.spawners", "jupyterhub.spawner", "Spawner")
AUTHENTICATORS = Family("jupyterhub.authenticators", "jupyterhub.auth", "Authenticator")
FAMILIES = (SPAWNERS, AUTHENTICATORS)


def find_class(value: Any, family: Family, own: dict[str, str]) -> str | type:
    """The short name of a class of ours, else the class that is meant. Raises ValueError, worded in one line.

    `own`: from what may be said for those of ours to the names of their classes.
    """
    try:
        return class_name(own)(value)
    except ValueError as error:
        if isinstance(value, type):
            return _checked(value, family, str(error))
        return _checked(_named(str(value), family, str(error)), family, str(error))


def is_of(value: Any, family: Family) -> bool:
    """Whether it is derived from JupyterHub's class; found out without importing that."""
    return isinstance(value, type) and any(
        base.__module__ == family.module and base.__name__ == family.base for base in value.__mro__
    )


def full_name(value: type) -> str:
    """`dockerspawner.DockerSpawner`; of a class that a configuration file has made its name alone."""
    return (
        value.__qualname__ if value.__module__ == "builtins" else f"{value.__module__}.{value.__qualname__}"
    )


def _checked(value: Any, family: Family, ours: str) -> type:
    if not is_of(value, family):
        raise ValueError(f"it is not derived from {family.module}.{family.base}; {ours}")
    found: type = value
    return found


def _named(name: str, family: Family, ours: str) -> Any:
    for entry in entry_points(group=family.group):
        if entry.name.lower() == name.lower():
            return _loaded(entry)
    if "." in name:
        module, _, attribute = name.rpartition(".")
        return _loaded(EntryPoint(name, f"{module}:{attribute}", family.group))
    if package := BY_NAME.get(name.lower()):
        raise ValueError(f"it is not installed: pip install {package}")
    raise ValueError(ours)


def _loaded(entry: EntryPoint) -> Any:
    """What an entry point names. It is the program of somebody else: whatever it raises is told in a line."""
    try:
        return getattr(importlib.import_module(entry.module), entry.attr)
    except ModuleNotFoundError as error:
        hint = where_from(error.name or "")
        raise ValueError(f"there is no module {error.name}{f': {hint}' if hint else ''}") from error
    except AttributeError as error:
        raise ValueError(f"{entry.module} has no {entry.attr}") from error
    except Exception as error:
        raise ValueError(f"it cannot be loaded: {type(error).__name__}: {error}") from error
