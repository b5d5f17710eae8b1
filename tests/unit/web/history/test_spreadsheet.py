"""People choose names, and an administrator opens a file with them in a spreadsheet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from web.commands.past.export import _csv
from web.history.spreadsheet import cell
from web.history.usage import Usage, as_csv
from web.history.use import Use


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_is_no_formula(begin: str) -> None:
    assert cell(f'{begin}HYPERLINK("x")') == f'\'{begin}HYPERLINK("x")'


@pytest.mark.parametrize("value", ["alice", "a=b", "", "'", -1, -0.5, None])
def test_all_else_is_as_it_was(value: Any) -> None:
    assert cell(value) == value


def test_files_of_use_have_no_formulas() -> None:
    use = Use("=1+1", 1.0, 2, 0, -0.5, None)
    now = datetime.now(UTC).isoformat()
    lines = as_csv(Usage(now, now, "user", [use], use)).splitlines()
    assert lines[1] == "'=1+1,1.0,2,0,-0.5,"


def test_exported_models_have_no_formulas() -> None:
    written: list[str] = []

    class File:
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    _csv(File())({"name": "@SUM(1)", "groups": ["=1"], "number": -1})  # type: ignore[arg-type]
    assert written == ["name,groups,number\n", '\'@SUM(1),"[""=1""]",-1\n']
