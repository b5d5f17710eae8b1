"""The services as the hub knows them: what the log says of each, what the configuration, and how they fare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from core.events.log.tables import Tables
from core.settings import ServiceSettings
from projections import services
from projections.services import ServiceRow

Status = Literal["running", "stopped", "failed", "unknown"]

_OF_ANSWER = {True: "", False: "it does not answer", None: "it has not answered yet"}
_OF_PROCESS: dict[str, Status] = {"running": "running", "stopped": "stopped", "failed": "failed"}


class ServiceBook:
    def __init__(self, db: Tables, configured: Mapping[str, ServiceSettings]) -> None:
        self._db = db
        self.configured = configured
        self.answers: dict[str, bool] = {}  # whether each external one did when it was last asked

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def get(self, name: str) -> ServiceRow | None:
        return services.by_name(self._db, name)

    def all(self) -> list[ServiceRow]:
        return services.every(self._db)

    def settings(self, row: ServiceRow) -> ServiceSettings | None:
        """How the configuration wants it to be run; None for one that was made over the API."""
        return self.configured.get(row.name) if row.from_config else None

    def command(self, row: ServiceRow) -> list[str]:
        found = self.settings(row)
        return found.command if found else []

    def not_up(self) -> dict[str, str]:
        """Those that do not do what they are there for, by name, each with what keeps it: `its process has failed`."""
        return {row.name: why for row in self.all() if (why := self._trouble(row))}

    def _trouble(self, row: ServiceRow) -> str:
        if row.managed and row.process != "running":
            return "its process has failed" if row.process == "failed" else "no process of it runs"
        if not row.defined().url:
            return ""
        return _OF_ANSWER[self.answers.get(row.name)]

    def status(self, row: ServiceRow) -> Status:
        """Of a managed service: of its process. Of an external one: whether its URL answers."""
        if row.managed:
            return _OF_PROCESS.get(row.process, "unknown")
        match self.answers.get(row.name):
            case True:
                return "running"
            case False:
                return "failed"
            case None:
                return "unknown"
