"""Machines for pages, each with Callboard at /opt/callboard, installed there as docs/installing.md says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import oidc_provider
from tests.docs import blocks, visitor
from tests.docs.console import commands
from tests.docs.machine import Machine
from tests.wheel.wheelhouse import make_wheelhouse

MakeMachine = Callable[[], Machine]


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "wheelhouse"
    make_wheelhouse(folder, "plugins", "singleuser", beside=["jupyterhub-idle-culler"])
    return folder


@pytest.fixture(scope="session")
def opt(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is at /opt/callboard after the first commands of docs/installing.md."""
    folder = tmp_path_factory.mktemp("opt") / "callboard"
    folder.mkdir()
    folder.chmod(0o755)
    machine = Machine(folder.with_name("machine"), opt=folder, wheelhouse=wheelhouse)
    first = next(
        block for block in blocks.blocks(blocks.DOCS / "installing.md") if block.language == "console"
    )
    for command in commands(first.text):
        status, printed = machine.run(command.words)
        assert status == 0, printed
    machine.close()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def machine(opt: Path, wheelhouse: Path, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "machine", opt=opt, wheelhouse=wheelhouse)
    for program in (visitor, oidc_provider):
        shutil.copy(str(program.__file__), machine.work)
    yield machine
    machine.close()
