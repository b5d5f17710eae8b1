"""The templates that handlers of plug-ins render: the administrator's, the hub's own, and what plug-ins bring.

Plug-ins wrap `env.loader` in another ChoiceLoader to add theirs: FirstUse at every request, which would end in a
RecursionError, and NativeAuthenticator once for the process, whoever renders next. So there is one flat list of
loaders for the process: what is new in what they set is added to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader

from web.texts.templates import give_texts

_BROUGHT: list[BaseLoader] = []  # by plug-ins, which tell of them once in the life of the process


class FlatLoader(ChoiceLoader):
    """The hub's loaders, then those that plug-ins have brought."""

    def __init__(self, own: Sequence[BaseLoader]) -> None:
        super().__init__(own)
        self._own = list(own)

    @property
    def loaders(self) -> Sequence[BaseLoader]:
        return [*self._own, *_BROUGHT]

    @loaders.setter
    def loaders(self, value: Sequence[BaseLoader]) -> None:
        """Theirs are in `_BROUGHT`, ours were given: what ChoiceLoader wants to keep is there."""

    def take(self, given: BaseLoader | None) -> None:
        """Add what is new in a loader that a plug-in wants to have instead of this one."""
        for loader in _flat(given):
            if loader is not self and not any(map(_is_same(loader), self.loaders)):
                _BROUGHT.append(loader)


class Templates(Environment):
    """An environment in which setting `loader` adds to what there is."""

    @property
    def loader(self) -> FlatLoader:
        return self._flat

    @loader.setter
    def loader(self, value: BaseLoader | None) -> None:
        if isinstance(value, FlatLoader):
            self._flat = value
        else:
            self._flat.take(value)


def environments(own: Sequence[BaseLoader]) -> dict[str, Environment]:
    """Under the names by which JupyterHub's handlers look for them."""
    options: dict[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    loader = FlatLoader(own)
    found: dict[str, Environment] = {
        "jinja2_env": Templates(loader=loader, enable_async=True, **options),
        "jinja2_env_sync": Templates(loader=loader, **options),
    }
    for environment in found.values():
        give_texts(environment)
    return found


def _flat(loader: BaseLoader | None) -> Iterable[BaseLoader]:
    if isinstance(loader, FlatLoader) or loader is None:
        return
    if isinstance(loader, ChoiceLoader):
        for inner in loader.loaders:
            yield from _flat(inner)
    else:
        yield loader


def _is_same(one: BaseLoader) -> Any:
    def same(other: BaseLoader) -> bool:
        folders = one.searchpath if isinstance(one, FileSystemLoader) else None
        return one is other or (isinstance(other, FileSystemLoader) and other.searchpath == folders)

    return same
