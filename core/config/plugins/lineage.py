"""What a class of JupyterHub's kind is derived from, and which traits a configuration may set of it."""

from __future__ import annotations

from traitlets.config.configurable import Configurable

_OF_TRAITLETS = frozenset({"Configurable", "LoggingConfigurable", "SingletonConfigurable"})


def lineage(of: type) -> list[type]:
    """The classes whose sections are about it, the most general first: the later one wins, as traitlets has it."""
    return [
        base
        for base in reversed(of.__mro__)
        if issubclass(base, Configurable) and base.__name__ not in _OF_TRAITLETS
    ]


def traits_of(of: type) -> frozenset[str]:
    """Those that a configuration may set in the section of this class."""
    return frozenset(of.class_traits(config=True)) if issubclass(of, Configurable) else frozenset()
