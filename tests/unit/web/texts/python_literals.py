"""What of a Python file people may read and no catalogue has: its prose outside of `_` and its kin."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from web.texts import refusals

_PROSE = re.compile(r"^[A-Z][a-z']+ [a-z]|[a-z] [a-z]+[.!?]$|^[A-Z][a-z]+[.…]?$|[a-z] [a-z]+ [a-z]")
SAYING = frozenset({"_", "N_", "gettext", "ngettext"}) | refusals.KINDS
NOT_FOR_PEOPLE = frozenset(
    {"warning", "info", "error", "exception", "debug", "getLogger"}
)  # the log is English


def outside(source: str) -> list[str]:
    tree = ast.parse(source)
    told = {id(node) for call in ast.walk(tree) if _is_settled(call) for node in ast.walk(call)}
    docstrings = set(map(id, _docstrings(tree)))
    return [
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in told | docstrings
        for text in (node.value,)
        if isinstance(text, str) and _PROSE.search(text)
    ]


def _is_settled(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    return name in SAYING | NOT_FOR_PEOPLE


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr):
                yield first.value
