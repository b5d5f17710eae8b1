"""Where the hub's own log lines go, and what they look like: for people on a terminal, else an object for each line.

Every module logs by `logging`; structlog gives the lines their form. Those written while a request is handled name
it: the same id stands in its answer (X-Request-Id) and in the events it led to.
"""

from __future__ import annotations

import json
import logging
import logging.config
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from logging.handlers import WatchedFileHandler
from typing import Any

import msgspec
import structlog
from structlog.types import EventDict, Processor

from core.secrets.scrubbing import is_clean, scrubbed, scrubbed_all
from core.settings import ConfigError, HubSettings

_PLAIN = HubSettings()


Context = Callable[
    [], Mapping[str, str]
]  # what a line names besides: the request it is written for, and whose


def set_up_logging(settings: HubSettings, style: str = "auto", context: Context = dict) -> None:
    """`style`: text, json, or auto for what suits standard error. A `log_format` of the configuration wins over it.

    `logging_config` is applied last, on top of the rest. Raises ConfigError.
    """
    for_people = style == "text" or (style == "auto" and sys.stderr.isatty())
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setFormatter(_formatter(settings, context, for_people=for_people))
    if settings.extra_log_file:
        handlers.append(_file(settings.extra_log_file))
        handlers[1].setFormatter(_formatter(settings, context, for_people=style == "text"))
    for handler in settings.extra_log_handlers:
        handler.addFilter(_scrub)
    logging.basicConfig(level=level(settings), handlers=[*handlers, *settings.extra_log_handlers], force=True)
    for name in ("httpcore", "httpx"):  # they tell of every request
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.logging_config:
        _apply(settings)


def level(settings: HubSettings) -> int:
    found = logging.getLevelName(settings.log_level)
    return found if isinstance(found, int) else logging.INFO


class LogFile(WatchedFileHandler):
    """A file that may be moved away, by logrotate say: the next line begins another of its name.

    Where none can be made, a line is lost to it and standard error is told; whoever had something to say goes on.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Says why, not what: standard error has the line already, without secrets."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            sys.stderr.write(f"{self.baseFilename} cannot be written: {error.strerror}\n")
        else:
            super().handleError(record)


def _file(path: str) -> logging.Handler:
    try:
        return LogFile(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"c.JupyterHub.extra_log_file = {path!r}: {error.strerror}") from error


def _apply(settings: HubSettings) -> None:
    """A dict of `logging.config`; what it does not mention stays."""
    wanted = {
        "version": 1,
        "disable_existing_loggers": False,
        "incremental": False,
        **settings.logging_config,
    }
    try:
        logging.config.dictConfig(wanted)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        raise ConfigError(f"c.JupyterHub.logging_config: {error}") from error


def undo_logging_config(settings: HubSettings) -> None:
    """Have loggers as if its dict of `logging.config` had not been. What is the root's, set_up_logging sets anew."""
    wanted = settings.logging_config
    for name in _loggers_in(wanted):
        _reset(logging.getLogger(name))
    if wanted.get("disable_existing_loggers"):
        for logger in logging.Logger.manager.loggerDict.values():
            if isinstance(logger, logging.Logger):
                logger.disabled = False
    for line_filter in logging.getLogger().filters[:]:
        logging.getLogger().removeFilter(line_filter)


def _loggers_in(wanted: dict[str, Any]) -> list[str]:
    named = wanted.get("loggers", {})
    return [str(name) for name in named if name] if isinstance(named, dict) else []


def _reset(logger: logging.Logger) -> None:
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    for line_filter in logger.filters[:]:
        logger.removeFilter(line_filter)
    logger.setLevel(logging.NOTSET)
    logger.propagate, logger.disabled = True, False


# --- what a line looks like ---


def _formatter(settings: HubSettings, context: Context, *, for_people: bool) -> logging.Formatter:
    chosen = (settings.log_format, settings.log_datefmt)
    if chosen != (_PLAIN.log_format, _PLAIN.log_datefmt):
        try:
            return ScrubbedFormatter(*chosen)
        except ValueError as error:
            raise ConfigError(f"c.JupyterHub.log_format = {settings.log_format!r}: {error}") from error
    if not for_people:
        return JSONLines(context)
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        partial(_add_context, context),
        structlog.processors.format_exc_info,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _scrub_line, _for_people()],
    )


_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JSONLines(logging.Formatter):
    """An object for each line: event, level, logger and timestamp, what the line was given beside, and the request.

    Of every request the hub answers there is a line, so this is written for speed (structlog's chain took a fifth of a
    request).
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        given = record.__dict__
        line: EventDict = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": "",
            **self._context(),
        }
        for key in given:
            if key not in _OF_EVERY_RECORD:
                line[key] = given[key]
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        line = _scrub_line(None, "", line)
        line["timestamp"] = _utc(
            record.created
        )  # not before: its colons would have the rest looked at for longer
        return _as_json(line)


_encoder = msgspec.json.Encoder(enc_hook=str)


def _as_json(line: Any) -> str:
    try:
        return _encoder.encode(line).decode()
    except UnicodeEncodeError:  # half a character, in what somebody sent
        return json.dumps(line, default=str)


def _utc(moment: float) -> str:
    return f"{_second(int(moment))}.{int(moment % 1 * 1e6):06}Z"


@lru_cache(maxsize=2)  # many lines are of the same second
def _second(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _for_people() -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _add_context(context: Context, _: Any, __: str, line: EventDict) -> EventDict:
    line.update(context())
    return line


def _scrub_line(_: Any, __: str, line: EventDict) -> EventDict:
    """Its texts are looked at together first: hardly a line has anything in it to hide."""
    return line if _is_clean(line) else {key: scrubbed_all(value) for key, value in line.items()}


def _is_clean(line: EventDict) -> bool:
    texts = []
    for value in line.values():
        if isinstance(value, str):
            texts.append(value)
        elif not isinstance(value, int | float):
            return False
    return is_clean("\n".join(texts))


class ScrubbedFormatter(logging.Formatter):
    """Lines in a form of the configuration's."""

    def format(self, record: logging.LogRecord) -> str:
        return scrubbed(super().format(record))


def _scrub(record: logging.LogRecord) -> bool:
    """For handlers of the configuration, whose form is their own: what they are told is clean already."""
    record.msg, record.args = scrubbed(record.getMessage()), ()
    if record.exc_info:
        record.exc_text = scrubbed(record.exc_text or logging.Formatter().formatException(record.exc_info))
    return True
