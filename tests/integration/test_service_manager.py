"""A hub as a service: what it tells of its state, and units that systemd understands."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import BIN, wait_for

pytestmark = pytest.mark.slow

UNITS = sorted((Path(__file__).parents[2] / "deploy/systemd").glob("*.service"))


def test_a_service_manager_is_told_of_the_hubs_state(make_hub: MakeHub, tmp_path: Path) -> None:
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.setblocking(False)

        def has_told(line: str) -> bool:
            while True:
                try:
                    told.extend(channel.recv(4096).decode().splitlines())
                except BlockingIOError:
                    return line in told

        hub = make_hub()
        hub.start(environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"})
        wait_for(lambda: has_told("READY=1"))
        hub.add_user("alice")
        hub.begin("alice")
        hub.wait_ready("alice")
        assert (
            not {"NOTIFY_SOCKET", "WATCHDOG_USEC"}
            & hub.page("alice", rest="self").json()["environment"].keys()
        )
        before = told.count("WATCHDOG=1")
        wait_for(lambda: has_told("WATCHDOG=1") and told.count("WATCHDOG=1") > before)
        told.clear()
        assert hub.process is not None
        os.kill(hub.process.pid, signal.SIGHUP)
        wait_for(lambda: has_told("RELOADING=1") and has_told("READY=1"))
        assert any(line.startswith("MONOTONIC_USEC=") for line in told)
        assert hub.terminate() == 0
        assert has_told("STOPPING=1")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "the Debian package systemd is missing"
    for other in UNITS:
        text = other.read_text().replace("/opt/callboard/bin/callboard", str(BIN / "callboard"))
        (tmp_path / other.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if unit.name in line]
    assert said == []
