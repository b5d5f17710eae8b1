"""A JupyterHub whose database is in PostgreSQL, or in MariaDB, moves in like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.moving.both_hubs import ask, our_hub
from tests.moving.filling import fill
from tests.moving.other_hub import OtherHub
from tests.moving.sql_servers import PASSWORD, mariadb, postgresql

pytestmark = pytest.mark.world


@pytest.fixture(params=[postgresql, mariadb])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    server: Callable[[], AbstractContextManager[str]] = request.param
    with server() as address:
        yield address


def test_it_moves_in(url: str, tmp_path: Path) -> None:
    other = OtherHub(tmp_path / "other", db_url=url)
    ours = our_hub(tmp_path / "ours", other.directory)
    try:
        other.start()
        held = fill(other)
        refused = ours.run_another("import", "-f", "hub_config.py", url)
        assert refused.returncode == 1
        assert "stop that hub first. Nothing was moved in." in refused.stderr
        other.stop()
        (ours.directory / "jupyterhub_cookie_secret").write_text(
            (other.directory / "jupyterhub_cookie_secret").read_text()
        )
        (ours.directory / "jupyterhub_cookie_secret").chmod(0o600)
        moved = ours.run_another("import", "-f", "hub_config.py", url)
        assert moved.returncode == 0, moved.stderr
        assert moved.stdout.splitlines()[1].split() == ["users", "5", "0"]
        assert PASSWORD not in moved.stdout + moved.stderr + str(ours.events())
        ours.start()
        for name, token in held.tokens.items():
            expected = 403 if name == "carol short" else 200
            assert ask(ours.hub_url, "GET", "/hub/api/user", token).status_code == expected, name
        for cookies in held.cookies.values():
            assert ask(ours.hub_url, "GET", "/hub/home", cookies=cookies).status_code == 200
        alice = ask(ours.hub_url, "GET", "/hub/api/users/alice", held.tokens["admin"]).json()
        assert alice["auth_state"] == {"upstream": "canary-state-of-alice"}
        assert str(alice["servers"][""]["state"]["pid"]) == held.servers["/user/alice/"]["pid"]
        pupils = ask(ours.hub_url, "GET", "/hub/api/groups/pupils", held.tokens["admin"]).json()
        assert pupils["properties"] == {"cpu": 2, "notes": ["ö", None]}
    finally:
        ours.close()
        other.close()


def test_a_wrong_password_is_told_of_in_a_line(url: str, tmp_path: Path) -> None:
    ours = our_hub(tmp_path, tmp_path)
    refused = ours.run_another("import", "-f", "hub_config.py", url.replace(PASSWORD, "canary-wrong-1"))
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "The database server cannot be asked" in refused.stderr
    assert "canary-wrong-1" not in refused.stderr
