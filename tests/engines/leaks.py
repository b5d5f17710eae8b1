"""What tests have left in engines: said at the end of a run."""

from __future__ import annotations

import pytest

CHECKED = pytest.StashKey[list[str]]()  # a line for each engine that has been ended


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(CHECKED, []):
        terminalreporter.write_line(f"leak check: {line}")
