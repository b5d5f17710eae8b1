"""A hub ends, in order or not, and another takes over: what runs goes on, what was known is known."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import DidNotStart, Process, RealHub, children, free_ports, wait_for

pytestmark = pytest.mark.slow

KEEP_SERVERS = "c.JupyterHub.cleanup_servers = False\n"
KEEP_PROXY = "c.JupyterHub.cleanup_proxy = False\n"
AT_ONCE = 'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}\n'


@contextlib.contextmanager
def ticking(hub: RealHub, user: str) -> Iterator[list[int]]:
    """A reply of the user's server that never ends, read all the while; what has come of it."""
    came: list[int] = []
    with hub.stream(f"/user/{user}/ticks") as lines:
        assert lines.status == 200

        def read() -> None:
            with contextlib.suppress(OSError):
                came.extend(map(int, lines))

        reader = threading.Thread(target=read)
        reader.start()
        wait_for(lambda: came)
        try:
            yield came
        finally:
            lines.hang_up()
            reader.join()


def goes_on(came: list[int]) -> bool:
    """Whether more comes; nothing of it was lost."""
    before = len(came)
    wait_for(lambda: len(came) > before + 2)
    return came == list(range(len(came)))


def running(hub: RealHub, user: str = "alice") -> Process:
    (process,) = hub.server_processes(f"/user/{user}/")
    return process


# --- an orderly end ---


def test_sigterm_ends_everything_by_default(hub: RealHub) -> None:
    hub.begin("alice")
    hub.wait_ready("alice")
    began = time.monotonic()
    assert hub.terminate() == 0
    assert time.monotonic() - began < 4
    assert hub.processes() == []
    assert [event.type for event in hub.events()][-1] == "hub.stopped"
    assert hub.story("alice")[-2:] == ["stop-requested", "stopped"]
    hub.check_log()


def test_sigint_does_too(hub: RealHub) -> None:
    os.kill(hub.pid, signal.SIGINT)
    assert hub.wait_end() == 0
    assert hub.processes() == []


def test_servers_that_are_kept_are_adopted(make_hub: MakeHub) -> None:
    hub = make_hub(config=KEEP_SERVERS)
    hub.start()
    hub.add_user("alice")
    token = hub.token_of("alice")
    hub.begin("alice", json={"user_options": {"size": 3}})
    before = hub.wait_ready("alice")
    server = running(hub)
    assert hub.terminate() == 0
    assert hub.proxies() == []
    assert running(hub) == server
    hub.start()
    after = hub.wait_ready("alice")
    assert running(hub) == server
    assert after["started"] == before["started"]
    assert after["user_options"] == {"size": 3}
    assert hub.page("alice").json()["pid"] == server.pid
    assert hub.story("alice")[-2:] == ["ready", "adopted"]
    assert hub.api("GET", "/user", token=token).json()["name"] == "alice"
    own_token = server.environment["JUPYTERHUB_API_TOKEN"]
    assert hub.api("GET", "/user", token=own_token).json()["name"] == "alice"
    hub.end("alice")
    hub.wait_stopped("alice")
    assert hub.api("GET", "/user", token=own_token).status_code == 403
    hub.check_log()


def test_a_server_is_pending_check_until_it_has_answered(make_hub: MakeHub) -> None:
    hub = make_hub(config=KEEP_SERVERS + KEEP_PROXY)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    server = running(hub)
    hub.kill()
    os.kill(server.pid, signal.SIGSTOP)  # it runs, but does not answer
    try:
        hub.start()
        model = hub.server("alice")
        assert (model["pending"], model["ready"], model["stopped"]) == ("check", False, False)
        refused = hub.begin("alice")
        assert refused.status_code == 400
        assert "check" in refused.json()["message"]
    finally:
        os.kill(server.pid, signal.SIGCONT)
    hub.wait_ready("alice")
    assert running(hub) == server


def test_a_checked_server_can_be_stopped(make_hub: MakeHub) -> None:
    hub = make_hub(config="c.SimpleLocalProcessSpawner.interrupt_timeout = 1\n" + AT_ONCE)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    server = running(hub)
    hub.kill()
    os.kill(server.pid, signal.SIGSTOP)
    hub.start()
    assert hub.server("alice")["pending"] == "check"
    assert hub.end("alice").status_code == 202
    os.kill(server.pid, signal.SIGCONT)
    hub.wait_stopped("alice")
    assert hub.server_processes() == []


