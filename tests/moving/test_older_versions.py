"""What JupyterHub 2.3, 3.1, 4.1 and 5.4 have left behind comes, and what people hold of then works."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from typing import NamedTuple

import pytest

from core.events.record import utc_text
from core.secrets.crypt import load_keys
from core.token import is_foreign
from projections import auth_states, groups, roles, services, sessions, tokens, users
from projections.servers import servers
from projections.sharing import share_codes, shares
from tests.moving.filling import Held
from tests.moving.moved import VERSIONS, held_of, kept, move, secret_of, tables_of
from tests.moving.other_hub import COOKIE_DAYS, CRYPT_KEY
from web.moving.plan import Tally
from web.moving.rows import moment
from web.rights.identity import TokenBook
from web.sessions.signed_cookies import owner_digest, owner_of


class Moved(NamedTuple):
    version: str
    tally: Tally
    db: Connection
    held: Held


@pytest.fixture(scope="module", params=VERSIONS)
def moved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    version: str = request.param
    log = tmp_path_factory.mktemp("moved") / "callboard.sqlite"
    tally = move(kept(version), log)
    with tables_of(log) as db:
        yield Moved(version, tally, db, held_of(version))


def test_as_much_comes_as_there_is(moved: Moved) -> None:
    is_last = moved.version == "5.4"
    assert moved.tally.came == {
        "users": 5,
        "named servers": 2,
        "auth states": 2,
        "groups": 3,
        "roles": 1,
        "services": 2 if is_last else 1,
        "tokens": 8 if is_last else 7,
        **({"shares": 2, "share codes": 1} if is_last else {}),
    }
    assert moved.tally.why["running servers"] == {"its process has ended": 2}
    assert moved.tally.why["tokens"] == {
        "has expired": 1,
        "was given to a server or service that does not come": 1,
    }


def test_users_are_who_they_were(moved: Moved) -> None:
    found = users.after(moved.db, 0)
    assert [(row.name, bool(row.admin)) for row in found] == [
        ("admin", True),
        ("bob", False),
        ("alice", False),
        ("carol", False),
        ("d@ve", False),
    ]
    told = {row.name: (row.created, row.last_activity) for row in found}
    assert told == _moments(moved.version), "when the other hub has made them, and seen them"


def _moments(version: str) -> dict[str, tuple[str | None, ...]]:
    """Of users, from the database itself."""
    with closing(sqlite3.connect(kept(version))) as db:
        rows = db.execute("SELECT name, created, last_activity FROM users").fetchall()
    return {
        name: tuple(utc_text(at) if (at := moment(cell)) else None for cell in moments)
        for name, *moments in rows
    }


def test_groups_have_their_members_and_properties(moved: Moved) -> None:
    found = {row.name: row for row in groups.listed(moved.db, None)}
    members = {name: sorted(groups.members(moved.db, row.id)) for name, row in found.items()}
    assert members == {"staff": ["bob"], "pupils": ["alice", "carol"], "nobody": []}
    expected = {"cpu": 2, "notes": ["ö", None]} if moved.version in ("4.1", "5.4") else {}
    assert found["pupils"].all_properties() == expected


def test_roles_have_their_holders(moved: Moved) -> None:
    (teacher,) = roles.defined(moved.db)
    assert (teacher.name, teacher.description) == ("teacher", "Looks after pupils")
    assert "access:servers!group=pupils" in teacher.raw_scopes()
    kinds = sorted(holder.partition("/")[0] for holder in roles.holders(moved.db, "teacher"))
    assert kinds == ["group", "service", "user"]


def test_services_are_clients_still(moved: Moved) -> None:
    grader = services.by_client(moved.db, "service-grader")
    assert grader is not None
    assert bool(grader.from_config)
    assert grader.defined().oauth_redirect_uri == "http://127.0.0.1:9/grader/oauth_callback"
    late = services.by_name(moved.db, "late")
    assert (late is not None) == (moved.version == "5.4")
    assert late is None or (late.defined().info, bool(late.from_config)) == ({"made": "by the API"}, False)


def test_servers_keep_their_options(moved: Moved) -> None:
    def options(user: str, name: str) -> object:
        row = users.by_name(moved.db, user)
        assert row is not None
        server = servers.by_name(moved.db, row.id, name)
        assert server is not None
        assert server.state == "stopped", "it does not run any more"
        return server.options()

    assert options("alice", "") == {"profile": "tiny"}
    assert options("bob", "lab") == {"size": "big"}
    assert options("carol", "old") == {"size": "small"}


def test_tokens_of_then_are_good(moved: Moved) -> None:
    book = TokenBook(moved.db, "", lambda: True)
    good = {name for name, token in moved.held.tokens.items() if book.find(token) is not None}
    of_what_ended = {"server /user/alice/", "server /user/bob/lab/", "visit alice", "carol short"}
    assert good == moved.held.tokens.keys() - of_what_ended
    assert book.find(moved.held.tokens["alice"][:-1] + "x") is None
    assert all(is_foreign(row.digest) for row in tokens.after(moved.db, 0))


def test_tokens_may_what_they_might(moved: Moved) -> None:
    book = TokenBook(moved.db, "", lambda: True)
    full, narrow = (book.find(moved.held.tokens[name]) for name in ("alice", "alice narrow"))
    assert full is not None
    assert narrow is not None
    assert full.raw_scopes() == ["inherit"]
    asked = ["self"] if moved.version == "2.3" else ["read:users!user=alice", "access:servers!user=alice"]
    assert sorted(narrow.raw_scopes()) == sorted(asked)
    long = book.find(moved.held.tokens["bob"])
    assert long is not None
    assert long.expires_at is not None
    assert long.expires_at > "2100"


def test_cookies_of_then_are_good(moved: Moved) -> None:
    cookie = moved.held.cookies["alice"]["jupyterhub-hub-login"].strip('"')
    secret, life = secret_of(moved.version), timedelta(days=COOKIE_DAYS)
    owner = owner_of(cookie, "jupyterhub-hub-login", secret, life, datetime.now(UTC))
    assert owner is not None
    session = sessions.by_digest(moved.db, owner_digest(owner))
    alice = users.by_name(moved.db, "alice")
    assert session is not None
    assert alice is not None
    assert session.user == alice.id


def test_auth_state_opens_with_the_key_of_then(moved: Moved) -> None:
    alice = users.by_name(moved.db, "alice")
    assert alice is not None
    sealed = auth_states.sealed(moved.db, alice.id)
    assert sealed is not None
    assert load_keys([CRYPT_KEY], {}).open(sealed) == {"upstream": "canary-state-of-alice"}


def test_what_was_shared_is_shared(moved: Moved) -> None:
    found = shares.after(moved.db, 0)
    assert [share.grantee.partition("/")[0] for share in found] == (
        ["user", "group"] if moved.version == "5.4" else []
    )
    for code in moved.held.codes.values():
        (digest,) = share_codes.moved_in(moved.db, code[:4])
        row = share_codes.by_digest(moved.db, digest)
        assert row is not None
        assert (row.server.owner, row.server.name) == ("bob", "lab")
        assert row.scopes == ["access:servers!server=bob/lab"]
