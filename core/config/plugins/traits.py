"""What a configuration sets of a class of JupyterHub's kind: the class itself says what its traits may be.

Nothing of the class is begun for that: its constructor, which may connect to an engine, is not called.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from traitlets import TraitError, TraitType, Undefined
from traitlets.config.configurable import Configurable
from traitlets.config.loader import Config, DeferredConfigString, LazyConfigValue

from core.config.plugins.classes import FAMILIES, Family, is_of
from core.config.validation import Trait, Word


def relative(family: Family, name: str) -> type | None:
    """A class of this name that is loaded and that one of the family may ask.

    Such as one that another starts servers with, or settings that come with a package, as those of jhub-apps do.
    """
    apart = [other for other in FAMILIES if other != family]
    named = (found for found in _below(Configurable) if found.__name__ == name)
    return next((found for found in named if not any(is_of(found, other) for other in apart)), None)


def _below(base: Any) -> Iterator[type]:
    for found in base.__subclasses__():
        yield found
        yield from _below(found)


def check(of: type, name: str, value: Any, trait: Trait) -> None:
    """Raises ConfigError for a value that the class does not take. `trait`: who said so."""
    make: Any = of.__new__
    blank = make(of)  # without its __init__
    declared = blank.traits(config=True).get(name)
    if declared is None:
        return
    try:
        declared._validate(blank, _as_value(blank, declared, value))
    except TraitError as error:
        given = str(value) if isinstance(value, Word) else value
        raise trait.refuse(given, _without_value(error, given)) from None
    except Exception:  # noqa: S110 -- its check needs more than a class that was not begun: it will say so itself
        pass


def _without_value(error: TraitError, value: Any) -> str:
    """What is wrong. traitlets repeats the value, which may be a secret."""
    text = " ".join(str(error).split()).partition(", not the ")[0]
    return text.replace(str(value), "it") if str(value) else text


def _as_value(blank: Any, declared: TraitType[Any, Any], value: Any) -> Any:
    if isinstance(value, LazyConfigValue):
        return value.get_value(declared.default(blank))
    return DeferredConfigString(value).get_value(declared) if isinstance(value, Word) else value


def class_default(of: type, name: str, otherwise: Any) -> Any:
    """What the class has for a trait without any configuration, as far as that can be told without an object."""
    member: Any = inspect.getattr_static(of, name, otherwise)
    if isinstance(member, TraitType):
        return otherwise if member.default_value in (Undefined, None) else member.default_value
    return member if isinstance(member, int | float | str) else otherwise


def for_traitlets(config: Config) -> Config:
    """The same for traitlets: what the command line says is text that each trait reads in its own way."""
    found = Config()
    found.merge(config)
    for section in found.values():
        if isinstance(section, Config):
            for name, value in section.items():
                if isinstance(value, Word):
                    section[name] = DeferredConfigString(value)
    return found
