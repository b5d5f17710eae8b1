"""The first hour: its pages one after the other, as the table of contents has them, by somebody with an empty machine.

Callboard is what pip installs there from its wheel; the tree of the tests is hidden. What one page leaves behind is
there for the next.
"""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import DOCS, ROOT
from tests.docs.console import Command
from tests.docs.machine import Machine
from tests.docs.prepared import PROVIDER
from tests.docs.reader import blocks_of, do, follow

pytestmark = pytest.mark.slow

_CONTENTS = re.compile(r"```{toctree}\n:hidden:\n:caption: The first hour\n\n(.*?)```", re.DOTALL)


def first_hour() -> list[str]:
    """Names of pages, in the order in which they are read."""
    (pages,) = _CONTENTS.findall((DOCS / "index.md").read_text())
    return [f"{name}.md" for name in pages.split()]


FIRST_HOUR = first_hour()


def test_it_has_all_pages_that_are_said_to_be_of_it() -> None:
    there = {str(page.relative_to(DOCS)) for page in (DOCS / "first-hour").iterdir()}
    assert set(FIRST_HOUR) == there | {"installing.md"}


def test_it_is_done_from_its_beginning_to_its_end(fresh: Machine) -> None:
    for command in PROVIDER:
        do(fresh, Command(command, None))
    for page in FIRST_HOUR:
        follow(fresh, blocks_of(page)[1:] if page == "installing.md" else blocks_of(page))
    for name in ("core", "projections", "spawners", "web"):
        place = fresh.run(f"/opt/callboard/bin/python -c 'import {name}; print({name}.__path__[0])'")[1]
        assert place.startswith("/opt/callboard/lib/")
    assert fresh.run(f"ls -A {ROOT}") == (0, "")
