"""A kind of spawner, as it is declared in one place: its names, its settings and who makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from core.plugins.spawner import Spawner
from core.settings import SpawnerSettings


class SpawnerKind(Struct, frozen=True):
    """`names`: what `c.JupyterHub.spawner_class` may say for it, the one that is shown first.

    `settings`: its type of settings, with its traits, its deadlines and what options of a start do to them.
    `make`: from such settings, and a folder for its files, to a spawner.
    `own_section`: the class of a configuration that is about it, where that is not the one of its settings but derived
    from it. `known`: traits that the class of this name has where it comes from; those that no setting is named after
    do not act. `reasons`: why not, by name, where they never will.
    `folder`: below the hub's folder for servers' files, where its own are; each kind that keeps some has one.
    """

    names: tuple[str, ...]
    settings: type[SpawnerSettings]
    make: Callable[[Any, Path], Spawner]
    own_section: str = ""
    known: frozenset[str] = frozenset()
    reasons: Mapping[str, str] = {}
    folder: str = ""

    @property
    def section(self) -> str:
        return self.own_section or self.settings.section

    @property
    def parents(self) -> dict[str, str]:
        """From each class of a configuration that comes with it to the one it is derived from."""
        base = self.settings.__base__
        assert base is not None, "settings of a spawner are derived from those of all spawners"
        found = {self.settings.section: getattr(base, "section", SpawnerSettings.section)}
        return found | ({self.own_section: self.settings.section} if self.own_section else {})


def kind_named(name: str, kinds: Sequence[SpawnerKind]) -> SpawnerKind:
    """Raises ValueError for a name that none of them has."""
    for kind in kinds:
        if name in kind.names:
            return kind
    known = sorted(name for kind in kinds for name in kind.names)
    raise ValueError(f"There is no spawner named {name!r}. Known are: {', '.join(known)}.")
