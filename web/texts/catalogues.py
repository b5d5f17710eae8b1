"""What the hub says in each language: the files of `catalogues/`, in gettext's format, read once.

They are read as they are written, so that nothing compiled can be older than what it was made from: 700 texts take
some milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from web.texts.languages import ENGLISH

FOLDER = Path(__file__).parent / "catalogues"

PLACE = re.compile(r"\{(\w+)\}")  # of a value in a text


class Pattern(NamedTuple):
    """`text`: as it is in the catalogues, with names in braces. `form`: matches what it looks like with values."""

    text: str
    form: re.Pattern[str]


class Catalogue(NamedTuple):
    """`messages`: as they are in the file. `patterns`: of those that Python says with values, the narrowest first."""

    messages: Catalog
    translations: NullTranslations
    patterns: tuple[Pattern, ...]

    def forms(self, one: str, many: str) -> tuple[str, ...]:
        """Of a text that depends on a number: one for each way the language counts."""
        strings = _strings(self.messages.get(one))
        return strings if len(strings) > 1 and all(strings) else (one, many)


def path_of(language: str) -> Path:
    return FOLDER / f"{language}.po"


@cache
def catalogue(language: str) -> Catalogue:
    if language == ENGLISH:
        return Catalogue(Catalog(ENGLISH), NullTranslations(), ())
    with path_of(language).open("rb") as file:
        messages = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Catalogue(messages, Translations(compiled), tuple(_patterns(messages)))


def _patterns(messages: Catalog) -> Iterator[Pattern]:
    texts = [str(message.id) for message in messages if _is_said_with_values(message)]
    for text in sorted(texts, key=lambda text: -len(PLACE.sub("", text))):
        yield Pattern(text, re.compile(_form(text), re.DOTALL))


def _is_said_with_values(message: Message) -> bool:
    if not isinstance(message.id, str) or not _is_translated(message) or not PLACE.search(message.id):
        return False
    return any(file.endswith(".py") for file, _ in message.locations)


def _form(text: str) -> str:
    seen: set[str] = set()
    pieces = []
    for at, piece in enumerate(PLACE.split(text)):
        if at % 2 == 0:
            pieces.append(re.escape(piece))
        else:
            pieces.append(f"(?P={piece})" if piece in seen else f"(?P<{piece}>.+?)")
            seen.add(piece)
    return "".join(pieces)


def _is_translated(message: Message) -> bool:
    return all(_strings(message))


def _strings(message: Message | None) -> tuple[str, ...]:
    """Of its translation; more than one where it depends on a number."""
    if message is None or not message.string:
        return ("",)
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)
