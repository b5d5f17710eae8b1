"""What `make test` and `make test-world` install is what their tests need: none waits until a test asks for it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LISTS = ("debian_packages.txt", "world_packages.txt")
FROM_ELSEWHERE = {
    "nodejs",
    "npm",
    "passwd",
}  # Node.js is often no package of Debian's; Debian is not without the last


def listed() -> dict[str, list[str]]:
    return {
        name: [line.split("#")[0].strip() for line in (TESTS / name).read_text().splitlines()]
        for name in LISTS
    }


@cache
def needed() -> dict[str, set[str]]:
    """By file: the packages that are named in calls of `need`."""
    found = {}
    for path in sorted(TESTS.rglob("*.py")):
        tree = ast.parse(path.read_bytes())
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        calls = [node for node in ast.walk(tree) if _is_need(node)]
        if names := {name for call in calls for name in _packages(call, constants)}:
            found[path.relative_to(TESTS).as_posix()] = names
    return found


def _is_need(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "need"


def _packages(call: ast.AST, constants: dict[str, ast.expr]) -> list[str]:
    assert isinstance(call, ast.Call)
    found: list[str] = []
    for argument in call.args[1:]:
        if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Name):
            found += ast.literal_eval(constants[argument.value.id])
        else:
            found.append(ast.literal_eval(argument))
    return found


@pytest.mark.parametrize("file", needed())
def test_what_a_test_needs_is_in_a_list(file: str) -> None:
    assert needed()[file] - FROM_ELSEWHERE <= {name for names in listed().values() for name in names}


def test_nothing_is_listed_twice() -> None:
    names = [name for of_one in listed().values() for name in of_one]
    assert sorted(set(names)) == sorted(names)
