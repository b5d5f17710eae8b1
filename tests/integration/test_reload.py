"""A real hub whose configuration changes while it runs, or between its lives."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import DidNotStart, RealHub, wait_for

pytestmark = pytest.mark.slow


def wait_said(hub: RealHub, text: str, begin: int = 0) -> None:
    deadline = time.monotonic() + 20
    while text not in hub.log(begin):
        assert time.monotonic() < deadline, hub.log(begin)
        time.sleep(0.05)


def test_sighup_has_the_configuration_read_anew_and_nobody_notices(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    (server,), proxy = hub.server_processes(), hub.proxy_pid()
    hub.configure("c.JupyterHub.allow_named_servers = False\nc.JupyterHub.load_groups = {'new': ['alice']}\n")
    os.kill(hub.pid, signal.SIGHUP)
    wait_said(hub, "changed: c.JupyterHub.load_groups, c.JupyterHub.allow_named_servers")
    assert hub.begin("alice", "lab").status_code == 400
    assert hub.api("GET", "/groups/new").json()["users"] == ["alice"]
    assert hub.page("alice").json()["pid"] == server.pid
    assert hub.proxy_pid() == proxy
    seen = len(hub.log())
    hub.configure("c.Spawner.start_timeout = 'soon'\n")
    os.kill(hub.pid, signal.SIGHUP)
    wait_said(hub, "nothing has changed", seen)
    assert hub.api("GET", "/groups/new").status_code == 200
    assert hub.page("alice").json()["pid"] == server.pid


@pytest.mark.parametrize("how", ["SIGHUP", "kill -9"])
def test_who_is_blocked_has_nothing_that_lasts(make_hub: MakeHub, how: str) -> None:
    hub = make_hub()
    hub.start()
    for name in ("alice", "bob"):
        hub.add_user(name)
        hub.begin(name)
        hub.wait_ready(name)
    token = hub.token_of("bob")
    assert hub.request("GET", "/hub/api/user", token=token).status_code == 200
    hub.configure("c.Authenticator.blocked_users = {'bob'}\n")
    if how == "SIGHUP":
        os.kill(hub.pid, signal.SIGHUP)
        wait_said(hub, "changed: c.Authenticator.blocked_users")
    else:
        hub.restart()
    assert hub.request("GET", "/hub/api/user", token=token).status_code == 403
    hub.wait_stopped("bob")
    wait_for(lambda: not hub.server_processes("/user/bob/"))
    assert hub.wait_ready("alice")
    assert hub.page("alice").status_code == 200
    assert hub.begin("bob").status_code == 403
    refused = hub.run_another("token", "-f", str(hub.config_file), "bob")
    assert (refused.returncode, "User bob is blocked" in refused.stderr) == (1, True)
    assert hub.terminate() == 0
    refused = hub.run_another("token", "-f", str(hub.config_file), "bob")
    assert (refused.returncode, "User bob is blocked" in refused.stderr) == (1, True)
    hub.configure("")
    hub.start()
    assert hub.request("GET", "/hub/api/user", token=token).status_code == 403
    assert hub.request("GET", "/hub/api/user", token=hub.token_of("bob")).status_code == 200
    hub.check_log()


def test_a_log_may_be_put_aside(make_hub: MakeHub) -> None:
    """reset_db; and upgrade_db, which has nothing to do."""
    hub = make_hub()
    hub.start()
    hub.add_user("alice")
    assert hub.terminate() == 0
    hub.configure("c.JupyterHub.upgrade_db = True\n")
    hub.start()
    assert hub.api("GET", "/users/alice").status_code == 200
    assert hub.terminate() == 0
    hub.configure("c.JupyterHub.reset_db = True\n")
    hub.start()
    assert hub.api("GET", "/users/alice").status_code == 404
    (aside,) = [name for name in os.listdir(hub.directory) if re.fullmatch(r".*\.sqlite\.\d+T\d+", name)]
    with closing(sqlite3.connect(hub.directory / aside)) as db, db:
        assert db.execute("SELECT count(*) FROM events WHERE type LIKE 'user.created%'").fetchone() != (0,)
    db.close()


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE users (id INTEGER)", "CREATE TABLE alembic_version (version_num TEXT)"]
)
def test_a_database_that_is_not_ours_is_one_line(make_hub: MakeHub, statement: str) -> None:
    hub = make_hub()
    hub.configure("c.JupyterHub.db_url = 'sqlite:///jupyterhub.sqlite'\n")
    with closing(sqlite3.connect(hub.directory / "jupyterhub.sqlite")) as db, db:
        db.execute(statement)
    db.close()
    with pytest.raises(DidNotStart) as refusal:
        hub.start()
    assert refusal.value.status == 1
    lines = [line for line in hub.log().splitlines() if "jupyterhub.sqlite" in line]
    assert len(lines) == 1
    assert "not a Callboard log" in lines[0]
    assert "Traceback" not in hub.log()
