"""Engines for tests: started when the first test asks, shared by all that follow, ended with the run.

A test gets an engine that works, whatever the last one did to it, and has to end what it started there: what is
left afterwards is removed, and fails that test. What is left of the engines at the end fails the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import pytest

from tests.engines.docker import DockerEngine
from tests.engines.ldap import LdapServer
from tests.engines.leaks import CHECKED
from tests.engines.slurm import SlurmCluster


class Engine(Protocol):
    name: str

    def start(self) -> None: ...
    def revive(self) -> None: ...
    def leftovers(self) -> list[str]: ...
    def remove_leftovers(self) -> None: ...
    def close(self) -> list[str]: ...


AnEngine = TypeVar("AnEngine", bound=Engine)


@contextmanager
def _for_the_run(engine: AnEngine, config: pytest.Config) -> Iterator[AnEngine]:
    try:
        engine.start()
        yield engine
    finally:
        left = engine.close()
        said = ", ".join(left) or "nothing is left"
        config.stash.setdefault(CHECKED, []).append(f"{engine.name}: {said}")
    assert not left, f"left of {engine.name}: {left}"


def _for_a_test(engine: AnEngine) -> Iterator[AnEngine]:
    engine.revive()
    yield engine
    engine.revive()
    left = engine.leftovers()
    engine.remove_leftovers()
    assert not left, f"this test has left in {engine.name}: {left}"


@pytest.fixture(scope="session")
def docker_of_the_run(pytestconfig: pytest.Config) -> Iterator[DockerEngine]:
    with _for_the_run(DockerEngine(), pytestconfig) as engine:
        yield engine


@pytest.fixture
def docker(docker_of_the_run: DockerEngine) -> Iterator[DockerEngine]:
    """A Docker engine that has the image `PYTHON_IMAGE` and nothing else. The test runs as root."""
    yield from _for_a_test(docker_of_the_run)


@pytest.fixture(scope="session")
def slurm_of_the_run(pytestconfig: pytest.Config) -> Iterator[SlurmCluster]:
    with _for_the_run(SlurmCluster(), pytestconfig) as cluster:
        yield cluster


@pytest.fixture
def slurm(slurm_of_the_run: SlurmCluster) -> Iterator[SlurmCluster]:
    """A Slurm of three idle nodes."""
    yield from _for_a_test(slurm_of_the_run)


@pytest.fixture(scope="session")
def wide_slurm_of_the_run(pytestconfig: pytest.Config) -> Iterator[SlurmCluster]:
    with _for_the_run(SlurmCluster(cpus=100), pytestconfig) as cluster:
        yield cluster


@pytest.fixture
def wide_slurm(wide_slurm_of_the_run: SlurmCluster) -> Iterator[SlurmCluster]:
    """A Slurm of three idle nodes, each of which says that it has a hundred CPUs."""
    yield from _for_a_test(wide_slurm_of_the_run)


@pytest.fixture(scope="session")
def ldap_of_the_run(pytestconfig: pytest.Config) -> Iterator[LdapServer]:
    with _for_the_run(LdapServer(), pytestconfig) as server:
        yield server


@pytest.fixture
def ldap(ldap_of_the_run: LdapServer) -> Iterator[LdapServer]:
    """A directory with alice and bob."""
    yield from _for_a_test(ldap_of_the_run)
