"""Machines for pages, each with Callboard at /opt/callboard, installed there as docs/installing.md says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import oidc_provider
from tests.docs import visitor
from tests.docs.machine import Machine
from tests.docs.reader import blocks_of, follow
from tests.wheel.wheelhouse import make_wheelhouse


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "wheelhouse"
    make_wheelhouse(folder, "plugins", "singleuser", beside=["jupyterhub-idle-culler"])
    return folder


@pytest.fixture(scope="session")
def opt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is at /opt/callboard: empty until somebody installs it there."""
    folder = tmp_path_factory.mktemp("opt") / "callboard"
    folder.mkdir()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def make_machine(work: Path, opt: Path, wheelhouse: Path) -> Machine:
    machine = Machine(work, opt=opt, wheelhouse=wheelhouse)
    for program in (visitor, oidc_provider):
        shutil.copy(str(program.__file__), machine.work)
    return machine


@pytest.fixture(scope="session")
def fresh(opt: Path, wheelhouse: Path) -> Iterator[Machine]:
    """The machine on which the first commands of docs/installing.md have just been followed, in an empty folder."""
    machine = make_machine(opt.with_name("machine"), opt, wheelhouse)
    follow(machine, blocks_of("installing.md")[:1])
    yield machine
    machine.close()


@pytest.fixture
def machine(fresh: Machine, opt: Path, wheelhouse: Path, tmp_path: Path) -> Iterator[Machine]:
    """Another one, with the same /opt/callboard."""
    machine = make_machine(tmp_path / "machine", opt, wheelhouse)
    yield machine
    machine.close()
