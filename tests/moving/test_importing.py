"""The command: what it refuses, what it says, and how it goes on after it was killed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.events.file.database import DatabaseError, LogLock
from core.events.file.store import EventStore
from tests.moving.moved import events_of, kept, move, tables_of
from tests.moving.other_hub import CRYPT_KEY
from web.cli import main
from web.moving.in_use import processes_with
from web.moving.moving_in import check_moved_in
from web.moving.rows import MovingError
from web.moving.source import open_source, without_password

CALLBOARD = str(Path(sys.executable).parent / "callboard")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a JupyterHub 5.4 has left its database and its secret, and a hub of ours is configured."""
    shutil.copyfile(kept("5.4"), tmp_path / "jupyterhub.sqlite")
    shutil.copyfile(kept("5.4").with_suffix(".secret"), tmp_path / "jupyterhub_cookie_secret")
    (tmp_path / "jupyterhub_cookie_secret").chmod(0o600)
    (tmp_path / "jupyterhub_config.py").write_text('c.JupyterHub.spawner_class = "simple"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["import", *words], catch_exceptions=False)


def refused(*words: str) -> str:
    result = call(*words)
    assert result.exit_code == 1, result.output
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


# --- what it says ---


def test_a_dry_run_tells_all_and_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = call("--dry-run", "jupyterhub.sqlite")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["users", "5", "0"]
    assert "    2 stay: its process has ended (alice/, ...)" in lines
    assert (
        "2 of 2 auth states stay closed: set JUPYTERHUB_CRYPT_KEY or c.CryptKeeper.keys to JupyterHub's keys."
        in lines
    )
    assert lines[-1] == "Nothing was changed."
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_import_says_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", CRYPT_KEY)
    tried, done = call("--dry-run", "jupyterhub.sqlite"), call("jupyterhub.sqlite")
    assert done.exit_code == 0, done.output
    assert done.stdout == tried.stdout.replace("Nothing was changed.\n", "")
    assert done.stderr.endswith("Start the hub: callboard -f FILE.\n")
    types = [tag for tag, _, _ in events_of(folder / "callboard.sqlite")]
    assert types[0] == "moving.begun"
    assert types[-1] == "moving.done"
    assert os.stat("callboard.sqlite").st_mode & 0o077 == 0


def test_the_secret_of_cookies_is_taken_from_beside_the_database(folder: Path) -> None:
    secret = (folder / "jupyterhub_cookie_secret").read_text()
    (folder / "jupyterhub_config.py").write_text('c.JupyterHub.cookie_secret_file = "ours"\n')
    result = call("jupyterhub.sqlite")
    assert "The secret of cookies is copied to ours." in result.stdout
    assert (folder / "ours").read_text() == secret
    assert os.stat(folder / "ours").st_mode & 0o077 == 0


def test_a_secret_that_is_missing_is_told_of(folder: Path) -> None:
    (folder / "jupyterhub_cookie_secret").unlink()
    assert "or everybody logs in anew." in call("--dry-run", "jupyterhub.sqlite").stdout


# --- what it refuses ---


def test_a_database_that_a_process_has_open(folder: Path) -> None:
    program = (
        "import sqlite3, sys, time; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM users'); "
        "print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", program, "jupyterhub.sqlite"], stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert processes_with(folder / "jupyterhub.sqlite") == [process.pid]
            assert f"is open in process {process.pid}: stop that hub first." in refused("jupyterhub.sqlite")
            assert not (folder / "callboard.sqlite").exists()
            assert call("--dry-run", "--others-are-no-hub", "jupyterhub.sqlite").exit_code == 0
        finally:
            process.kill()
    assert processes_with(folder / "jupyterhub.sqlite") == []


def test_a_log_with_a_past(folder: Path) -> None:
    assert call("jupyterhub.sqlite").exit_code == 0
    assert "has a past of its own" in refused("jupyterhub.sqlite")


def test_a_log_that_a_hub_has(folder: Path) -> None:
    lock = LogLock("callboard.sqlite")
    try:
        assert "A hub (pid " in refused("jupyterhub.sqlite")
    finally:
        lock.release()


def test_the_database_as_its_own_log(folder: Path) -> None:
    assert "is JupyterHub's database" in refused("--db", "jupyterhub.sqlite", "jupyterhub.sqlite")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("nothing.sqlite", "There is no database at nothing.sqlite."),
        ("jupyterhub_config.py", "cannot be read"),
        ("oracle://db/hub", "oracle:// is no database that JupyterHub keeps"),
    ],
)
def test_what_is_no_database(folder: Path, given: str, says: str) -> None:
    assert says in refused(given)


