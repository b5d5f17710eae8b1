"""One line of the log for each request, without what is secret in its URL and headers. Source: JupyterHub 6.1.1."""

from __future__ import annotations

import logging
import re
from urllib.parse import parse_qsl, urlencode

from quart import Response
from quart.wrappers import Request

from core.config.masking import is_secret
from core.secrets.scrubbing import HIDDEN, LISTED_STATES
from core.share_code import CODE_PATTERN
from web.monitoring.log_records import Records
from web.request.client_address import address_of
from web.site.bounds import is_too_long_a_query

logger = logging.getLogger("callboard.http")

WITHOUT_HEADERS = frozenset({502, 503})  # of a server error: nobody here is to blame

_SECRET_ARGUMENT = re.compile(r"token|ticket|auth|key|code(?!_challenge)|_xsrf", re.IGNORECASE)
_SECRET_SEGMENT = re.compile(
    rf"(?<=/authorizations/token/)[^/]+|(?<=/authorizations/cookie/).+|(?<=/){CODE_PATTERN}"
)


def log_request(request: Request, response: Response, user: str, seconds: float) -> None:
    """The fields of the line stand beside it, for those who read objects."""
    status = response.status_code
    level = level_of(status, request.path)
    if not logger.isEnabledFor(level):
        return
    target = response.headers.get("Location", "") if 300 <= status < 400 else ""
    url = shown_url(request.path, request.query_string.decode("latin-1"))
    address, milliseconds = address_of(request), round(seconds * 1000, 2)
    leads_to = f" -> {shown_url(*target.partition('?')[::2])}" if target else ""
    headers = shown_headers(request) if status >= 500 and status not in WITHOUT_HEADERS else ""
    record = _records.new(
        level,
        "%d %s %s%s (%s@%s) %.2fms%s",
        (status, request.method, url, leads_to, user, address, milliseconds, headers),
        status=status,
        method=request.method,
        url=url,
        user=user,
        address=address,
        milliseconds=milliseconds,
    )
    logger.handle(record)


_records = Records(logger, log_request)


def level_of(status: int, path: str) -> int:
    """What happens all the time and tells nothing is for those who debug."""
    if status == 304 or path.endswith("/health") or "/hub/static/" in path or _is_of_proxy(status, path):
        return logging.DEBUG
    if status < 400:
        return logging.INFO
    return logging.WARNING if status < 500 else logging.ERROR


def _is_of_proxy(status: int, path: str) -> bool:
    """The hub's own proxy says how far it has come, at every change."""
    return status < 400 and path.endswith(("/hub/api/proxy/applied", "/hub/api/proxy/activity"))


def shown_url(path: str, query: str) -> str:
    shown = _SECRET_SEGMENT.sub(HIDDEN, path)
    if not query:
        return shown
    if is_too_long_a_query(query.encode("latin-1", "replace")):
        return f"{shown}?[too many arguments]"
    arguments = [
        (name, HIDDEN if value and is_secret_argument(name, value) else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return f"{shown}?{urlencode(arguments, safe='[]/:')}"


def is_secret_argument(name: str, value: str) -> bool:
    if name.lower() == "state":
        return value not in LISTED_STATES
    return _SECRET_ARGUMENT.search(name) is not None


def shown_headers(request: Request) -> str:
    shown = {
        name: HIDDEN if _is_credential(name) else value
        for name, value in request.headers.items()
        if name.lower() != "remote-addr"
    }
    return f"\n{shown}"


def _is_credential(name: str) -> bool:
    return name.lower() in ("authorization", "cookie", "x-xsrftoken", "referer") or is_secret(name)