def test_a_kept_proxy_serves_on(make_hub: MakeHub) -> None:
    """Connections through it are not cut, servers stay reachable, hub pages say that the hub is away."""
    hub = make_hub(config=KEEP_SERVERS + KEEP_PROXY)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    proxy = hub.proxy_pid()
    server = running(hub)
    with ticking(hub, "alice") as came:
        assert hub.terminate() == 0
        assert goes_on(came)
        assert hub.page("alice").json()["pid"] == server.pid
        for path in ("/hub/api", "/hub/api/users", "/hub/home", "/user/nobody/api"):
            away = hub.request("GET", path)
            assert away.status_code == 503
            assert "hub is away" in away.text
        home = hub.request("GET", "/hub/home", headers={"Accept": "text/html"})
        assert (home.status_code, home.headers["Retry-After"]) == (503, "2")
        assert "looks again by itself" in home.text
        hub.start()
        assert goes_on(came)
        hub.restart()  # and killed
        assert goes_on(came)
    assert hub.proxy_pid() == proxy
    assert len(hub.proxies()) == 1
    assert running(hub) == server
    hub.configure("")
    hub.kill()
    hub.start()
    assert hub.proxy_pid() == proxy
    assert hub.terminate() == 0
    assert hub.processes() == []


def test_servers_end_and_the_proxy_stays(make_hub: MakeHub) -> None:
    """The proxy has learned that the route has gone before the hub has."""
    hub = make_hub(config=KEEP_PROXY)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    assert hub.terminate() == 0
    assert hub.server_processes() == []
    away = hub.page("alice")
    assert away.status_code == 503
    assert "hub is away" in away.text  # not "the server does not answer": its route has gone
    hub.start()
    assert hub.page("alice").status_code == 302


def test_another_proxy_takes_the_place_of_one_with_other_settings(make_hub: MakeHub) -> None:
    hub = make_hub(config=KEEP_PROXY)
    hub.start()
    before = hub.proxy_pid()
    hub.kill()
    hub.configure(KEEP_PROXY + "c.JupyterHub.last_activity_interval = 60")
    hub.start()
    assert hub.proxy_pid() != before
    assert [process.pid for process in hub.proxies()] == [hub.proxy_pid()]
    assert hub.api("GET", "").status_code == 200


def test_another_proxy_takes_the_place_of_one_that_knows_another_secret(make_hub: MakeHub) -> None:
    hub = make_hub(config=KEEP_PROXY)
    hub.start()
    before = hub.proxy_pid()
    hub.kill()
    (hub.directory / "jupyterhub_cookie_secret").unlink()
    hub.start()
    assert hub.proxy_pid() != before
    assert hub.api("GET", "").status_code == 200


@pytest.mark.parametrize("keep", ["", KEEP_SERVERS])
def test_sigterm_while_a_server_is_starting(make_hub: MakeHub, keep: str) -> None:
    hub = make_hub(config=keep + AT_ONCE)
    hub.behave("alice", slow=2)
    hub.start()
    hub.add_user("alice")
    assert hub.begin("alice").status_code == 202
    server = hub.wait_begun("alice")
    began = time.monotonic()
    assert hub.terminate() == 0
    assert time.monotonic() - began < 6
    if keep:
        hub.start()
        assert hub.wait_ready("alice")
        assert running(hub) == server
    else:
        assert hub.server_processes() == []
        assert hub.story("alice")[-2:] == ["spawn-cancelled", "stopped"]
    hub.check_log()


def test_who_waits_for_a_start_is_answered_before_the_hub_ends(make_hub: MakeHub) -> None:
    hub = make_hub(config=KEEP_SERVERS + KEEP_PROXY)
    hub.behave("alice", slow=8)
    hub.start()
    hub.add_user("alice")
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(hub.begin("alice").status_code))
    waiting.start()
    hub.wait_begun("alice")
    began = time.monotonic()
    assert hub.terminate() == 0
    assert time.monotonic() - began < 2
    waiting.join()
    assert answers == [202]


def test_those_who_only_listen_do_not_keep_the_hub_from_ending(make_hub: MakeHub) -> None:
    """Event streams end, idle connections are closed: both at once, directly and through the proxy."""
    hub = make_hub(config=KEEP_SERVERS)
    hub.behave("alice", slow=60)
    hub.start()
    hub.add_user("alice")
    waiting = threading.Thread(target=hub.begin, args=("alice",))
    waiting.start()
    hub.wait_begun("alice")
    path = "/hub/api/users/alice/server/progress"
    with (
        hub.stream(path, direct=True) as direct,
        hub.stream(path) as through_the_proxy,
        requests.Session() as idle,
        socket.create_connection(("127.0.0.1", hub.hub_port)),
    ):
        idle.get(f"{hub.hub_url}/hub/api")
        told = [lines.events() for lines in (direct, through_the_proxy)]
        for events in told:
            assert [next(events)["progress"], next(events)["progress"]] == [0, 50]
        began = time.monotonic()
        assert hub.terminate() == 0
        assert time.monotonic() - began < 2
        for events in told:
            assert list(events) == []  # a proper end: a cut would raise
    waiting.join()


