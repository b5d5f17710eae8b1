"""What README.md, CONTRIBUTING.md and docs/ say about where things are: all of it is there, and every room is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
NAMED = re.compile(r"`((?:core|projections|spawners|web|tests|docs|benchmarks)/[\w/.-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    missing = {name for name in NAMED.findall(page.read_text()) if not (ROOT / name).exists()}
    assert missing == set()


@pytest.mark.parametrize("building", ["core", "web"])
def test_every_room_is_in_the_table_of_rooms(building: str) -> None:
    (rows,) = re.findall(
        rf"\| room of {building} \|.*?\n\n", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL
    )
    named = set(re.findall(r"`([\w.]+)`", rows))
    rooms = {path.parent.name for path in (ROOT / building).glob("*/__init__.py")}
    assert rooms <= named, f"say in CONTRIBUTING.md what is in {', '.join(sorted(rooms - named))}"


@pytest.mark.parametrize("building", ["core", "projections", "spawners", "web"])
def test_unit_tests_are_in_rooms_of_the_code(building: str) -> None:
    tests = ROOT / "tests/unit"
    rooms = {path.parent.relative_to(tests) for path in (tests / building).rglob("test_*.py")}
    assert rooms
    assert {str(room) for room in rooms if not (ROOT / room).is_dir()} <= {"core/actors/servers/life"}
