"""A hub begins an empty or an older log while servers run that it does not know: it ends none of them unasked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.reconcile.mark import PURPOSE, Mark, opened, sealed
from core.secrets.secret_file import derive
from tests.integration.hub import DidNotStart, Process, RealHub, wait_for

pytestmark = pytest.mark.slow

PARTS = ("", "-wal", "-shm")


def running(hub: RealHub, user: str = "alice") -> Process:
    (process,) = hub.server_processes(f"/user/{user}/")
    return process


def start_server(hub: RealHub, user: str = "alice", server: str = "") -> None:
    assert hub.begin(user, server).status_code in (201, 202)
    hub.wait_ready(user, server)


def back_up(hub: RealHub) -> None:
    assert hub.run_another("backup", "backup.sqlite").returncode == 0


def put_back(hub: RealHub) -> None:
    told = hub.run_another("restore", "--force", "backup.sqlite")
    assert told.returncode == 0, told.stderr


def mark_file(hub: RealHub, process: Process) -> Path:
    return hub.directory / "callboard.sqlite-servers" / process.spawn_id / "mark"


def key_of(hub: RealHub) -> bytes:
    return derive(bytes.fromhex((hub.directory / "jupyterhub_cookie_secret").read_text()), PURPOSE)


# --- how a log comes to be older than what runs ---


def restore_a_backup(hub: RealHub) -> None:
    hub.add_user("alice")
    back_up(hub)
    start_server(hub)
    hub.kill()
    put_back(hub)


def lose_the_wal(hub: RealHub) -> None:
    hub.add_user("alice")
    assert hub.terminate() == 0
    hub.start()
    start_server(hub)
    hub.kill()
    for part in PARTS[1:]:
        Path(f"{hub.database}{part}").unlink()


def restore_one_that_then_went_on(hub: RealHub) -> None:
    """The position of the mark is not beyond the head any more: something else is there."""
    restore_a_backup(hub)
    files = mark_file(hub, running(hub)).parent
    aside = files.with_name("elsewhere")
    files.rename(aside)
    hub.start()
    for number in range(30):
        hub.add_user(f"user{number}")
    hub.kill()
    aside.rename(files)


OLDER = [restore_a_backup, lose_the_wal, restore_one_that_then_went_on]


@pytest.mark.parametrize("make_older", OLDER)
def test_the_hub_does_not_begin_unasked_and_ends_nothing(
    hub: RealHub, make_older: Callable[[RealHub], None]
) -> None:
    make_older(hub)
    before = running(hub)
    head = hub.head
    with pytest.raises(DidNotStart) as refused:
        hub.start()
    assert refused.value.status == 1
    (told,) = [line for line in hub.log().splitlines() if line.startswith("callboard: ")]
    assert "alice/" in told
    assert "--adopt" in told
    assert "--end-strays" in told
    assert running(hub) == before
    assert hub.head == head, "nothing is recorded"


def test_meanwhile_the_proxy_still_leads_there(hub: RealHub) -> None:
    restore_a_backup(hub)
    with pytest.raises(DidNotStart):
        hub.start()
    assert hub.page("alice").status_code == 200


@pytest.mark.parametrize("make_older", OLDER)
def test_adopted_they_are_servers_like_any_other(hub: RealHub, make_older: Callable[[RealHub], None]) -> None:
    make_older(hub)
    before = running(hub)
    hub.command.append("--adopt")
    hub.start()
    hub.wait_ready("alice")
    assert running(hub) == before, "it is the same process"
    assert hub.page("alice").status_code == 200
    hub.command.remove("--adopt")
    hub.restart()
    hub.wait_ready("alice")
    assert running(hub) == before, "the next start needs no consent"
    assert hub.end("alice").status_code in (202, 204)
    hub.wait_stopped("alice")
    assert hub.server_processes() == []
    hub.check_log()


def test_one_that_was_adopted_and_that_the_log_then_thought_gone_ends_as_any_stray(hub: RealHub) -> None:
    """Its mark names a position at which this log has something else, yet it is no evidence of a later state."""
    restore_a_backup(hub)
    files = mark_file(hub, running(hub)).parent
    hub.command.append("--adopt")
    hub.start()
    hub.wait_ready("alice")
    hub.kill()
    hub.command.remove("--adopt")
    files.rename(files.with_name("elsewhere"))
    hub.start()
    hub.wait_stopped("alice")
    hub.kill()
    files.with_name("elsewhere").rename(files)
    hub.start()
    wait_for(lambda: hub.server_processes() == [])


def test_users_and_servers_that_the_log_does_not_know_are_made(hub: RealHub) -> None:
    back_up(hub)
    hub.add_user("bob")
    start_server(hub, "bob", "lab")
    hub.kill()
    put_back(hub)
    (before,) = hub.server_processes()
    hub.command.append("--adopt")
    hub.start()
    hub.wait_ready("bob", "lab")
    assert hub.server_processes() == [before]
    assert hub.page("bob", "lab").status_code == 200
    hub.check_log()


def test_ended_where_that_is_wanted(hub: RealHub) -> None:
    restore_a_backup(hub)
    hub.command.append("--end-strays")
    hub.start()
    wait_for(lambda: hub.server_processes() == [])
    assert hub.server("alice")["stopped"]
    hub.command.remove("--end-strays")
    hub.restart()
    hub.check_log()


# --- an empty log ---


def mislay(hub: RealHub) -> None:
    for part in PARTS:
        if (path := Path(f"{hub.database}{part}")).exists():
            path.rename(hub.directory / f"mislaid{part}")


def find_again(hub: RealHub) -> None:
    for part in PARTS:
        Path(f"{hub.database}{part}").unlink(missing_ok=True)
        if (path := hub.directory / f"mislaid{part}").exists():
            shutil.move(path, f"{hub.database}{part}")


def test_a_mislaid_log_costs_no_server(hub: RealHub) -> None:
    hub.add_user("alice")
    start_server(hub)
    before = running(hub)
    hub.kill()
    mislay(hub)
    hub.start()
    wait_for(lambda: f"this log did not start them: {before.spawn_id}" in hub.log())
    assert running(hub) == before
    hub.kill()
    find_again(hub)
    hub.start()
    hub.wait_ready("alice")
    assert running(hub) == before
    hub.check_log()


def test_to_reset_the_log_is_consent(hub: RealHub) -> None:
    hub.add_user("alice")
    start_server(hub)
    hub.kill()
    hub.configure("c.JupyterHub.reset_db = True\n")
    hub.start()
    wait_for(lambda: hub.server_processes() == [])


# --- marks that nobody but the hub can make ---


def test_the_mark_says_where_the_log_knows_of_it(hub: RealHub) -> None:
    hub.add_user("alice")
    start_server(hub)
    process = running(hub)
    mark = opened(mark_file(hub, process).read_text(), key_of(hub))
    assert mark is not None
    (requested,) = [event for event in hub.events() if event.type == "server.spawn-requested"]
    assert (mark.position, mark.spawn_id) == (requested.position, process.spawn_id)
    assert (mark.user, mark.server) == ("alice", "")


def another_logs(hub: RealHub, process: Process) -> str:
    return sealed(Mark("f" * 16, 10_000, process.spawn_id, "alice", ""), key_of(hub))


def another_secret(hub: RealHub, process: Process) -> str:
    true = opened(mark_file(hub, process).read_text(), key_of(hub))
    assert true is not None
    return sealed(Mark(true.log, 10_000, process.spawn_id, "alice", ""), b"guessed")


def anothers(hub: RealHub, process: Process) -> str:
    true = opened(mark_file(hub, process).read_text(), key_of(hub))
    assert true is not None
    return sealed(Mark(true.log, 10_000, "s" + 25 * "0", "alice", ""), key_of(hub))


@pytest.mark.parametrize(
    "forge", [another_logs, another_secret, anothers, lambda *_: "", lambda *_: "nonsense"]
)
def test_a_forged_mark_neither_stops_the_hub_nor_ends_a_server(
    hub: RealHub, forge: Callable[[RealHub, Process], str]
) -> None:
    restore_a_backup(hub)
    process = running(hub)
    mark_file(hub, process).write_text(forge(hub, process))
    hub.start()
    wait_for(lambda: f"this log did not start them: {process.spawn_id}" in hub.log())
    assert running(hub) == process
