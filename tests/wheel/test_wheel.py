"""The wheel: what is in it, and what it does where nothing else is, as somebody finds it who installs it by pip."""

from __future__ import annotations

import re
import sqlite3
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest
import requests

from tests.integration.hub import free_ports
from tests.wheel.installed import Installed
from tests.wheel.wheelhouse import PACKAGES, ROOT

pytestmark = pytest.mark.slow


def in_the_tree() -> set[str]:
    """Every file below the packages: modules, templates, static files, catalogues, whatever there is."""
    files = (path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts} | {
        "callboard.py"
    }


def test_all_that_is_in_the_tree_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert packed == in_the_tree()


def test_what_it_asks_for_is_all_it_needs(installed: Installed, empty: Path) -> None:
    """Each module can be imported, but for those that speak to packages of extras."""
    assert installed.pip("check").returncode == 0
    walk = (
        "import importlib, sys\n"
        f"for name in {sorted(modules())}:\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error: print(name, error.name)\n"
    )
    done = installed.python("-c", walk, cwd=empty)
    assert done.returncode == 0, done.stderr
    needing = dict(line.split() for line in done.stdout.splitlines())
    assert set(needing.values()) <= {"jupyterhub", "tornado", "sqlalchemy"}, done.stdout
    assert {name.split(".")[1] for name in needing} <= {"jupyterhub", "authenticators"}, done.stdout


def modules() -> set[str]:
    files = (path for path in in_the_tree() if path.endswith(".py") and "-" not in path)
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in files}
    return {name for name in names if not name.endswith(("_child", "__main__"))}  # programs of their own


def test_it_says_its_version(installed: Installed, empty: Path) -> None:
    for done in (
        installed.callboard("--version", cwd=empty),
        installed.python("-m", "callboard", "--version", cwd=empty),
    ):
        assert (done.returncode, done.stdout.strip()) == (0, version("callboard"))


def ports() -> list[str]:
    public, hub = free_ports(2)
    return [f"--port={public}", f"--JupyterHub.hub_port={hub}"]


def test_a_hub_begins_in_an_empty_folder(installed: Installed, empty: Path) -> None:
    """Without any file. Its pages, styles and scripts are those of the wheel."""
    options = ports()
    site = f"http://127.0.0.1:{options[0].partition('=')[2]}"
    with installed.hub(*options, cwd=empty):
        page = requests.get(f"{site}/hub/login", timeout=10)
        assert page.status_code == 200
        named = re.findall(r'(?:href|src)="(/hub/(?:static/|logo)[^"]+)"', page.text)
        assert len(named) > 3
        for path in named:
            assert requests.get(f"{site}{path}", timeout=10).status_code == 200, path
        assert installed.callboard("status", cwd=empty).returncode == 0
    assert {path.name for path in empty.iterdir()} >= {"callboard.sqlite", "jupyterhub_cookie_secret"}
    assert installed.callboard("verify", cwd=empty).returncode == 0


def test_doctor_names_what_is_missing(installed: Installed, empty: Path) -> None:
    """Servers' own program is in no package that this environment has, and nobody is let in."""
    done = installed.callboard("doctor", *ports_in(empty), cwd=empty)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "jupyterhub-singleuser" in done.stdout
    assert "Nobody may log in" in done.stdout
    assert "Traceback" not in done.stderr


def ports_in(folder: Path) -> list[str]:
    public, hub = free_ports(2)
    (folder / "callboard.toml").write_text(f"[JupyterHub]\nport = {public}\nhub_port = {hub}\n")
    return ["-f", "callboard.toml"]


# --- an older program and a newer one ---


def holds_an_event_of_a_newer_one(log: sqlite3.Connection) -> None:
    log.execute("INSERT INTO event_shapes VALUES ('server.beamed-up', '[\"where\"]')")


def has_a_field_of_a_newer_one(log: sqlite3.Connection) -> None:
    log.execute("UPDATE event_shapes SET fields = fields || ' sector' WHERE type = 'hub.started'")


def has_the_schema_of_a_newer_one(log: sqlite3.Connection) -> None:
    log.execute("PRAGMA user_version = 99")


NEWER = [holds_an_event_of_a_newer_one, has_a_field_of_a_newer_one, has_the_schema_of_a_newer_one]


def a_log(installed: Installed, folder: Path, change: Callable[[sqlite3.Connection], None]) -> list[str]:
    """Left by a hub that has ended, and changed. The options to begin with it again."""
    options = ports()
    with installed.hub(*options, cwd=folder):
        pass
    with closing(sqlite3.connect(folder / "callboard.sqlite")) as log:
        change(log)
        log.commit()
    return options


@pytest.mark.parametrize("change", NEWER)
def test_a_log_of_a_newer_program_is_refused_in_a_line_that_says_how_to_go_back(
    installed: Installed, empty: Path, change: Callable[[sqlite3.Connection], None]
) -> None:
    options = a_log(installed, empty, change)
    for words in ([*options], ["verify"], ["log"], ["backup", "copy.sqlite"]):
        done = installed.callboard(*words, cwd=empty)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 1
        assert "was written by a newer Callboard" in line


def test_tables_of_another_version_are_folded_anew(installed: Installed, empty: Path) -> None:
    """That is all that a newer program does to a log whose events it knows, and an older one after it."""

    def of_another_version(log: sqlite3.Connection) -> None:
        log.execute("UPDATE projections SET version = version + 7")

    options = a_log(installed, empty, of_another_version)
    with installed.hub(*options, cwd=empty):
        pass
    assert installed.callboard("verify", cwd=empty).returncode == 0


# --- names that others have, too ---


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_of_the_same_name_is_named_in_one_line(
    installed: Installed, empty: Path, name: str
) -> None:
    (empty / name).mkdir()
    (empty / name / "__init__.py").write_text("")
    done = installed.callboard("--version", cwd=empty, PYTHONPATH=str(empty))
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith(f"callboard: The package {name!r} is taken from {empty}, not from ")
    assert line.endswith("Install Callboard into an environment of its own.")


def test_where_another_one_has_taken_ours_along_when_it_went(installed: Installed, empty: Path) -> None:
    ours = installed.bin.parent / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/core"
    ours.rename(ours.with_name("not-core"))
    try:
        done = installed.callboard("--version", cwd=empty)
    finally:
        ours.with_name("not-core").rename(ours)
    assert done.returncode == 1
    assert done.stderr.startswith("callboard: The package 'core' is missing")
    assert len(done.stderr.splitlines()) == 1
