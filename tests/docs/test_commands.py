"""The commands of the documentation are run as they are written, page by page, and print what it says they print.

On a machine of the page's own (machine.py), with Callboard as pip installs it. Files that a page shows with their names
are written there. Pages that take a hub for granted are given one by prepared.py. Those of the first hour are read one
after the other: test_first_hour.py.
"""

from __future__ import annotations

import pytest

from tests.docs.blocks import ALL
from tests.docs.console import Command
from tests.docs.machine import Machine
from tests.docs.prepared import PREPARED
from tests.docs.reader import blocks_of, do, follow, is_run
from tests.docs.test_first_hour import FIRST_HOUR

pytestmark = pytest.mark.slow

PAGES = [
    page for page in dict.fromkeys(block.page for block in ALL if is_run(block)) if page not in FIRST_HOUR
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_done_from_its_beginning_to_its_end(page: str, machine: Machine) -> None:
    for command in PREPARED.get(page, ()):
        do(machine, Command(command, None))
    follow(machine, blocks_of(page))
