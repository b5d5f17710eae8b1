"""What of a template people read and no catalogue has: found by parsing it, as Jinja does and as browsers do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from jinja2 import Environment, nodes

VALUE = "\N{OBJECT REPLACEMENT CHARACTER}"  # where a template shows a value
READ = frozenset({"title", "placeholder", "aria-label", "alt", "data-working", "data-label", "label"})
TRANSLATING = frozenset({"gettext", "ngettext"})
SILENT = frozenset({"script", "style", "code", "pre"})

_WORD = re.compile(r"[^\W\d_]{2,}")
_PROSE = re.compile(
    r"[A-Z][a-z]|[a-z] [a-z]"
)  # of a literal in an expression; others are names and addresses


def outside(environment: Environment, source: str) -> list[str]:
    """The texts that are in no `{% trans %}` and no `gettext()`."""
    tree = environment.parse(source)
    return [*_in_html("".join(_data(tree))), *_in_expressions(tree)]


def _data(tree: nodes.Node) -> Iterator[str]:
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            yield node.data if isinstance(node, nodes.TemplateData) else VALUE


def _in_html(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


def _in_expressions(tree: nodes.Node) -> Iterator[str]:
    """Literals that are shown, or are handed to a macro that shows them: whatever is no key."""
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            yield from _shown(node)


def _shown(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Const(value=str(text)):
            if _PROSE.search(text):
                yield text
        case nodes.CondExpr():
            yield from _shown(node.expr1)
            if node.expr2 is not None:
                yield from _shown(node.expr2)
        case nodes.Concat() | nodes.Or() | nodes.Add() | nodes.Filter() | nodes.MarkSafeIfAutoescape():
            for child in node.iter_child_nodes():
                yield from _shown(child)
        case nodes.Call(node=nodes.Name(name=name), args=given) if name not in TRANSLATING:
            for child in given:
                yield from _shown(child)
        case _:
            return


class _Reader(HTMLParser):
    """`found`: texts and attributes in which there is a word."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        for name, value in attrs:
            if name in READ and _WORD.search(value or ""):
                self.found.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass  # one that is never closed, such as img

    def handle_data(self, data: str) -> None:
        if not SILENT.intersection(self._open) and _WORD.search(data):
            self.found.append(data.strip())
