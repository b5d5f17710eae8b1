"""What a page shows in blocks, and what is said of them in comments, which readers do not see.

<!-- not run: it takes a cluster -->       the block below is not run, and why
<!-- goes on -->                           its command does not end by itself: it is interrupted once all is there
<!-- hub stopped -->                       the hub that runs is ended before
<!-- hub ends -->                         its commands have the hub end, and it does
<!-- exit 1 -->                            it ends with this code
<!-- with: authenticators -->              the configuration below wants the plug-ins of that environment of the tests
<!-- program -->                           the Python below is a program, no configuration
<!-- visit: alice:secret /hub/home "My servers" -->   somebody logs in, goes there, and reads that
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if path.parent.name != "decisions"))
NOTES = ("not run", "goes on", "hub stopped", "hub ends", "exit", "with", "program", "visit")

_NOTE = re.compile(r"<!-- (" + "|".join(NOTES) + r")\b:?\s*(.*?)\s*-->\s*", re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.\w+)(, below the rest)?$")


class Note(NamedTuple):
    name: str
    text: str


class Block(NamedTuple):
    """`line`: where it begins. `notes`: those right above it. Without a language: indented, or a visit alone."""

    page: str
    line: int
    language: str
    text: str
    notes: tuple[Note, ...]

    def note(self, name: str) -> str | None:
        """What is said under this name; None where nothing is."""
        return next((note.text for note in self.notes if note.name == name), None)

    @property
    def file(self) -> tuple[str, bool] | None:
        """The file that it is, where its first line names one, and whether it goes below what is there."""
        found = _FILE.match(self.text.partition("\n")[0])
        return (found[1], found[2] is not None) if found else None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS if DOCS in page.parents else ROOT))


def blocks(page: Path) -> Iterator[Block]:
    """In order. What is said of no block is one without text."""
    notes: list[Note] = []
    for token in MarkdownIt("commonmark").parse(page.read_text()):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "html_block" and (found := _NOTE.fullmatch(token.content)):
            notes.append(Note(found[1], found[2]))
            if found[1] == "visit":
                yield Block(name_of(page), line, "", "", (notes.pop(),))
        elif token.type in ("fence", "code_block"):
            yield Block(name_of(page), line, token.info.strip(), token.content, tuple(notes))
            notes = []
        elif token.type != "html_block":
            assert token.type.endswith("_close") or not notes, (
                f"{name_of(page)}:{line}: {notes} is about nothing"
            )


ALL = tuple(block for page in PAGES for block in blocks(page))
