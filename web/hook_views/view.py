"""What all of them have in common: what is JupyterHub's and not theirs is refused with what to use instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from core.plugins.hooks import hook_that_runs


class NotHereError(AttributeError):
    """Something that hooks have in JupyterHub and not here. The sentence is told as it is, and stands in the log.

    An AttributeError, so that `hasattr` and templates take it for what it is. `jupyterhub_message`: what
    core/plugins/hook_errors.py takes for words that are meant for people, as JupyterHub does.
    """

    def __init__(self, attribute: str, why: str, instead: str) -> None:
        self.jupyterhub_message = f"{hook_that_runs()}: {attribute} {why}: {instead}."
        super().__init__(self.jupyterhub_message)


class View:
    """`called`: what hooks call it. `elsewhere`: names of JupyterHub's that are not here, with what to use instead.

    What is here cannot be changed, unless a view says so; `unchangeable` says what to do instead. Other attributes may
    be put on it, and stay.
    """

    called: ClassVar[str]
    elsewhere: ClassVar[Mapping[str, str]] = {}
    unchangeable: ClassVar[str]

    def __getattr__(self, name: str) -> Any:
        """Of what is not there."""
        if name in self.elsewhere:
            raise NotHereError(f"{self.called}.{name}", "is not here", self.elsewhere[name])
        raise AttributeError(f"{hook_that_runs()}: {self.called} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.elsewhere or self._is_here(name):
            self._refuse_change(name)
        self.__dict__[name] = value

    def _is_here(self, name: str) -> bool:
        """`_facts`: what the view is made of; what a hook has put on it beside that, it may change."""
        return hasattr(type(self), name) or name in self.__dict__.get("_facts", ())

    def _refuse_change(self, name: str) -> NoReturn:
        raise NotHereError(f"{self.called}.{name}", "cannot be changed", self.unchangeable)

    def _know(self, **facts: Any) -> None:
        """Have these as attributes that hooks cannot change."""
        self.__dict__.update(facts)
        self.__dict__["_facts"] = frozenset(self.__dict__.get("_facts", ())) | facts.keys()
