"""Where log lines go, by the configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import ConfigError, HubSettings
from web.logs import set_up_logging


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("callboard.audit").handlers.clear()


def test_lines_go_to_a_file_in_the_format_that_is_wished_for(tmp_path: Path) -> None:
    file = tmp_path / "hub.log"
    set_up_logging(
        HubSettings(
            extra_log_file=str(file),
            log_format="%(asctime)s|%(message)s",
            log_datefmt="at",
            log_level="ERROR",
        )
    )
    logging.getLogger("callboard").warning("not this")
    logging.getLogger("callboard").error("but this")
    assert file.read_text() == "at|but this\n"


def test_handlers_of_the_configuration_are_told_too() -> None:
    told: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    set_up_logging(HubSettings(extra_log_handlers=[Listener()]))
    logging.getLogger("callboard").info("hello")
    assert told == ["hello"]


def test_a_dict_of_logging_config_adds_to_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    wanted = {
        "handlers": {"audit": {"class": "logging.FileHandler", "filename": str(file)}},
        "loggers": {"callboard.audit": {"handlers": ["audit"], "level": "INFO", "propagate": False}},
    }
    set_up_logging(HubSettings(logging_config=wanted))
    logging.getLogger("callboard.audit").info("alice was here")
    for handler in logging.getLogger("callboard.audit").handlers:
        handler.close()
    assert file.read_text() == "alice was here\n"


@pytest.mark.parametrize(
    "settings",
    [
        HubSettings(extra_log_file="/no/such/folder/hub.log"),
        HubSettings(log_format="%(nothing"),
        HubSettings(logging_config={"handlers": {"x": {"class": "no.such.Class"}}}),
    ],
)
def test_what_cannot_be_set_up_is_said_in_one_line(settings: HubSettings) -> None:
    with pytest.raises(ConfigError, match=r"^c\.JupyterHub\.\w+.*: .+"):
        set_up_logging(settings)
