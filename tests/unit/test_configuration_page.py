"""What docs/configuration.md shows works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spawners.configuration import load_settings

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("lines", EXAMPLES)
def test_every_example_is_a_configuration(lines: str, tmp_path: Path) -> None:
    file = tmp_path / "hub.py"
    file.write_text(lines)
    _, notes = load_settings([file], [])
    assert [str(note) for note in notes] == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8
