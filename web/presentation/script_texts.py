"""The texts in scripts: literals in calls of `_` and `ngettext`, which are served in the language of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from web.texts.catalogues import catalogue
from web.texts.languages import ENGLISH

_LITERAL = r'"(?:[^"\\\n]|\\.)*"'
_ONE = re.compile(rf"\b_\(\s*({_LITERAL})")
_MANY = re.compile(rf"\bngettext\(\s*({_LITERAL})\s*,\s*({_LITERAL})")


def in_language(script: bytes, language: str) -> bytes:
    """Its literals translated. The number of those of an `ngettext` is the number of forms that the language has."""
    if language == ENGLISH or (b"_(" not in script and b"ngettext(" not in script):
        return script
    known = catalogue(language)

    def one(found: re.Match[str]) -> str:
        return f"_({_literals([known.translations.gettext(json.loads(found[1]))])}"

    def many(found: re.Match[str]) -> str:
        return f"ngettext({_literals(known.forms(json.loads(found[1]), json.loads(found[2])))}"

    return _MANY.sub(many, _ONE.sub(one, script.decode())).encode()


def _literals(texts: Iterable[str]) -> str:
    return ", ".join(json.dumps(text, ensure_ascii=False) for text in texts)
