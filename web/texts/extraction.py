"""`make texts`: gathers all texts from templates, scripts and Python, and brings the catalogues up to date.

What is new in a catalogue waits for its translation; what nobody says any more is dropped. Files are named, lines are
not: a catalogue changes where texts do, and two who add some can do so at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from web.texts import refusals
from web.texts.catalogues import path_of
from web.texts.languages import ENGLISH, LANGUAGES

ROOT = Path(__file__).parents[2]

METHODS = (
    ("web/presentation/templates/*.html", "jinja2"),
    ("web/presentation/static/js/*.js", "javascript"),
    ("web/**.py", "python"),
    *((f"{room}/**.py", refusals.refusals) for room in refusals.ROOMS),
    *((file, refusals.refusals) for file in refusals.FILES),
    *((file, refusals.sentences) for file in refusals.SENTENCES),
)
OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"web/presentation/templates/*.html": {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}
)
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
_OUR_OWN = ("web/texts/",)

_LEFT_OUT = re.compile(  # of the head of a file: what git knows, or nobody
    rb'^"(?:Project-Id-Version|Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team'
    rb'|Generated-By): [^"]*"\n',
    re.MULTILINE,
)


def extracted() -> Catalog:
    """All texts there are, in English, with the files that say them."""
    found = Catalog(project="Callboard", charset="utf-8", fuzzy=False)
    for method in METHODS:  # one after the other: a file may be read by two
        for file, _, text, comments, _ in _of_files(method):
            if not file.startswith(_OUR_OWN):
                found.add(text, None, [(file, 0)], auto_comments=comments)
    return found


def _of_files(method: tuple[str, Any]) -> Iterator[Any]:
    return extract_from_dir(
        ROOT,
        method_map=[method],
        options_map={pattern: dict(options) for pattern, options in OPTIONS.items()},
        keywords=KEYWORDS,
        comment_tags=("Translators:",),
        strip_comment_tags=True,
        directory_filter=lambda path: Path(path).name not in (".venv", "build", "tests", "node_modules"),
    )


def updated(language: str, texts: Catalog) -> bytes:
    """The catalogue of a language with these texts and no others, its translations kept."""
    with path_of(language).open("rb") as file:
        catalogue = read_po(file, locale=language)
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.fuzzy = False
    return written(catalogue)


def written(catalogue: Catalog) -> bytes:
    out = BytesIO()
    write_po(out, catalogue, width=0, sort_output=True, ignore_obsolete=True, include_lineno=False)
    return _LEFT_OUT.sub(b"", out.getvalue())


def main() -> None:
    texts = extracted()
    for language in LANGUAGES.keys() - {ENGLISH}:
        path_of(language).write_bytes(updated(language, texts))


if __name__ == "__main__":
    main()
