"""Removes secrets from text that leaves the hub: the last line of defence, for what nobody foresaw.

Whoever writes a line leaves secrets out of it to begin with; here go those that came in somebody else's text: the
message of an exception, a URL, a header.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, get_args

from core.user import UserState

HIDDEN = "[secret]"
LISTED_STATES = get_args(UserState)  # of `?state=`: any other is a login's

# How a name goes on to its value, which is not hidden yet, and that value.
_VALUE = r"""['\"]?\s*[:=](?!\s*\[secret\])\s*)(?:'[^']*'|"[^"]*"|%s)"""


class _Rule(NamedTuple):
    """`words`: in lower case; without any of them in a text there is nothing to look for, which is quick to see."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]
    instead: str


_SECRET_WORDS = (
    "token",
    "secret",
    "passw",
    "passphrase",
    "credential",
    "apikey",
    "api_key",
    "_xsrf",
    "auth_state",
)

_ALONE = (
    "bearer",
    "token",
    "basic",
)  # the only ones that need neither a colon nor an equals sign behind them

_RULES = (
    # a header, wherever it stands: `Authorization: token X`, `'Cookie': 'a=b; c=d'`
    _Rule(
        ("authorization", "cookie", "x-xsrftoken"),
        re.compile(r"((?:authorization|cookie|x-xsrftoken)" + _VALUE % r"[^\r\n]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    _Rule(
        _ALONE,
        re.compile(r"\b(bearer|token|basic)(\s+)(?=\S*\d)[\w.~+/=-]{8,}", re.IGNORECASE),
        rf"\1\2{HIDDEN}",
    ),
    # an argument of a URL or a command, a key of an object: `token=X`, `"password": "X"`
    _Rule(
        _SECRET_WORDS,
        re.compile(
            rf"((?:{'|'.join(_SECRET_WORDS)})[\w-]*" + _VALUE % r"[^\s&,;)}\]]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    _Rule(
        ("code=", "state=", "key=", "ticket="),
        re.compile(
            rf"([?&](?:code|key|ticket|state(?!=(?:{'|'.join(LISTED_STATES)})(?![^\s&#'\"])))=)[^\s&#'\"]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    _Rule(("://",), re.compile(r"://[^/@\s:]*:[^/@\s]+@"), f"://{HIDDEN}@"),
)
_DIGITS = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{64})\b")  # what the hub's own tokens and digests look like
_AS_ZEROS = bytes.maketrans(b"123456789abcdef", b"0" * 15)


def _without_what_contains_another(words: set[str]) -> tuple[str, ...]:
    return tuple(sorted(word for word in words if not any(other in word for other in words if other != word)))


_WORDS = _without_what_contains_another({word for rule in _RULES for word in rule.words})


def is_clean(text: str) -> bool:
    """Whether nothing in a text even looks like the beginning of a secret: which most do not, so it is quick."""
    lower = text.lower()
    for word in _WORDS if ":" in text or "=" in text else _ALONE:  # a loop: any() takes three times as long
        if word in lower:
            return False
    return b"0" * 32 not in text.encode("ascii", "replace").translate(_AS_ZEROS)


def scrubbed(text: str) -> str:
    lower = text.lower()
    for words, pattern, instead in _RULES:
        if any(word in lower for word in words):
            text = pattern.sub(instead, text)
    return _DIGITS.sub(HIDDEN, text) if len(text) >= 32 else text


def scrubbed_all(value: Any) -> Any:
    """The same of all texts within lists and objects."""
    match value:
        case str():
            return scrubbed(value)
        case dict():
            return {key: scrubbed_all(item) for key, item in value.items()}
        case list() | tuple():
            return [scrubbed_all(item) for item in value]
        case _:
            return value
