"""JupyterHub's event log: one JSON object for each start and each orderly stop of a server, to logging handlers.

What failed, died, or was stopped with the hub is not in it. Source of form and meaning: JupyterHub 6.1.1.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from core.events.log.tables import Tables
from core.events.record import HUB, Record
from core.events.server import ServerStopped, SpawnAnswered, StopRequested
from projections import routes

SCHEMA = "https://schema.jupyter.org/jupyterhub/events/server-action"


class EventLog:
    def __init__(self, db: Tables, handlers: Sequence[logging.Handler]) -> None:
        """`db`: what the event loop reads through."""
        self._db = db
        self._handlers = handlers
        self._asked: set[str] = set()  # spawn ids of servers that somebody is stopping
        for handler in handlers:
            handler.setFormatter(logging.Formatter("%(message)s"))

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store."""
        for record in records:
            match record.event:
                case SpawnAnswered():
                    self._tell("start", record)
                case StopRequested(spawn_id=spawn_id) if record.by != HUB:
                    self._asked.add(spawn_id)
                case ServerStopped(spawn_id=spawn_id) if spawn_id in self._asked:
                    self._asked.discard(spawn_id)
                    self._tell("stop", record)

    def _tell(self, action: str, record: Record) -> None:
        server = routes.of_holder(self._db, record.stream)
        if server is None:
            return
        line = json.dumps(
            {
                "__timestamp__": f"{record.at.isoformat()}Z",
                "__schema__": SCHEMA,
                "__schema_version__": "1",
                "__metadata_version__": 1,
                "action": action,
                "username": server.user_name,
                "servername": server.server_name,
            }
        )
        told = logging.LogRecord("callboard.events", logging.INFO, "", 0, line, None, None)
        for handler in self._handlers:
            handler.handle(told)
