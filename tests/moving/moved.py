"""Moves within a test's own process: a database into a log, and what is in that log then."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from core.events.file.database import open_for_reading
from core.settings import Settings
from spawners.configuration import load_settings
from tests.moving.filling import Held
from web.moving.plan import Tally
from web.moving.source import open_source
from web.moving.whole import Target, move_in

DATABASES = Path(__file__).parent / "databases"
VERSIONS = ("2.3", "3.1", "4.1", "5.4")


def kept(version: str) -> Path:
    return DATABASES / f"jupyterhub-{version}.sqlite"


def held_of(version: str) -> Held:
    return msgspec.json.decode(kept(version).with_suffix(".json").read_bytes(), type=Held)


def secret_of(version: str) -> bytes:
    return bytes.fromhex(kept(version).with_suffix(".secret").read_text().strip())


def settings(*overrides: str) -> Settings:
    return load_settings([], ["--JupyterHub.spawner_class=simple", *overrides])[0]


def move(database: Path | str, log: Path, on_progress: Any = lambda _: None) -> Tally:
    folder = log.with_name("servers")
    folder.mkdir(exist_ok=True)
    with open_source(str(database)) as source:
        target = Target(str(log), folder, bytes(32), True)
        return move_in(source, target, settings(), "command-line/test", on_progress)


@contextmanager
def tables_of(log: Path) -> Iterator[sqlite3.Connection]:
    db = open_for_reading(str(log))
    try:
        yield db
    finally:
        db.close()


def events_of(log: Path) -> list[tuple[str, str, str]]:
    """Type, stream and payload of each, in order."""
    with tables_of(log) as db:
        return db.execute("SELECT type, stream, payload FROM events ORDER BY position").fetchall()
