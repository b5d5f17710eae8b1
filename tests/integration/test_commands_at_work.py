"""Commands that read the log of a hub that is at work: verify, backup, log --follow, replay, export."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import projections
from core.events.file.database import open_for_reading
from core.events.file.heads import noted_heads
from core.events.file.verify import verify
from core.events.file.writer import Writer
from core.events.log.append_request import AppendRequest
from projections.rebuild import drift
from tests.integration.hub import CALLBOARD, RealHub, wait_for
from tests.logs import BY, created


@contextmanager
def appending(path: str, count: int) -> Iterator[None]:
    """A writer that appends that many users, one commit each, before and while the body runs."""
    stop = threading.Event()

    def append() -> None:
        writer = Writer(path, projections.ALL)
        for number in range(count):
            if stop.is_set():
                break
            writer.commit([AppendRequest([created(number)], BY)])
        writer.close()

    thread = threading.Thread(target=append)
    thread.start()
    try:
        wait_for(lambda: os.path.exists(path) and os.path.exists(f"{path}-wal"))
        yield
    finally:
        stop.set()
        thread.join()


def callboard(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CALLBOARD, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_verify_never_cries_wolf_while_events_are_recorded(tmp_path: Path) -> None:
    path = str(tmp_path / "log.sqlite")
    with appending(path, 1_000_000):
        wait_for(lambda: callboard("verify", "--db", path).returncode == 0)
        heads = []
        for _ in range(12):
            said = callboard("verify", "--db", path, "--json")
            assert said.returncode == 0, said.stdout + said.stderr
            heads.append(json.loads(said.stdout)["head"]["position"])
    assert heads == sorted(set(heads)), "it was at work"


@pytest.mark.slow
def test_a_backup_while_a_thousand_events_are_recorded_is_sound(tmp_path: Path) -> None:
    path, copies = (
        str(tmp_path / "log.sqlite"),
        [str(tmp_path / f"copy{number}.sqlite") for number in range(4)],
    )
    with appending(path, 1_000_000):
        wait_for(lambda: open_for_reading(path).execute("SELECT count(*) > 200 FROM events").fetchone()[0])
        began = verify(path).position
        for copy in copies:
            said = callboard("backup", "--db", path, copy)
            assert said.returncode == 0, said.stderr
        wait_for(lambda: verify(path).position > began + 1000)
    for number, copy in enumerate(copies):
        restored = str(tmp_path / f"restored{number}.sqlite")
        assert callboard("restore", "--db", restored, copy).returncode == 0
        head = verify(restored, *noted_heads(copy))
        assert began <= head.position
        log = open_for_reading(restored)
        assert drift(log, projections.ALL) == []
        log.close()
    assert callboard("verify", "--db", path).returncode == 0


def test_the_end_of_a_hub_is_noted(hub: RealHub) -> None:
    assert hub.run_another("verify", "-f", "hub_config.py").returncode == 0
    assert hub.terminate() == 0
    (head,) = noted_heads(str(hub.database))
    assert head.position == hub.head
    said = hub.run_another("verify", "-f", "hub_config.py")
    assert (said.returncode, "heads noted earlier: 1" in said.stdout) == (0, True)


def test_a_restored_log_is_one_that_a_hub_goes_on_with(hub: RealHub) -> None:
    backup = str(hub.directory / "backup.sqlite")
    assert hub.run_another("backup", "-f", "hub_config.py", backup).returncode == 0
    hub.add_user("bob")
    refused = hub.run_another("restore", "-f", "hub_config.py", backup, "--force")
    assert (refused.returncode, "is running on" in refused.stderr) == (1, True)
    assert hub.terminate() == 0
    assert hub.run_another("restore", "-f", "hub_config.py", backup, "--force").returncode == 0
    hub.start()
    assert hub.api("GET", "/users/bob").status_code == 404
    assert hub.user("alice")["name"] == "alice"
    hub.check_log()


def test_what_is_followed_is_shown_once_each(hub: RealHub) -> None:
    command = [CALLBOARD, "log", "--db", str(hub.database), "--json", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        before = hub.head
        seen: list[int] = []
        while len(seen) < before:
            seen.append(json.loads(process.stdout.readline())["position"])
        for name in ("bob", "carol", "dave"):
            hub.add_user(name)
            seen.append(json.loads(process.stdout.readline())["position"])
        assert seen == list(range(1, before + 4))
        assert select.select([process.stdout], [], [], 0.5)[0] == []
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_a_reader_that_goes_away_is_no_error(hub: RealHub) -> None:
    for _ in range(3):
        hub.token_of("alice")
    line = f"{CALLBOARD} log --db {hub.database} --follow | head -n 1"
    with subprocess.Popen(["/bin/sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(1)
        hub.add_user("bob")  # so that it writes once more
        out, err = process.communicate(timeout=20)
    assert out.count(b"\n") == 1
    assert err == b""


def test_replay_and_export_beside_a_hub(hub: RealHub) -> None:
    hub.begin("alice")
    ready = hub.wait_ready("alice")
    hub.end("alice")
    hub.wait_stopped("alice")
    (position,) = [event.position for event in hub.events("alice") if event.type == "server.ready"]
    said = hub.run_another("replay", "-f", "hub_config.py", "--at", str(position), "--server", "alice/")
    then = json.loads(said.stdout)
    del ready["state"], ready["servers"]
    assert {**then, "last_activity": ready["last_activity"]} == ready
    exported = hub.run_another("export", "-f", "hub_config.py", "users").stdout
    assert [json.loads(line)["name"] for line in exported.splitlines()] == ["admin", "alice"]


def test_a_shell_can_complete() -> None:
    environment = {
        **os.environ,
        "_CALLBOARD_COMPLETE": "bash_complete",
        "COMP_WORDS": "callboard re",
        "COMP_CWORD": "1",
    }
    said = subprocess.run(
        [CALLBOARD], env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert [line.partition(",")[2] for line in said.stdout.splitlines()] == [
        "reload",
        "replay",
        "rebuild",
        "restore",
    ]


def test_a_hub_says_what_it_does_and_goes_on(hub: RealHub) -> None:
    os.kill(hub.pid, signal.SIGUSR1)
    said = wait_for(lambda: "open files" in hub.log() and hub.log())
    assert f"pid {hub.pid}, " in said
    assert " tasks:" in said
    assert "thread " in said
    assert hub.user("alice")["name"] == "alice"
