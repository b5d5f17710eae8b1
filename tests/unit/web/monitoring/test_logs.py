"""Where log lines go, by the configuration."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.secrets.scrubbing import _WORDS, is_clean, scrubbed
from core.settings import ConfigError, HubSettings
from tests.conftest import ADMIN_TOKEN, Client
from web.monitoring.log_records import Records
from web.monitoring.logs import JSONLines, set_up_logging
from web.proxy.log_lines import JSONLine, TerminalLine
from web.request.log_context import request_named


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


# --- what a line looks like ---

CANARY = "canary0123456789"
LEAKS = [
    f"GET http://hub/hub/api/users?token={CANARY}&x=1 failed",
    f"{{'Authorization': 'token {CANARY}', 'Accept': '*/*'}}",
    f"Authorization: Bearer {CANARY}",
    f"sent with token {CANARY} just now",
    f"Cookie: jupyterhub-hub-login={CANARY}; _xsrf={CANARY}",
    f"{{'Set-Cookie': 'jupyterhub-session-id={CANARY}; Path=/'}}",
    f'{{"username": "alice", "password": "{CANARY} {CANARY}"}}',
    f"postgresql://hub:{CANARY}@db/hub is away",
    f"jupyterhub-singleuser --IdentityProvider.token={CANARY} --port=1",
    f"client_secret={CANARY}",
    f"back at /hub/oauth_callback?code={CANARY}&state={CANARY}",
    f"JUPYTERHUB_API_TOKEN={CANARY}",
    f"/hub/api/x?_xsrf={CANARY}",
]
HARMLESS = [
    "the token is not valid any more",
    "server alice/lab: no token was found in 3 places",
    "/hub/api/users/alice/tokens/t5k2m8zq1x9v: 204",
    "user alice may not: it needs read:tokens!user=alice",
    "listening at http://127.0.0.1:8081/hub/",
    "200 GET /hub/api/users?state=active&limit=50",
    "200 GET /hub/api/users?state=failed",
]


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("style", ["text", "json", "own format"])
def test_secrets_of_somebody_elses_text_are_taken_out(
    style: str, leak: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(self.format(record))

    settings = HubSettings(extra_log_handlers=[Listener()])
    if style == "own format":
        settings = replace(settings, log_format="%(name)s: %(message)s")
    set_up_logging(settings, "auto" if style == "own format" else style)
    logger = logging.getLogger("callboard.test")
    logger.warning("it said %s", leak)
    logger.warning("it said", extra={"said": {"all": [leak]}})
    try:
        int(leak)
    except ValueError:
        logger.exception("it failed")
    said = capsys.readouterr().err + "".join(told)
    assert CANARY not in said
    assert said.count("it failed") == 2
    assert said.count("ValueError") >= 2


@pytest.mark.parametrize("line", LEAKS)
def test_twice_is_as_good_as_once(line: str) -> None:
    assert scrubbed(scrubbed(line)) == scrubbed(line)


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_no_secret_stays(line: str) -> None:
    assert scrubbed(line) == line


PIECES = [
    *_WORDS,
    *"0123456789abcdef",
    "f" * 32,
    "0" * 31,
    "\n",
    " ",
    ":",
    "=",
    "?",
    "://",
    "@",
    '"',
    "x",
    "é",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_looks_clean_has_nothing_to_hide(text: str) -> None:
    assert not is_clean(text) or scrubbed(text) == text


async def test_lines_are_objects_that_name_the_request_and_so_its_events(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging(HubSettings(), "json", request_named)
    answer = await client.post(f"/users/bob?token={CANARY}", headers={"Cookie": f"a={CANARY}"})
    (line,) = lines_of(capsys)
    assert (line["status"], line["method"], line["user"], line["level"]) == (201, "POST", "alice", "info")
    assert line["url"] == "/hub/api/users/bob?token=[secret]"
    assert line["event"].startswith("201 POST /hub/api/users/bob?token=[secret] (alice@")
    assert line["milliseconds"] > 0
    assert line["timestamp"].endswith("Z")
    assert line["request"] == answer.headers["X-Request-Id"]
    events = (await client.get("/events?limit=200&user=bob")).json()["items"]
    assert [event["request"] for event in events] == [line["request"]]


async def test_a_bug_is_told_with_the_request_it_came_of(
    client: Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_logging(HubSettings(), "json", request_named)
    monkeypatch.setattr("web.api.users.known_user", lambda name: 1 / 0)
    answer = await client.get("/users/bob", headers={"X-Secret-Key": CANARY})
    assert answer.status_code == 500
    bug, request = lines_of(capsys)[-2:]
    assert "ZeroDivisionError" in bug["exception"]
    assert bug["request"] == request["request"] == answer.headers["X-Request-Id"]
    assert request["level"] == "error"
    assert CANARY not in str((bug, request))
    assert ADMIN_TOKEN not in str((bug, request))


OF_A_MOMENT = {"created", "msecs", "relativeCreated", "lineno"}


def write_both_ways(logger: logging.Logger) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a record has that `logger.log` makes, and what one of Records has that was made in the same place."""
    told: list[logging.LogRecord] = []

    def write() -> None:
        logger.info("%d %s", 200, "GET", extra={"status": 200})
        logger.handle(records.new(logging.INFO, "%d %s", (200, "GET"), status=200))

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record)

    records = Records(logger, write)
    records.new(logging.INFO, "another", ("before",), status=404)
    listener = Listener()
    logger.addHandler(listener)
    write()
    logger.removeHandler(listener)
    return vars(told[0]), vars(told[1])


