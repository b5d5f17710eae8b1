"""The commands of the documentation are run as they are written, page by page, and print what it says they print.

On a machine of the page's own (machine.py), with Callboard as pip installs it. Files that a page shows with their names
are written there. Pages that take a hub, or accounts, for granted are given them by prepared.py.
"""

from __future__ import annotations

import shlex

import pytest

from tests.docs.blocks import ALL, Block
from tests.docs.console import Command, commands
from tests.docs.machine import Machine
from tests.docs.prepared import PREPARED

pytestmark = pytest.mark.slow


def is_run(block: Block) -> bool:
    return block.language == "console" and block.note("not run") is None


PAGES = list(dict.fromkeys(block.page for block in ALL if is_run(block)))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_done_from_its_beginning_to_its_end(page: str, machine: Machine) -> None:
    for command in PREPARED.get(page, ()):
        do(machine, Command(command, None))
    for block in (block for block in ALL if block.page == page):
        try:
            carry_out(machine, block)
        except AssertionError as error:
            raise AssertionError(f"docs/{block}: {error}") from None


def carry_out(machine: Machine, block: Block) -> None:
    if is_run(block):
        if block.note("hub stopped") is not None:
            machine.stop_hub()
        *before, last = commands(block.text)
        for command in before:
            do(machine, command)
        do(machine, last, expected=int(block.note("exit") or 0), goes_on=block.note("goes on") is not None)
    elif block.file:
        write(machine, block)
    elif told := block.note("visit"):
        program = f"/opt/callboard/bin/python {machine.work}/visitor.py"
        status, printed = machine.run(f"{program} {shlex.join(shlex.split(told))}")
        assert status == 0, f"{told}\n{printed}"


def write(machine: Machine, block: Block) -> None:
    assert block.file
    name, below = block.file
    end, into = f"END OF {name}", ">>" if below else ">"
    words = f"mkdir -p $(dirname {name}); cat {into} {name} <<'{end}'\n{block.text}{end}"
    assert machine.run(words)[0] == 0


def do(machine: Machine, command: Command, *, expected: int = 0, goes_on: bool = False) -> None:
    status = expected
    if command.serves:
        printed = machine.serve(command.words)
    elif goes_on:
        printed = machine.interrupt(command)
    else:
        status, printed = machine.run(command.words)
    assert status == expected, f"{command.words}\nends with {status}:\n{printed}"
    assert command.agrees(printed), f"{command.words}\nprints\n{printed}"