def test_sigterm_while_a_server_takes_its_time_to_stop(make_hub: MakeHub) -> None:
    """It is waited for, and whoever follows it sees its end."""
    hub = make_hub(config=AT_ONCE)
    hub.behave("alice", lingers=1.5)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    hub.process.terminate()  # type: ignore[union-attr]
    wait_for(lambda: hub.server("alice")["pending"] == "stop")
    assert hub.begin("alice").status_code in (400, 503)
    told = hub.api("GET", "/users/alice/server/progress").text
    assert '"stopped":true' in told.replace(" ", "")
    assert hub.wait_end() == 0
    assert hub.processes() == []


# --- what keeps a hub from starting ---


def one_line(said: str) -> str:
    """What it says when it gives up, besides its log lines."""
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("{")]
    assert len(lines) == 1, said
    assert lines[0].startswith("callboard: ")
    return lines[0]


def test_a_second_hub_on_the_same_log_names_the_first(hub: RealHub) -> None:
    second = hub.run_another("-f", "hub_config.py", "--JupyterHub.hub_port=1", "--JupyterHub.port=2")
    assert second.returncode == 1
    assert str(hub.pid) in one_line(second.stderr)
    assert hub.api("GET", "").status_code == 200
    assert len(hub.proxies()) == 1


@pytest.mark.parametrize("which", ["port", "hub_port"])
def test_a_port_that_is_taken(make_hub: MakeHub, which: str) -> None:
    hub = make_hub()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", getattr(hub, which)))
        taken.listen()
        with pytest.raises(DidNotStart) as failure:
            hub.start()
    assert failure.value.status == 1
    (line,) = (line for line in hub.log().splitlines() if line.startswith("callboard:"))
    assert str(getattr(hub, which)) in line
    assert "in use" in line
    assert "Traceback" not in hub.log()
    assert hub.processes() == []


def test_the_public_port_of_another_hub(hub: RealHub, make_hub: MakeHub) -> None:
    """Proxies share their port, so that one can follow the other; a stranger's must not be shared."""
    other = make_hub()
    other.port, other.url = hub.port, hub.url
    other.configure("")
    with pytest.raises(DidNotStart) as failure:
        other.start()
    assert failure.value.status == 1
    assert "in use" in other.log()
    assert hub.api("GET", "").status_code == 200


CONFIG_ERRORS = [
    ("c.JupyterHub.hub_port = 'many'", "hub_port"),
    ("c.JupyterHub.spawner_class = 'kubespawner.KubeSpawner'", "KubeSpawner"),
    ("import nothing_of_this_name", "nothing_of_this_name"),
    ("raise RuntimeError('no')", "RuntimeError"),
    ("c.JupyterHub.hub_port = (", "SyntaxError"),
    ("c.JupyterHub.load_roles = [{'name': 'wrong', 'scopes': ['no:such']}]", "no:such"),
    ("c.JupyterHub.api_tokens = {'short': 'admin'}", "api_tokens"),
    ("c.JupyterHub.services = [{'nome': 'x'}]", "services"),
    ("c.JupyterHub.db_url = 'ftp://somewhere/db'", "db_url"),
    ("c.JupyterHub.db_url = 'sqlite:////no/such/place/log.sqlite'", "/no/such/place"),
    ("c.JupyterHub.cookie_secret = 'xyz'", "cookie_secret"),
    ("c.JupyterHub.cookie_secret_file = '/no/such/place/secret'", "/no/such/place"),
]


@pytest.mark.parametrize(("config", "named"), CONFIG_ERRORS, ids=[named for _, named in CONFIG_ERRORS])
def test_a_configuration_that_is_wrong(make_hub: MakeHub, config: str, named: str) -> None:
    hub = make_hub(config=config)
    ended = hub.run_another("-f", "hub_config.py")
    assert ended.returncode == 1
    assert named in one_line(ended.stderr)
    assert ended.stdout == ""


def test_a_configuration_that_is_not_there(make_hub: MakeHub) -> None:
    hub = make_hub()
    ended = hub.run_another("-f", "absent.py")
    assert ended.returncode == 1
    assert "absent.py" in one_line(ended.stderr)
    assert not hub.database.exists()


