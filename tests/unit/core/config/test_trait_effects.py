"""Every option of JupyterHub's that acts here has a test of what it does: trait_effects.txt says which.

An option that begins to act wants a line here; one whose test has gone is missed.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from core.config.notes import reason
from spawners.configuration import NAMES

TESTS = Path(__file__).parents[3]


def table() -> dict[tuple[str, str], str]:
    found, section = {}, ""
    for line in (TESTS / "trait_effects.txt").read_text().splitlines()[1:]:
        *traits, last = line.split() or [""]
        if not line.startswith(" "):
            section = last
        for trait in traits:
            found[section, trait] = last
    return found


TABLE = table()


def test_all_that_acts_is_in_the_table() -> None:
    acting = {
        (section, trait)
        for section, traits in NAMES.known.items()
        for trait in traits & NAMES.acting_traits(section)
    }
    assert TABLE.keys() == acting


def test_what_does_not_act_is_said_to_be_ignored_or_not_yet() -> None:
    """Of the options in the table of names; `reason` gives the words for those that never will."""
    assert reason(["JupyterHub"], "debug_db")
    assert not reason(["JupyterHub"], "internal_ssl")


@pytest.mark.parametrize(
    ("option", "place"), [pytest.param(*item, id=".".join(item[0])) for item in TABLE.items()]
)
def test_the_test_of_an_option_is_there_and_is_about_it(option: tuple[str, str], place: str) -> None:
    """It, or the file of configuration that it reads, names the option."""
    path, _, name = place.partition("::")
    text = (TESTS / path).read_text()
    source = function(text, name) if name else text
    read = [file.read_text() for file in (TESTS / "configs").glob("*.py") if f'"{file.name}"' in source]
    assert re.search(rf"\b{option[1]}\b", "\n".join([source, *read])), f"{place} says nothing of it"


def function(text: str, name: str) -> str:
    """With its decorators."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    raise AssertionError(f"there is no {name}")
