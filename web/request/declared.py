"""What a route may declare of its answers besides plain types. The OpenAPI document is made of it.

An answer is a type that is sent as JSON, None for no body at all, one of the classes below, or a tuple of those
where it depends on what the caller asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

ANY_STATUS = 0  # among refusals: one that a hook of the configuration chooses

Answers = Mapping[
    int, Any
]  # by status; only what a route answers itself: refusals come with access and method


class Text(Struct, frozen=True):
    """A body that is not JSON."""

    content_type: str = "text/plain"


class Events(Struct, frozen=True):
    """Server-sent events. `data`: the type of what each carries."""

    data: Any


class Paged(Struct, frozen=True):
    """A page of a list, or of an object by name. `always`: in the wrapped form, whatever the caller accepts."""

    items: Any
    always: bool = False


def alternatives(answer: Any) -> tuple[Any, ...]:
    return answer if isinstance(answer, tuple) else (answer,)
