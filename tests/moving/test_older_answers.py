"""What older JupyterHubs have left is asked as the real 6.1.1 answers it, once that has brought a copy of it up."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from tests.moving.both_hubs import Both, ask, our_hub
from tests.moving.moved import VERSIONS, held_of, kept
from tests.moving.other_hub import BIN, OtherHub
from tests.moving.same_answers import comparable, differences
from tests.moving.test_both_hubs import OF_COOKIES, OF_TOKENS

pytestmark = pytest.mark.slow

OF_ENDED = {"server /user/alice/", "server /user/bob/lab/", "visit alice"}
"""Tokens that came with servers which do not run any more: JupyterHub keeps them until somebody starts those again."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(one, marks=() if one == "2.3" else pytest.mark.world) for one in VERSIONS],
)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder, version = tmp_path_factory.mktemp("older"), request.param
    other = OtherHub(folder / "other")
    ours = our_hub(folder / "ours", other.directory)
    shutil.copyfile(kept(version), other.database)
    secret = other.directory / "jupyterhub_cookie_secret"
    shutil.copyfile(kept(version).with_suffix(".secret"), secret)
    secret.chmod(0o600)
    try:
        moved = ours.run_another("import", "-f", "hub_config.py", str(other.database))
        assert moved.returncode == 0, moved.stderr
        ours.start()
        _bring_up(other)
        other.start()
        yield Both(other, ours, held_of(version), moved.stdout)
    finally:
        ours.close()
        other.close()


def _bring_up(other: OtherHub) -> None:
    """6.1.1 fails to bring up what 2.x has left where a server was an OAuth client: it asks for columns to come."""
    with closing(sqlite3.connect(other.database)) as db, db:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'api_token_role_map'").fetchone():
            db.execute("UPDATE spawners SET oauth_client_id = NULL")
            db.execute("DELETE FROM api_tokens WHERE client_id LIKE 'jupyterhub-user-%'")
            db.execute("DELETE FROM oauth_clients WHERE identifier LIKE 'jupyterhub-user-%'")
    words = [str(BIN / "jupyterhub"), "upgrade-db", "-f", "jupyterhub_config.py"]
    own = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(words, cwd=other.directory, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def told(answer: requests.Response) -> Any:
    """As far as it can be the same: not the tokens of servers which have ended, nor what stood in no column of then."""
    return _as_of_then(comparable(answer))


def _as_of_then(value: Any) -> Any:
    if isinstance(value, list | tuple):
        ended = [one for one in value if isinstance(one, dict) and _is_of_a_server(one)]
        return [_as_of_then(one) for one in value if one not in ended]
    if not isinstance(value, dict):
        return value
    found = {key: _as_of_then(each) for key, each in value.items()}
    if "display_name" in found:
        found["display_name"] = found["display_name"] or found["name"]
    if "properties" in found:
        found["properties"] = found["properties"] or {}
    return found


def _is_of_a_server(token: dict[str, Any]) -> bool:
    return str(token.get("note", "")).startswith("Server at ")


def test_the_same_tokens_get_the_same_answers(both: Both) -> None:
    found, asked = [], 0
    for who, token in {**both.held.tokens, "nobody": "0" * 32}.items():
        for path in () if who in OF_ENDED else OF_TOKENS:
            theirs, ours = (
                ask(url, "GET", f"/hub/api{path}", token) for url in (both.other.url, both.ours.hub_url)
            )
            found += differences(told(theirs), told(ours), f"{who} {path}")
            asked += 1
    assert found == []
    assert asked > 150


def test_the_same_cookies_get_the_same_answers(both: Both) -> None:
    found = []
    cookie = both.held.cookies["alice"]["jupyterhub-hub-login"]
    forged = {"jupyterhub-hub-login": cookie.replace("2|1:0", "2|1:1")}
    for who, cookies in {**both.held.cookies, "forged": forged}.items():
        for path in OF_COOKIES:
            theirs, ours = (
                ask(url, "GET", path, cookies=cookies) for url in (both.other.url, both.ours.hub_url)
            )
            found += differences(comparable(theirs), comparable(ours), f"{who} {path}")
    assert found == []
