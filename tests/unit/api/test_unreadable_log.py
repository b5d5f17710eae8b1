"""While the log cannot be read every answer says so; a wrong statement stays a bug."""

from __future__ import annotations

import sqlite3

import pytest

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
