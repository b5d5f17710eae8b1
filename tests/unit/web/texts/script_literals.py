"""What of a script people read and no catalogue has: its prose outside of `_` and `ngettext`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from babel.messages.jslexer import Token, tokenize, unquote_string

_PROSE = re.compile(
    r"[A-Z][a-z]+…?$|[^\W\d_]{2,} [^\W\d_]{2,}|[A-Z][a-z]+ |[a-z]…|[a-z]\.$|^ ?[a-z]{2,} $|^ [a-z]{2,}|^(never|none)$"
)
_IN_TEMPLATE = re.compile(r"\$\{[^{}]*\}")
CALLS = ("_", "ngettext")


def outside(source: str) -> list[str]:
    return [text for text in _literals(list(tokenize(source, template_string=True))) if _PROSE.search(text)]


def _literals(tokens: list[Token]) -> Iterator[str]:
    """Those that are not arguments of a call that says a text; keys of an object count as well."""
    translated: list[bool] = []  # for each parenthesis that is open
    for at, token in enumerate(tokens):
        if token.type == "operator" and token.value == "(":
            before = tokens[at - 1] if at else None
            translated.append(before is not None and before.type == "name" and before.value in CALLS)
        elif token.type == "operator" and token.value == ")" and translated:
            translated.pop()
        elif token.type in ("string", "template_string") and not (translated and translated[-1]):
            yield _IN_TEMPLATE.sub(
                "", unquote_string(token.value) if token.type == "string" else token.value[1:-1]
            )


def unreadable(source: str) -> list[str]:
    """Calls that say a text whose first argument is no literal with double quotes, and nothing but that."""
    tokens = [token for token in tokenize(source, template_string=True) if token.type != "linecomment"]
    return [
        f"line {token.lineno}"
        for at, token in enumerate(tokens[:-3])
        if token.type == "name"
        and token.value in CALLS
        and tokens[at + 1].value == "("
        and tokens[at - 1].value not in ("function", ".")
        and not _is_one_literal(tokens[at + 2], tokens[at + 3])
    ]


def _is_one_literal(first: Token, behind: Token) -> bool:
    return first.type == "string" and first.value.startswith('"') and behind.value in (",", ")")
