"""While the log cannot be read every answer says so; a wrong statement stays a bug."""

from __future__ import annotations

import sqlite3
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import projections
from core.events.file.store import EventStore
from projections import users
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory
from web.process import run

REQUESTS = [
    ("GET", "/users/bob"),
    ("DELETE", "/users/bob"),
    ("POST", "/users/bob/server"),
    ("POST", "/users/bob/tokens"),
    ("PATCH", "/users/bob"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize(
    ("code", "status"),
    [
        (sqlite3.SQLITE_IOERR_READ, 503),
        (sqlite3.SQLITE_CORRUPT, 503),
        (sqlite3.SQLITE_BUSY, 503),
        (sqlite3.SQLITE_ERROR, 500),
    ],
)
async def test_a_read_error_is_told_with_its_reason(
    method: str, path: str, code: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        raise error

    async with hub_in_memory() as hub:
        admin = Client(hub, ADMIN_TOKEN)
        assert (await admin.post("/users/bob")).status_code == 201
        with monkeypatch.context() as patch:
            patch.setattr(users, "by_name", fail)
            answer = await admin.request(method, path, json={})
        assert answer.status_code == status
        if status == 503:
            assert answer.json()["message"] == "The log cannot be read now: disk I/O error."
            assert answer.headers["Retry-After"] == "1"
        assert (await admin.get("/users/bob")).status_code == 200


@pytest.mark.parametrize(("code", "status"), [(sqlite3.SQLITE_IOERR_READ, 1), (sqlite3.SQLITE_ERROR, None)])
def test_a_read_error_in_the_middle_of_a_start_is_one_line(
    code: int, status: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        raise ExceptionGroup("of a nursery", [error])

    monkeypatch.setattr(run.trio, "run", fail)
    monkeypatch.setattr(run, "set_up_logging", lambda *_: None)
    if status is None:
        with pytest.raises(ExceptionGroup):
            run.run_hub([], [], hello=False)
    else:
        assert run.run_hub([], [], hello=False) == status
        assert capsys.readouterr().err == "callboard: The log cannot be read now: disk I/O error.\n"


class FailingReads:
    """A connection through which the read with this number fails, counted from 0 on. None: all go well."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.fails_at: int | None = None
        self.has_failed = False

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        if self.fails_at is not None:
            self.fails_at -= 1
            if self.fails_at < 0:
                self.fails_at, self.has_failed = None, True
                error = sqlite3.DatabaseError("database disk image is malformed")  # what SQLite says of EIO
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
        return self._connection.execute(*statement)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/users", {"usernames": ["carol", "dave"]}),
    ("POST", "/users/carol", None),
    ("PATCH", "/users/bob", {"name": "robert"}),
    ("DELETE", "/users/bob", None),
    ("POST", "/users/bob/tokens", {}),
    ("POST", "/users/bob/server", {}),
    ("DELETE", "/users/bob/server", None),
    ("POST", "/groups/crew", None),
    ("POST", "/groups/staff/users", {"users": ["bob"]}),
    ("DELETE", "/groups/staff", None),
    ("POST", "/shares/bob/", {"user": "alice", "scopes": ["access:servers!server=bob/"]}),
    ("POST", "/share-codes/bob/", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_whatever_read_fails_no_refusal_is_carried_out_unless_it_says_that_it_may_be(
    method: str, path: str, body: Any, tmp_path: Path
) -> None:
    for number in count():
        store = EventStore(str(tmp_path / f"{number}.sqlite"), projections.ALL, threaded=False)
        store.db = reads = FailingReads(store.db)  # type: ignore[assignment]
        async with hub_in_memory(store=store) as hub:
            admin = Client(hub, ADMIN_TOKEN)
            for made in ("/users/bob", "/groups/staff", "/users/bob/server"):
                assert (await admin.post(made)).status_code in (201, 202)
            reads.fails_at = number
            answer = await admin.request(method, path, json=body)
            reads.fails_at = None
            recorded = [record.by.request for record in hub.store.read_all()]
            is_recorded = answer.headers["X-Request-Id"] in recorded
        if not reads.has_failed:
            assert number > 1
            break
        if answer.status_code == 503 and "is not known" not in answer.json()["message"]:
            assert not is_recorded, f"read {number}"
        assert answer.status_code != 500
