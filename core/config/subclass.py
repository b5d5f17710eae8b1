"""A spawner class written in a config file, on top of one of JupyterHub's local ones: what it overrides, as settings.

Its methods are made methods of the view that hooks are handed, so that `self` and `super()` are what they expect. A
class that starts, polls or stops servers itself is refused: a hub that starts other servers than it was told to is
worse than none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from types import CellType, FunctionType
from typing import Any

import trio
from msgspec import Struct
from traitlets import HasTraits

from core.config.prepare import class_name
from core.plugins.hooks import is_trio_hook, trio_hook
from core.settings import SpawnerSettings

ACTING = frozenset({"get_env", "get_args", "template_namespace", "options_form", "options_from_form"})
"""What a class may override; its other methods must be new ones, for its own use."""

_MARK = "__callboard_subclass__"
_OF_TRAITLETS = frozenset(vars(type("Plain", (HasTraits,), {})))  # what its metaclass notes in each class
_DATA = (str, int, float, list, tuple, dict, type(None))


def spawner_class(value: Any, names: dict[str, str]) -> str:
    """The short name of a spawner; of a class written in the file, that of the known one it is derived from.

    `names`: from what may be said for a spawner to the name of its class. Raises ValueError for anything else.
    """
    base = known_base(value, names.values()) if isinstance(value, type) else None
    if base is None or value.__module__.startswith("jupyterhub."):
        return class_name(names)(value)
    _check(value, base)
    return class_name(names)(base)


def known_base(value: type, classes: Collection[str]) -> type | None:
    """The first class it is derived from that is one of these, itself aside."""
    for base in value.__mro__[1:]:
        if base.__name__ in classes and base.__module__.partition(".")[0] in ("jupyterhub", "spawners"):
            return base
    return None


def _check(value: type, base: type) -> None:
    """Raises ValueError for one that overrides what would not be called."""
    for name, member in _members(value, base):
        if type(member).__module__.startswith("traitlets"):
            raise ValueError(
                f"its {name} is declared by traitlets, which does not act here: use plain attributes"
            )
        is_setting = name in SpawnerSettings.__struct_fields__ and isinstance(member, _DATA)
        if hasattr(base, name) and name not in ACTING and not is_setting:
            raise ValueError(
                f"its {name} would not be called here: of a class of yours, {', '.join(sorted(ACTING))} act"
            )


def overrides(value: type, base: type, settings: SpawnerSettings) -> dict[str, Any]:
    """The settings that stand for what the class overrides. `base`: the known one that it is derived from."""
    members = dict(_members(value, base))
    own = _Subclass(value, base)
    found: dict[str, Any] = {
        name: [member] if name == "cmd" and isinstance(member, str) else member
        for name, member in members.items()
        if name in SpawnerSettings.__struct_fields__ and isinstance(member, _DATA)
    }
    if callable(members.get("options_form")) or isinstance(members.get("options_form"), property):
        found["options_form"] = _form(own)
    if "options_from_form" in members:
        found["options_from_form"] = _reader(own)
    if {"get_env", "get_args", "template_namespace"} & members.keys():
        found["pre_spawn_hook"] = _then(_prepare(own), settings.pre_spawn_hook)
    return found


class _Subclass(Struct, frozen=True):
    """A class written in a file, and the known one that it is derived from."""

    value: type
    base: type


def _members(value: type, base: type) -> Iterator[tuple[str, Any]]:
    """Of the class and those between it and the known one, the most general first; Python's and traitlets' aside."""
    for owner in reversed(_own(value, base)):
        yield from (
            (name, member)
            for name, member in vars(owner).items()
            if not name.startswith("__") and name not in _OF_TRAITLETS
        )


def _own(value: type, base: type) -> list[type]:
    mro = list(value.__mro__)
    return mro[: mro.index(base)]


@lru_cache(maxsize=8)
def _as_view(own: _Subclass, view: type) -> type:
    """The class, on top of that of views."""
    made: type = type(view.__name__, (view,), {_MARK: True})
    for owner in reversed(_own(own.value, own.base)):
        made = type(owner.__name__, (made,), {})
        for name, member in vars(owner).items():
            if not name.startswith("__"):
                setattr(made, name, _rebound(member, made))
    return made


def _rebound(member: Any, owner: type) -> Any:
    """A function whose `super()` begins at another class."""
    if isinstance(member, property):
        return property(*(part and _rebound(part, owner) for part in (member.fget, member.fset, member.fdel)))
    if not isinstance(member, FunctionType) or "__class__" not in member.__code__.co_freevars:
        return member
    cells = zip(member.__code__.co_freevars, member.__closure__ or (), strict=True)
    closure = tuple(CellType(owner) if name == "__class__" else cell for name, cell in cells)
    made = FunctionType(member.__code__, member.__globals__, member.__name__, member.__defaults__, closure)
    made.__kwdefaults__ = member.__kwdefaults__
    return made


def _adopt(own: _Subclass, spawner: Any) -> Any:
    view: Any = type(spawner)
    if not hasattr(view, _MARK):
        spawner.__class__ = _as_view(own, view)
    return spawner


def _overridden(own: _Subclass, spawner: Any, name: str) -> Any:
    """What the class has by this name, bound; the spawner itself has the setting of that name."""
    adopted = _adopt(own, spawner)
    return inspect.getattr_static(type(adopted), name).__get__(adopted, type(adopted))


def _form(own: _Subclass) -> Callable[[Any], Any]:
    def form(spawner: Any) -> Any:
        found = _overridden(own, spawner, "options_form")
        return found() if callable(found) else found

    return form


def _reader(own: _Subclass) -> Callable[..., Any]:
    def read(data: Any, spawner: Any) -> Any:
        return _overridden(own, spawner, "options_from_form")(data)

    return read


def _prepare(own: _Subclass) -> Callable[[Any], None]:
    def prepare(spawner: Any) -> None:
        adopted = _adopt(own, spawner)
        adopted.environment, adopted.args = adopted.get_env(), adopted.get_args()
        adopted.notebook_dir = adopted.format_string(adopted.notebook_dir)
        adopted.default_url = adopted.format_string(adopted.default_url)

    return prepare


def _then(first: Callable[[Any], None], second: Any) -> Callable[[Any], Any]:
    """One hook of two. What the second awaits, whoever called waits for."""

    if is_trio_hook(second):

        @trio_hook
        async def both_on_trio(spawner: Any) -> None:
            await trio.to_thread.run_sync(first, spawner)
            await second(spawner)

        return both_on_trio

    def both(spawner: Any) -> Any:
        first(spawner)
        return None if second is None else second(spawner)

    return both
