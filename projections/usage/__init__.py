"""Who has used what, and for how long: a row for every attempt to start a server, and one for every user and month.

A server is in use from when it is ready until it has ended, by whatever name. Moments and lengths are whole
microseconds, so that sums are exact.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from core.events.record import Record
from projections.usage import attempts, months

NAME = "usage"
VERSION = 3
TABLES = ("usage_attempts", "usage_months")
EVENTS = attempts.EVENTS


def create(db: Database) -> None:
    attempts.create(db)
    months.create(db)


def project(db: sqlite3.Connection, record: Record) -> None:
    for change in attempts.project(db, record):
        months.count(db, change)
