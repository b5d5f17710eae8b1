"""Which image a start may have, and how the name of one is read. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

from core.errors import SpawnError

ANY = "*"
Allowed = Mapping[str, str] | str
"""From what people choose to the image behind it; `"*"` for any image at all."""

_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]{1,5})?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?",
    re.ASCII,
)
_LONGEST = 512


class Reference(NamedTuple):
    """`tag`: or a digest, which says more."""

    name: str
    tag: str


def reference(image: str) -> Reference:
    """Raises ValueError for what is no image's name; so nothing else becomes part of a URL.

    Source of the grammar: the reference format of container registries.
    """
    match = _REFERENCE.fullmatch(image) if len(image) <= _LONGEST else None
    if match is None:
        raise ValueError(f"not the name of an image: {image[:_LONGEST]!r}")
    return Reference(match["name"], match["digest"] or match["tag"] or "latest")


def allowed_of(value: Any) -> Any:
    """A list of images as choices that are called like them. Raises ValueError for what is no such thing."""
    if value is None:
        return {}
    if value == ANY:
        return ANY
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        value = {item: item for item in value}
    if not isinstance(value, dict) or not all(
        isinstance(item, str) for pair in value.items() for item in pair
    ):
        raise ValueError('expected a list of images, a dict from choices to images, or "*" for any')
    for image in value.values():
        reference(image)
    return value


def chosen(asked: Any, usual: str, allowed: Allowed) -> str:
    """The image of a start with this option `image`; None for none. Raises SpawnError (400)."""
    if isinstance(asked, list) and len(asked) == 1:  # as a form sends it
        (asked,) = asked
    if asked is None:
        return usual
    if not isinstance(asked, str):
        raise SpawnError("The option image is a text.", status=400)
    if isinstance(allowed, Mapping):
        if asked in allowed:
            return allowed[asked]
        if asked == usual and not allowed:
            return usual
        raise SpawnError(f"There is no image {asked!r} to choose.{_choices(allowed)}", status=400)
    try:
        reference(asked)
    except ValueError as error:
        raise SpawnError(f"The option image is {error}.", status=400) from error
    return asked


def _choices(allowed: Mapping[str, str]) -> str:
    return f" There are: {', '.join(allowed)}." if allowed else ""


def form_of(usual: str, allowed: Allowed) -> str:
    """HTML in which people choose one; "" where there is nothing to choose."""
    if not isinstance(allowed, Mapping):
        return _TYPED.format(usual=escape(usual))
    if len(allowed) < 2:
        return ""
    options = "".join(
        f'<option value="{escape(choice)}"{" selected" if image == usual else ""}>{escape(choice)}</option>'
        for choice, image in allowed.items()
    )
    return _CHOICE.format(options=options)


_CHOICE = (
    '<div class="form-group"><label for="image">Image</label>'
    '<select class="form-control" name="image" id="image" required autofocus>{options}</select></div>'
)
_TYPED = (
    '<div class="form-group"><label for="image">Image</label>'
    '<input class="form-control" name="image" id="image" value="{usual}" required></div>'
)