def test_a_database_of_something_else(folder: Path) -> None:
    with closing(sqlite3.connect("other.sqlite")) as db:
        db.execute("CREATE TABLE users (id)")
    assert "is no database of JupyterHub 2 or later" in refused("other.sqlite")


@pytest.mark.parametrize(
    ("url", "drivers", "says"),
    [
        (
            "postgresql://hub:canary@db/hub",
            ("psycopg", "psycopg2"),
            "`pip install` one of psycopg[binary] or psycopg2",
        ),
        (
            "mysql+pymysql://hub:canary@db/hub",
            ("pymysql", "MySQLdb"),
            "`pip install` one of pymysql or MySQLdb",
        ),
    ],
)
def test_a_driver_that_is_missing_is_named(
    folder: Path, url: str, drivers: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for driver in drivers:
        monkeypatch.setitem(sys.modules, driver, None)
    said = refused(url)
    assert says in said
    assert "canary" not in said


def test_passwords_are_in_no_name() -> None:
    assert (
        without_password("postgresql://hub:canary@db:5432/hub?sslmode=require")
        == "postgresql://hub@db:5432/hub"
    )


# --- killed ---


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with 1,200 users more, each with a token."""
    path = tmp_path_factory.mktemp("crowd") / "jupyterhub.sqlite"
    shutil.copyfile(kept("5.4"), path)
    people = range(100, 1300)
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "INSERT INTO users (id, name, admin, cookie_id, created) VALUES (?, ?, 0, ?, '2021-01-01 00:00:00.000000')",
            [(number, f"pupil{number}", f"cookie{number}") for number in people],
        )
        db.executemany(
            "INSERT INTO api_tokens (user_id, hashed, prefix, client_id, note, scopes) "
            "VALUES (?, ?, 'abcd', 'jupyterhub', 'made', '[\"inherit\"]')",
            [(number, f"sha512:1:ab:{number:04x}") for number in people],
        )
    return path


def whole(log: Path) -> list[tuple[str, int]]:
    """How many events of which kind."""
    with tables_of(log) as db:
        return db.execute("SELECT type, count(*) FROM events GROUP BY type ORDER BY type").fetchall()


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        "in UserCreated#700",
        *(
            pytest.param(fault, marks=pytest.mark.world)
            for fault in (
                "after MovingInBegun",
                "after UserCreated#700",
                "after TokenIssued",
                "before MovingInDone",
            )
        ),
    ],
)
def test_an_import_that_was_killed_goes_on(crowd: Path, tmp_path: Path, fault: str) -> None:
    words = [CALLBOARD, "import", "--db", "callboard.sqlite", str(crowd)]
    own = {**os.environ, "CALLBOARD_FAULT": fault}
    killed = subprocess.run(
        words, cwd=tmp_path, env=own, capture_output=True, text=True, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    log = tmp_path / "callboard.sqlite"
    store = EventStore(str(log))
    try:
        with pytest.raises(DatabaseError, match="is half of what was to be moved in"):
            check_moved_in(store)
    finally:
        store.close()
    again = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[1].split() == ["users", "1205", "0"]
    move(crowd, tmp_path / "at_once.sqlite")
    assert whole(log) == whole(tmp_path / "at_once.sqlite")
    sound = subprocess.run(
        [CALLBOARD, "verify", "--db", str(log)], capture_output=True, text=True, check=False
    )
    assert sound.returncode == 0, sound.stdout


def test_another_database_does_not_go_on(folder: Path) -> None:
    class Killed(Exception):
        pass

    def killed(_: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        move("jupyterhub.sqlite", folder / "callboard.sqlite", killed)
    with closing(sqlite3.connect("jupyterhub.sqlite")) as db, db:
        db.execute("UPDATE users SET admin = 1")
    assert "is not as it was when half of it was moved in" in refused("jupyterhub.sqlite")


def test_rows_are_read_as_of_one_moment(folder: Path) -> None:
    with open_source("jupyterhub.sqlite") as source:
        rows = source.rows("users")
        next(rows)
        other = sqlite3.connect("jupyterhub.sqlite", timeout=0, isolation_level=None)
        with closing(other), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM users")
        assert sum(1 for _ in rows) == 4


@pytest.mark.slow
def test_half_of_one_is_no_log_for_a_hub(folder: Path) -> None:
    with pytest.raises(MovingError):
        move("jupyterhub.sqlite", folder / "callboard.sqlite", _stop)
    done = subprocess.run(
        [CALLBOARD, "-f", "jupyterhub_config.py"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "half of what was to be moved in" in done.stderr


def _stop(_: int) -> None:
    raise MovingError("stopped by the test")
