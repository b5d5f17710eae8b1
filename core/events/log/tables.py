"""The database that queries read: tables folded from the log.

It is a local SQLite file, or memory, whatever keeps the log itself; only `core.events` and `projections` say so.
"""

from __future__ import annotations

import sqlite3

Tables = sqlite3.Connection
