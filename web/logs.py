"""Where the hub's own log lines go: standard error, and what the configuration names besides."""

from __future__ import annotations

import logging
import logging.config
import sys

from core.config import ConfigError, HubSettings


def set_up_logging(settings: HubSettings) -> None:
    """`logging_config` is applied last, on top of the rest. Raises ConfigError."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if settings.extra_log_file:
        handlers.append(_file(settings.extra_log_file))
    _set_format(settings, handlers)
    logging.basicConfig(level=level(settings), handlers=[*handlers, *settings.extra_log_handlers], force=True)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    if settings.logging_config:
        _apply(settings)


def level(settings: HubSettings) -> int:
    found = logging.getLevelName(settings.log_level)
    return found if isinstance(found, int) else logging.INFO


def _file(path: str) -> logging.Handler:
    try:
        return logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"c.JupyterHub.extra_log_file = {path!r}: {error.strerror}") from error


def _set_format(settings: HubSettings, handlers: list[logging.Handler]) -> None:
    try:
        formatter = logging.Formatter(settings.log_format, settings.log_datefmt)
    except ValueError as error:
        raise ConfigError(f"c.JupyterHub.log_format = {settings.log_format!r}: {error}") from error
    for handler in handlers:
        handler.setFormatter(formatter)


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
