"""What functions of the configuration and plug-ins raise: what people are told of it, and what the log has.

An HTTP error is a refusal in the words of whoever raised it. Anything else is a failure: its text is told to those who
follow the start, and the log has where it came from.
Source of the attributes that are read: tornado's HTTPError (`status_code`, `log_message` with `args`, `reason`),
JupyterHub's SpawnException (`message`, `message_html`, and `log_message` for the log alone), and
`jupyterhub_message`, `jupyterhub_html_message` and `headers`, which JupyterHub lets any exception have.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from core.errors import FormError, HookError, HubError, SpawnError, Told

LONGEST_PHRASE = 200  # characters
_HEADER = re.compile(r"[A-Za-z0-9-]+: [\x20-\x7e]*")
LONGEST_TEXT = 4096  # characters of what people are told


class Said(NamedTuple):
    """`unexpected`: nobody has worded it for people. `phrase`: for the first line of an answer."""

    message: str
    status: int = 500
    html_message: str = ""
    reason: str = ""
    phrase: str = ""
    unexpected: bool = False
    headers: Mapping[str, str] = MappingProxyType({})

    def told(self) -> Told:
        return Told(
            status=self.status,
            html_message=self.html_message,
            phrase=self.phrase,
            unexpected=self.unexpected,
            headers=self.headers,
        )


def said_by(error: Exception) -> Said:
    """What people are told of an error that is no refusal of the hub's own."""
    html = str(getattr(error, "jupyterhub_html_message", "") or getattr(error, "message_html", "") or "")
    marked = str(getattr(error, "jupyterhub_message", "") or "")
    status = http_status(error)
    if status is None:
        text = marked or str(error) or type(error).__name__
        return Said(text[:LONGEST_TEXT], html_message=html, unexpected=not marked, headers=_headers(error))
    reason = getattr(error, "reason", None)
    text = marked or _worded(error) or str(reason or "") or _usual_phrase(status)
    return Said(
        text[:LONGEST_TEXT], status, html, str(reason or ""), _phrase(reason), headers=_headers(error)
    )


def http_status(error: Exception) -> int | None:
    """Of an HTTP error: 500 where it has one that is none of an error. None: it is no HTTP error.

    Errors of clients have statuses, too, which others have answered to them; words for a log they have not.
    """
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or not hasattr(error, "log_message"):
        return None
    return status if 400 <= status < 600 else 500


def as_spawn_error(error: Exception) -> SpawnError:
    """What a start fails with that this error has broken."""
    if isinstance(error, SpawnError):
        return error
    if isinstance(error, HubError):
        return SpawnError(error.message)
    said = said_by(error)
    return SpawnError(said.message, reason=said.reason, **said.told())


def as_form_error(error: Exception) -> HubError:
    """What is told on the form of a start where this error says that what was filled in will not do."""
    if isinstance(error, HubError) or http_status(error) is not None:
        return as_spawn_error(error)
    said = said_by(error)
    return FormError(said.message, status=400, html_message=said.html_message, headers=said.headers)


def as_hook_error(error: Exception) -> HubError:
    """What is answered to a request that a function of the configuration was asked about."""
    if isinstance(error, HubError):
        return error
    said = said_by(error)
    return HookError(said.message, **said.told())


def log_failure(logger: logging.Logger, what: str, error: Exception) -> None:
    """One line for a refusal, with what its raiser meant for the log; a failure with where it came from."""
    if isinstance(error, HubError):
        logger.warning("%s: %s", what, error.message)
    elif (status := http_status(error)) is not None:
        told = str(getattr(error, "log_message", "") or "") if _is_spawn_exception(error) else _worded(error)
        logger.error("%s refused with status %d: %s", what, status, told or error)
    else:
        logger.error("%s failed: %r", what, error, exc_info=error)


def _worded(error: Exception) -> str:
    """The text of an HTTP error, with its arguments filled in."""
    if _is_spawn_exception(error):
        return str(getattr(error, "message", ""))
    get = getattr(error, "get_message", None)
    pattern = str(getattr(error, "log_message", "") or "")
    try:
        return str(get() or "") if callable(get) else pattern % error.args
    except Exception:  # what it was to be filled with does not fit
        return pattern


def _is_spawn_exception(error: Exception) -> bool:
    """It has words for people beside those for the log."""
    message = getattr(error, "message", "")
    return isinstance(message, str) and bool(message)


def _usual_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Error"


def _headers(error: Exception) -> dict[str, str]:
    """Those that an answer can have: text, in one line."""
    given = getattr(error, "headers", None)
    if not isinstance(given, Mapping):
        return {}
    pairs = {str(name): str(value) for name, value in given.items()}
    return {name: value for name, value in pairs.items() if _HEADER.fullmatch(f"{name}: {value}")}


def _phrase(reason: object) -> str:
    """As it may stand in the first line of an answer: short, one line, and text."""
    if not isinstance(reason, str) or not reason.isprintable():
        return ""
    return reason[:LONGEST_PHRASE].encode("latin-1", "replace").decode("latin-1")
