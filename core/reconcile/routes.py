"""What a proxy leads where, beside what it should: which routes to set, and which to end. Pure.

The rules are those of JupyterHub's check of routes: what bears its mark and belongs to nothing is ended, what does not
bear the mark is somebody else's and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, unquote

from msgspec import Struct

MARK = "jupyterhub"


class Told(Struct, frozen=True):
    """A route as a proxy is told of it. `data`: whose it is, under JupyterHub's names."""

    target: str
    data: dict[str, Any] = {}


Held = Mapping[str, Mapping[str, Any]]
"""What a proxy has: data with `target`, by path. A path is decoded, and has no slash at its end but for `/`."""


class Differences(Struct, frozen=True):
    """`to_set`: by spec. `to_remove`: paths, as the proxy has them."""

    to_set: dict[str, Told]
    to_remove: list[str]

    def __bool__(self) -> bool:
        return bool(self.to_set or self.to_remove)


def differences(wanted: Mapping[str, Told], held: Held, spared: Collection[str] = ()) -> Differences:
    """What makes of the routes held those that are wanted; these by spec, the other marked ones go.

    `spared`: specs that may become wanted, with the target that they have; JupyterHub spares those of pending servers.
    """
    paths = {path_of(spec): spec for spec in wanted}
    to_set = {spec: wanted[spec] for path, spec in paths.items() if not _is(wanted[spec], held.get(path, {}))}
    known = paths.keys() | {path_of(spec) for spec in spared}
    return Differences(to_set, [path for path, data in held.items() if data.get(MARK) and path not in known])


def path_of(spec: str) -> str:
    """`/user/a%20b/` is kept as `/user/a b`, `a.hub.example/user/a/` as `/a.hub.example/user/a`."""
    return f"/{unquote(spec).strip('/')}"


def as_sent(path: str) -> str:
    """A path that a proxy has, as a URL names it."""
    return quote(path, safe="/@:~!$&'()*+,;=")


def _is(told: Told, data: Mapping[str, Any]) -> bool:
    return data.get("target") == told.target and all(data.get(key) == told.data[key] for key in told.data)
