"""Somebody who does what a page says: runs its commands, writes its files, opens its pages."""

from __future__ import annotations

import shlex

from tests.docs.blocks import ALL, Block
from tests.docs.console import Command, commands
from tests.docs.machine import Machine


def is_run(block: Block) -> bool:
    return block.language == "console" and block.note("not run") is None


def blocks_of(page: str) -> list[Block]:
    return [block for block in ALL if block.page == page]


def follow(machine: Machine, blocks: list[Block]) -> None:
    """Raises AssertionError, with the page and the line, for what is not as the page says."""
    for block in blocks:
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
        if block.note("hub ends") is not None:
            machine.wait_for_end()
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
