"""Makes the databases of older hubs anew: `python -m tests.moving.make_databases FOLDER`, at the repository's top.

In FOLDER environments for the versions are made, which are fetched from PyPI; the databases go to databases/ here.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from msgspec import json

from tests.moving.filling import fill
from tests.moving.other_hub import OtherHub

HERE = Path(__file__).parent / "databases"
VERSIONS = {
    "2.3": ["jupyterhub==2.3.*", "sqlalchemy<2", "setuptools<81"],
    "3.1": ["jupyterhub==3.1.*", "sqlalchemy<2", "setuptools<81"],
    "4.1": ["jupyterhub==4.1.*", "sqlalchemy<2.1", "setuptools<81"],
    "5.4": ["jupyterhub==5.4.*", "sqlalchemy<2.1"],
}


def environment(folder: Path, version: str) -> Path:
    """The folder of its programs."""
    place = folder / f"jupyterhub-{version}"
    if not (place / "bin" / "jupyterhub").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(place / "bin" / "pip"), "install", "--quiet", *VERSIONS[version]], check=True)
    return place / "bin"


def make(version: str, programs: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hub = OtherHub(Path(folder), programs=programs)
        try:
            hub.start()
            held = fill(hub)
            hub.stop()
        finally:
            hub.close()
        _make_last(hub.database)
        shutil.copyfile(hub.database, HERE / f"jupyterhub-{version}.sqlite")
        (HERE / f"jupyterhub-{version}.json").write_bytes(json.format(json.encode(held)) + b"\n")
        secret = hub.directory / "jupyterhub_cookie_secret"
        (HERE / f"jupyterhub-{version}.secret").write_text(secret.read_text())


def _make_last(database: Path) -> None:
    """A share code is good for a year at most. What has expired has, whatever the clock of a test says."""
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE api_tokens SET expires_at = '2020-01-01 00:00:00.000000' WHERE note = 'soon over'")
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'share_codes'").fetchone():
            db.execute("UPDATE share_codes SET expires_at = '2100-01-01 00:00:00.000000'")


if __name__ == "__main__":
    (chosen,) = sys.argv[1:]
    for each in VERSIONS:
        make(each, environment(Path(chosen), each))
        print(each)
