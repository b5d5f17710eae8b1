"""Real hubs for the tests in this directory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.slurm import SlurmCluster
from tests.integration.hub import RealHub
from tests.integration.slurm_hub import SlurmHub

MakeHub = Callable[..., RealHub]
MakeSlurmHub = Callable[..., SlurmHub]
SmallDisks = Callable[[int], Path]


@pytest.fixture
def make_hub(tmp_path: Path) -> Iterator[MakeHub]:
    """Makes hubs that are not started yet; at the end nothing of them is left."""
    made: list[RealHub] = []

    def make(**options: Any) -> RealHub:
        hub = RealHub(tmp_path / f"hub{len(made)}", **options)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.close()


@pytest.fixture
def hub(make_hub: MakeHub) -> RealHub:
    """A hub that serves, with the user alice."""
    hub = make_hub()
    hub.start()
    hub.add_user("alice")
    return hub


@pytest.fixture
def make_slurm_hub(slurm: SlurmCluster, tmp_path: Path) -> Iterator[MakeSlurmHub]:
    """Makes hubs that are not started yet; at the end nothing of them is left."""
    made: list[SlurmHub] = []

    def make(*lines: str, **options: list[str]) -> SlurmHub:
        directory = tmp_path / f"hub{len(made)}"
        directory.mkdir()
        hub = SlurmHub(directory, slurm, *lines, **options)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.close()


@pytest.fixture
def small_disks(tmp_path: Path) -> Iterator[SmallDisks]:
    """Makes a file system of so many MiB, which whoever likes may fill."""
    made: list[Path] = []

    def make(size: int) -> Path:
        disk = tmp_path / f"disk-{len(made)}"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip(
                "no file system can be mounted here; tests/unit/core/events/test_room.py has allocations fail instead"
            )
        made.append(disk)
        return disk

    yield make
    for disk in made:  # lazily: a test that failed may still hold a file open
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
