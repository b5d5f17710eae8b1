"""What every hub in memory would make for itself, and is the same for all: an empty log, and templates compiled."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from types import CodeType

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket

import projections
from core.events.file.database import MEMORY, open_for_writing
from core.events.file.store import EventStore
from web.presentation import templates_found


def log_in_memory() -> EventStore:
    """An empty log with all tables, and a salt of its own."""
    return EventStore(MEMORY, projections.ALL, threaded=False, connect=_copy_of_an_empty_one)


def _copy_of_an_empty_one(path: str) -> sqlite3.Connection:
    connection = open_for_writing(path)
    connection.deserialize(empty_log())
    connection.execute("UPDATE log_facts SET value = lower(hex(randomblob(16))) WHERE name = 'salt'")
    return connection


@cache
def empty_log() -> bytes:
    """The content of its file, in which all tables are."""
    with closing(EventStore(MEMORY, projections.ALL, threaded=False)) as store:
        return store.db.serialize()


class CompiledTemplates(BytecodeCache):
    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code:
            self._codes[bucket.key, bucket.checksum] = bucket.code


def compile_templates_once() -> None:
    """But for environments with options of their own: those compile otherwise."""
    compiled = CompiledTemplates()

    def environment(**options: object) -> Environment:
        ours = {"loader", "autoescape", "undefined", "trim_blocks", "lstrip_blocks"}
        return Environment(**options, **({} if options.keys() - ours else {"bytecode_cache": compiled}))  # type: ignore[arg-type]

    templates_found.Environment = environment  # type: ignore[misc,assignment]
