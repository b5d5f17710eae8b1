"""A wheel for all tests here, and an environment with nothing in it but what that wheel asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wheel.installed import Installed
from tests.wheel.wheelhouse import make_wheelhouse


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wheelhouse(tmp_path_factory.mktemp("wheel") / "house")


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed") / "callboard", wheel.parent, "callboard")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder
