"""`--world-page FILE`: what a run has tried with which engines and plug-ins, when and how it went, as a page."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.engines.leaks import CHECKED

PACKAGES = (
    "docker.io",
    "containerd",
    "slurm-wlm",
    "munge",
    "slapd",
    "sudo",
    "postgresql",
    "mariadb-server",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--world-page", type=Path, help="write what was tried, and how it went, to this page")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--world-page"):
        config.pluginmanager.register(WorldPage(config.getoption("--world-page")))


class WorldPage:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._began = datetime.now(UTC)
        self._outcomes: dict[str, str] = {}
        self._seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The worst of setting up, running and tearing down."""
        test = report.nodeid
        self._seconds[test] = self._seconds.get(test, 0) + report.duration
        if not report.passed or test not in self._outcomes:
            self._outcomes[test] = report.outcome

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, config: pytest.Config) -> None:
        self._file.write_text(self.text(config.stash.get(CHECKED, [])))

    def text(self, leak_check: list[str]) -> str:
        passed = sum(outcome == "passed" for outcome in self._outcomes.values())
        lines = [
            "# What was tried with real engines and plug-ins",
            "",
            f"Written by `make test-world`, {self._began:%Y-%m-%d %H:%M} UTC; do not edit.",
            f"{passed} of {len(self._outcomes)} tests passed, in {sum(self._seconds.values()):.0f} s, "
            f"with Python {platform.python_version()} and {versions(PACKAGES)}.",
            "",
            *(f"Left behind: {line}." for line in leak_check),
            "",
            "| test | outcome | seconds |",
            "|---|---|---|",
            *(
                f"| {told(test)} | {outcome} | {self._seconds[test]:.1f} |"
                for test, outcome in sorted(self._outcomes.items())
            ),
        ]
        return "\n".join(lines) + "\n"


def told(test: str) -> str:
    """A test's name as a sentence, after its file's."""
    file, _, name = test.partition("::")
    return f"`{Path(file).stem.removeprefix('test_')}`: {name.removeprefix('test_').replace('_', ' ')}"


def versions(packages: tuple[str, ...]) -> str:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.removesuffix(", ")