def test_a_record_made_of_one_that_is_like_it_is_as_any_other() -> None:
    set_up_logging(HubSettings())
    usual, ours = write_both_ways(logging.getLogger("callboard.test"))
    assert set(ours) == set(usual)
    assert {name for name in usual if ours[name] != usual[name]} <= OF_A_MOMENT
    assert 0 <= ours["created"] - usual["created"] < 60
    assert (
        abs(
            (ours["relativeCreated"] - usual["relativeCreated"]) / 1000 - (ours["created"] - usual["created"])
        )
        < 0.01
    )
    assert ours["msecs"] == int(ours["created"] * 1000) % 1000
    assert usual["lineno"] - ours["lineno"] == 1  # where the function begins


def test_a_factory_of_the_configuration_makes_all_records() -> None:
    class Campus(logging.LogRecord):
        campus = "north"

    usual = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Campus)
    try:
        record = Records(logging.getLogger("callboard.test"), write_both_ways).new(
            logging.INFO, "%s", ("a",), b=1
        )
    finally:
        logging.setLogRecordFactory(usual)
    assert (record.campus, record.getMessage(), record.b) == ("north", "a", 1)  # type: ignore[attr-defined]


def test_on_a_terminal_lines_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(HubSettings(), "text", request_named)
    logging.getLogger("callboard").info("alice has come")
    said = capsys.readouterr().err
    assert "alice has come" in said
    assert "[info" in said
    assert not said.startswith("{")


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What the hub itself said, without the client of the tests."""
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [line for line in said if line["logger"].startswith("callboard")]


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
@pytest.mark.parametrize("message", ["short", "a line that is longer than thirty characters are"])
def test_the_proxys_lines_on_a_terminal_are_as_the_hubs(
    level: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    record = logging.LogRecord("callboard.proxy", level, __file__, 1, message, (), None)
    set_up_logging(HubSettings())
    formatter = logging.getLogger().handlers[0].formatter
    assert formatter is not None
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    ours, theirs = (re.sub(moment, "", one.format(record)) for one in (TerminalLine(), formatter))
    assert ours == theirs


def test_the_proxys_objects_are_as_the_hubs() -> None:
    record = logging.LogRecord("callboard.proxy", logging.INFO, __file__, 1, "following the hub", (), None)
    moment = r'"timestamp":"[^"]*"'
    ours, theirs = (re.sub(moment, "", one.format(record)) for one in (JSONLine(), JSONLines(lambda: {})))
    assert ours == theirs


# --- a file that somebody moves away ---


def test_lines_go_on_in_another_file_once_theirs_was_moved_away(tmp_path: Path) -> None:
    file = tmp_path / "hub.log"
    set_up_logging(HubSettings(extra_log_file=str(file)), "json")
    logging.getLogger("callboard").info("before")
    file.rename(tmp_path / "hub.log.1")
    logging.getLogger("callboard").info("after")
    assert "before" in (tmp_path / "hub.log.1").read_text()
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["after"]


def test_where_no_other_file_can_be_made_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line is lost to it, and standard error has it; later ones are written once there is room for a file again."""
    file = tmp_path / "logs/hub.log"
    file.parent.mkdir()
    set_up_logging(HubSettings(extra_log_file=str(file)), "json")
    file.parent.rename(tmp_path / "moved")
    logging.getLogger("callboard").info("nowhere to go")
    line, why = capsys.readouterr().err.splitlines()
    assert "nowhere to go" in line
    assert why == f"{file} cannot be written: No such file or directory"
    file.parent.mkdir()
    logging.getLogger("callboard").info("here again")
    assert json.loads(file.read_text())["event"] == "here again"
