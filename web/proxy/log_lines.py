"""What the proxy writes to standard error, the hub's: lines like those of web/monitoring/logs.py, made with less."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_COLOURS = {"info": 32, "debug": 32, "warning": 33}  # and red; of the terminal, as the hub has them
_EVENT_WIDTH = 30


class JSONLine(logging.Formatter):
    """Where a program reads it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, separators=(",", ":"))  # as the hub's beside it


class TerminalLine(logging.Formatter):
    """On a terminal: moment, level, what is the matter, logger, in the colours of the hub's."""

    def format(self, record: logging.LogRecord) -> str:
        moment = self.formatTime(record, "%Y-%m-%d %H:%M:%S")
        level, event = f"{record.levelname.lower():9}", f"{record.getMessage():{_EVENT_WIDTH}}"
        colour = _COLOURS.get(level.strip(), 31)
        line = (
            f"\x1b[2m{moment}\x1b[0m [\x1b[{colour}m\x1b[1m{level}\x1b[0m] \x1b[1m{event}\x1b[0m "
            f"[\x1b[0m\x1b[1m\x1b[34m{record.name}\x1b[0m]\x1b[0m"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