def test_a_database_of_jupyterhub(make_hub: MakeHub) -> None:
    hub = make_hub()
    with closing(sqlite3.connect(hub.database)) as db, db:
        db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        db.execute("CREATE TABLE alembic_version (version_num TEXT)")
    db.close()
    before = hub.database.read_bytes()
    ended = hub.run_another("-f", "hub_config.py")
    assert ended.returncode == 1
    assert "callboard.sqlite" in one_line(ended.stderr)
    assert hub.database.read_bytes() == before


def test_a_log_that_is_no_database(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.database.write_text("these are not the rows you are looking for\n" * 1000)
    ended = hub.run_another("-f", "hub_config.py")
    assert ended.returncode == 1
    assert "callboard.sqlite" in one_line(ended.stderr)


# --- what happened while the hub was away ---


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 0)])
def test_a_server_that_ended_while_the_hub_was_away(make_hub: MakeHub, number: int, status: int) -> None:
    hub = make_hub(config=KEEP_SERVERS)
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    hub.terminate()
    os.kill(running(hub).pid, number)
    hub.start()
    hub.wait_stopped("alice")
    last = hub.events("alice")[-1]
    assert (last.type, last.payload["exit_status"]) == ("server.lost", status)
    assert hub.page("alice").status_code == 302
    assert hub.begin("alice").status_code == 201


def test_a_new_hub_ends_what_no_server_knows(hub: RealHub) -> None:
    """The log has started it, and then had reason to think that it was gone. (Of older logs: test_older_log.py.)"""
    hub.begin("alice")
    hub.wait_ready("alice")
    files = hub.directory / "callboard.sqlite-servers" / running(hub).spawn_id
    hub.kill()
    files.rename(hub.directory / "hidden")
    hub.start()
    hub.wait_stopped("alice")
    assert hub.server_processes() != []
    hub.kill()
    (hub.directory / "hidden").rename(files)
    hub.start()
    wait_for(lambda: not hub.server_processes())
    assert hub.story("alice")[-1] == "lost"
    assert hub.begin("alice").status_code == 201


# --- the proxy ---


def test_a_proxy_that_is_killed_is_replaced_soon(hub: RealHub) -> None:
    hub.begin("alice")
    hub.wait_ready("alice")
    for _ in range(2):
        killed = hub.proxy_pid()
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        wait_for(lambda: _reaches(hub, "/user/alice/api"))
        assert time.monotonic() - began < 3
        assert hub.proxy_pid() != killed
        assert len(hub.proxies()) == 1


def test_a_proxy_that_is_killed_again_and_again_is_replaced_as_soon_each_time(hub: RealHub) -> None:
    hub.begin("alice")
    hub.wait_ready("alice")
    for _ in range(5):
        time.sleep(1.2)  # so long it runs: it can start
        os.kill(hub.proxy_pid(), signal.SIGKILL)
        began = time.monotonic()
        wait_for(lambda: _reaches(hub, "/user/alice/api"))
        assert time.monotonic() - began < 4
    assert hub.log().count("starting another in 0.0 s") == 5


def test_a_proxy_that_hangs_is_killed_and_replaced(hub: RealHub) -> None:
    hub.begin("alice")
    hub.wait_ready("alice")
    hung = hub.proxy_pid()
    os.kill(hung, signal.SIGSTOP)
    began = time.monotonic()
    wait_for(lambda: hub.proxy_pid() != hung and _reaches(hub, "/user/alice/api"), 60)
    assert time.monotonic() - began > 14  # it might have come back
    assert [process.pid for process in hub.proxies()] == [hub.proxy_pid()]
    assert "does not answer any more" in hub.log()


def test_a_proxy_that_a_next_hub_finds_stopped_is_replaced(hub: RealHub) -> None:
    hung = hub.proxy_pid()
    hub.kill()
    os.kill(hung, signal.SIGSTOP)
    began = time.monotonic()
    hub.start()
    assert time.monotonic() - began < 12  # nobody waits for it to end in good order
    assert hub.proxy_pid() != hung
    assert [process.pid for process in hub.proxies()] == [hub.proxy_pid()]
    assert _reaches(hub, "/hub/api")


def test_a_proxy_is_not_blamed_for_a_hub_that_was_held_up(hub: RealHub) -> None:
    proxy = hub.proxy_pid()
    for pid in (hub.pid, proxy):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(17)
    for pid in (hub.pid, proxy):
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: _reaches(hub, "/hub/api"))
    for _ in range(2):  # and neither for being stopped for a while
        os.kill(proxy, signal.SIGSTOP)
        time.sleep(4)
        os.kill(proxy, signal.SIGCONT)
        wait_for(lambda: _reaches(hub, "/hub/api"))
    assert hub.proxy_pid() == proxy
    assert "does not answer any more" not in hub.log()


