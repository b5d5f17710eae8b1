"""Refusals as texts: where one is raised its words stand already, in English, with values in it.

`raise NotFoundError(f"There is no user {name}.")` is the text `There is no user {name}.`; on its way to a page it is
recognised and said in the page's language (`told` in web/texts/translate.py). Programs and logs have it as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from core import errors
from web.texts.catalogues import PLACE

ROOMS = (  # whose refusals people meet on pages, those of a start that failed among them
    "core/actors/servers",
    "core/events/file",
    "core/logins",
    "core/machine",
    "core/naming",
    "core/plugins",
    "core/queue",
    "spawners",
    "web/authenticators",
    "web/hub",
    "web/login",
    "web/oauth",
    "web/pages",
    "web/request",
    "web/rights",
    "web/servers",
    "web/sharing",
    "web/starts",
)
FILES = ("core/server.py", "core/share_code.py", "core/token.py", "core/user.py")

_KINDS = frozenset(
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.HubError)
)

Extracted = tuple[int, str, str, list[str]]


def extract(
    file: BinaryIO, keywords: Mapping[str, Any], comment_tags: Sequence[str], options: Mapping[str, Any]
) -> Iterator[Extracted]:
    """A method of extraction, as Babel calls it."""
    del keywords, comment_tags, options
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS:
            text = _text(node.args[0]) if node.args else ""
            if any(character.isalpha() for character in PLACE.sub("", text)):
                yield node.lineno, "_", text, []


def _text(node: ast.expr) -> str:
    """`""` for what is no literal."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=pieces):
            return "".join(_piece(piece) for piece in pieces)
        case _:
            return ""


def _piece(node: ast.expr) -> str:
    return f"{{{_name(node.value)}}}" if isinstance(node, ast.FormattedValue) else _text(node)


def _name(node: ast.expr) -> str:
    """Of a value: the last name in what says it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _name(function)
        case ast.Subscript(value=value):
            return _name(value)
        case _:
            return "value"
