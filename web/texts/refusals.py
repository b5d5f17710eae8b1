"""Refusals and reasons as texts: where one is raised or recorded its words stand already, in English, with values.

`raise NotFoundError(f"There is no user {name}.")` is the text `There is no user {name}.`; on its way to a page it is
recognised and said in the page's language (`told` in web/texts/translate.py). Programs and the log have it as it is.
"""

from __future__ import annotations

import ast
import re
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
SENTENCES = (  # files in which whole sentences are for people: why something ended, what a scope is
    "core/actors/engines/engine.py",
    "core/actors/engines/reconciler.py",
    "core/actors/removals.py",
    "core/actors/servers/endings.py",
    "core/actors/servers/deadlines.py",
    "core/actors/servers/server_work.py",
    "core/actors/servers/sight.py",
    "core/actors/servers/start_work.py",
    "core/reconcile/adoption.py",
    "core/scopes/table.py",
    "spawners/local/answering.py",
    "spawners/docker/engine/found.py",
    "spawners/slurm/fate.py",
    "spawners/slurm/jobs.py",
    "web/app/refusing.py",
    "web/authenticators/jupyterhub/refusals.py",
    "web/authenticators/jupyterhub/thread.py",
    "web/authenticators/oidc/requests.py",
    "web/lifecycle/expiry.py",
    "web/lifecycle/shutdown.py",
    "web/login/disarming.py",
    "web/login/hook.py",
    "web/request/sent/refused_forms.py",
    "web/starts/launch.py",
)

KINDS = frozenset(
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.HubError)
)

_SENTENCE = re.compile(r"[A-Z{].* .*[.!?]", re.DOTALL)

Extracted = tuple[int, str, str, list[str]]


def sentences(
    file: BinaryIO, keywords: Mapping[str, Any], comment_tags: Sequence[str], options: Mapping[str, Any]
) -> Iterator[Extracted]:
    """A method of extraction, as Babel calls it: all whole sentences but docstrings."""
    del keywords, comment_tags, options
    tree = ast.parse(file.read())
    passed_over = {id(node) for node in _not_said(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in passed_over:
            text = _text(node)
            if _SENTENCE.fullmatch(text):
                yield node.lineno, "_", text, []


def _not_said(tree: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, and the pieces of texts that have values in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from node.values


def refusals(
    file: BinaryIO, keywords: Mapping[str, Any], comment_tags: Sequence[str], options: Mapping[str, Any]
) -> Iterator[Extracted]:
    """Another: the words of the errors of core/errors.py."""
    del keywords, comment_tags, options
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            text = _text(node.args[0]) if node.args else ""
            if any(character.isalpha() for character in PLACE.sub("", text)):
                yield node.lineno, "_", text, []


def _text(node: ast.expr) -> str:
    """`""` for what is no literal."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=pieces):
            return _with_places(pieces)
        case _:
            return ""


def _with_places(pieces: Sequence[ast.expr]) -> str:
    """Each value has a name of its own, and the same wherever it comes again."""
    names: dict[str, str] = {}
    text = ""
    for piece in pieces:
        if isinstance(piece, ast.FormattedValue):
            name, value = _name(piece.value).strip("_"), ast.dump(piece.value)
            taken = [given for other, given in names.items() if other != value]
            text += f"{{{names.setdefault(value, f'{name}{len(taken) + 1}' if name in taken else name)}}}"
        else:
            text += _text(piece)
    return text


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
