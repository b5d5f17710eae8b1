"""Calls as methods: how `help()` shows them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

M = TypeVar("M", bound=Callable[..., Any])

OFFSET = "offset"  # what the methods that go through all pages find out by themselves


def described_as(call: Callable[..., Any]) -> Callable[[M], M]:
    """Gives a method the name, the docstring and the parameters of the call behind it."""

    def describe(method: M) -> M:
        itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        parameters = [one for one in inspect.signature(call).parameters.values() if one.name != OFFSET]
        method.__name__, method.__qualname__, method.__doc__ = call.__name__, call.__name__, call.__doc__
        method.__signature__ = inspect.Signature([itself, *parameters])  # type: ignore[attr-defined]
        return method

    return describe