def test_a_killed_proxy_leaves_no_zombie(hub: RealHub) -> None:
    os.kill(hub.proxy_pid(), signal.SIGKILL)
    wait_for(lambda: _reaches(hub, "/hub/api"))
    assert [pid for pid, state in children(hub.pid) if state == "Z"] == []


def test_plain_http_is_sent_on_where_the_command_of_jupyterhubs_proxy_says_so(make_hub: MakeHub) -> None:
    (plain,) = free_ports(1)
    command = ["configurable-http-proxy", "--redirect-port", str(plain), "--redirect-to", "443"]
    hub = make_hub(config=f"c.ConfigurableHTTPProxy.command = {command!r}\n")
    hub.start()
    for _ in range(2):
        answer = requests.get(f"http://127.0.0.1:{plain}/hub/x?y=z", allow_redirects=False, timeout=10)
        assert answer.status_code == 301
        assert answer.headers["Location"] == "https://127.0.0.1/hub/x?y=z"
        assert _reaches(hub, "/hub/api")
        hub.restart()  # which finds the proxy that it would start


def test_a_proxy_that_lost_its_table_gets_it_back(hub: RealHub) -> None:
    """One that starts by itself, with an empty table, follows the hub like any other."""
    hub.begin("alice")
    hub.wait_ready("alice")
    hub.kill()
    os.kill(hub.proxy_pid(), signal.SIGKILL)
    wait_for(lambda: not hub.proxies())
    hub.start()
    assert hub.page("alice").status_code == 200


def _reaches(hub: RealHub, path: str) -> bool:
    try:
        return hub.request("GET", path, timeout=2).status_code == 200
    except requests.RequestException:
        return False


# --- commands that are sent again ---


def test_a_command_with_a_key_may_be_sent_again_after_a_crash(make_hub: MakeHub) -> None:
    hub = make_hub(config=AT_ONCE)
    hub.start()
    key = {"Idempotency-Key": "one"}
    created = hub.api("POST", "/users/alice", headers=key)
    assert created.status_code == 201
    hub.restart()
    again = hub.api("POST", "/users/alice", headers=key)
    assert (again.status_code, again.json()) == (201, created.json())
    assert hub.api("POST", "/users/alice").status_code == 409
    assert hub.api("POST", "/users/alice", json={"admin": True}, headers=key).status_code == 422


def test_a_start_with_a_key_is_carried_out_once(make_hub: MakeHub) -> None:
    """The answer was lost in the crash; the client asks again, with the same key."""
    hub = make_hub(config=AT_ONCE)
    hub.start(fault="after SpawnRequested")
    hub.add_user("alice")
    key = {"Idempotency-Key": "start alice"}
    assert hub.begin("alice", headers=key).status_code == 503
    assert hub.wait_end() == -signal.SIGKILL
    hub.start()
    assert hub.begin("alice", headers=key).status_code == 202
    hub.wait_ready("alice")
    assert hub.begin("alice", headers=key).status_code == 202  # without one: 400, it runs already
    assert hub.story("alice").count("spawn-requested") == 1
    assert len(hub.server_processes("/user/alice/")) == 1


def test_a_token_that_was_issued_with_a_key_is_not_told_twice(hub: RealHub) -> None:
    key = {"Idempotency-Key": "token"}
    first = hub.api("POST", "/users/alice/tokens", headers=key).json()
    hub.restart()
    again = hub.api("POST", "/users/alice/tokens", headers=key)
    assert again.status_code == 201
    assert again.json()["id"] == first["id"]
    assert first["token"] not in again.text
    assert len(hub.api("GET", "/users/alice/tokens").json()["api_tokens"]) == 1


def test_the_hub_keeps_a_pid_file_and_says_why_it_ends(make_hub: MakeHub) -> None:
    hub = make_hub(config="c.JupyterHub.pid_file = 'hub.pid'")
    hub.start()
    pid_file = hub.directory / "hub.pid"
    assert pid_file.read_text() == f"{hub.pid}\n"
    assert hub.run_another("-f", "hub_config.py").returncode == 1
    assert pid_file.read_text() == f"{hub.pid}\n"
    assert hub.terminate() == 0
    assert not pid_file.exists()
    assert "SIGTERM" in hub.log()
