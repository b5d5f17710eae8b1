"""Error handlers: refusals and bugs to answers."""

from __future__ import annotations

import logging
import time

from quart import Response
from werkzeug.exceptions import HTTPException

from core.errors import DoubtError, HubError, PendingError, ThrottledError, ToldError
from core.events.file.disk import unreadable
from web.pages import errors, fallback
from web.request import answers
from web.request.context import asked, hub, kept
from web.request.errors import headers_of, phrase, status_of
from web.request.request_log import shown_url
from web.request.routing import NoRouteError, Routes

STARTS = ("servers.start", "start.start")
DOUBT = " Whether this was carried out is not known."

logger = logging.getLogger("callboard.http")


async def answer_to(error: Exception, routes: Routes) -> Response:
    match error:
        case HubError():
            return await _refused(error, routes)
        case NoRouteError():
            return await _not_routed(error)
        case HTTPException():
            return await _http_error(error, routes)
        case _:
            return await _failed(error, routes)


async def _refused(error: HubError, routes: Routes) -> Response:
    status = status_of(error)
    route = kept().route
    if route is not None and route.name in STARTS:
        _count_refused_start(error)
    message = _told(error) + (DOUBT if isinstance(error, DoubtError) and kept().may_be_recorded else "")
    answer = await _refusal(status, message, headers_of(error) | _allowed_instead(status, routes), error)
    if isinstance(error, ToldError) and error.phrase:
        answer.status = f"{status} {error.phrase}"
    return answer


def _told(error: HubError) -> str:
    """As JupyterHub, without the text of an exception: who follows the start reads that."""
    return "" if isinstance(error, ToldError) and error.unexpected else error.message


async def _refusal(
    status: int, message: str, headers: dict[str, str], error: Exception | None = None
) -> Response:
    """A page for people, JSON for programs."""
    if not errors.is_for_people():
        return answers.refusal(status, message, headers)
    try:
        answer = await errors.error_page(status, message, error=error)
    except Exception:  # a template of the configuration may be what is broken
        logger.exception("the page for status %d failed", status)
        return answers.refusal(status, message, headers)
    answer.headers.update(headers)
    return answer


def _count_refused_start(error: HubError) -> None:
    """What never came to be a start, and so is not in the log."""
    seconds = time.monotonic() - kept().began
    match error:
        case ThrottledError(retry_after=None):
            hub().metrics.started(seconds, "failure", "too-many-users")
        case ThrottledError():
            hub().metrics.started(seconds, "failure", "throttled")
        case PendingError():
            hub().metrics.started(seconds, "failure", "already-pending")


async def _not_routed(error: NoRouteError) -> Response:
    """No such URL, or no such method there."""
    if error.allowed:
        return await _refusal(405, phrase(405), _allow(error.allowed))
    instead = fallback.elsewhere()
    return instead if instead is not None else await _refusal(404, phrase(404), {})


async def _http_error(error: HTTPException, routes: Routes) -> Response:
    """A body too large, for one."""
    status = error.code or 500
    message = "The body is too large." if status == 413 else phrase(status)
    return await _refusal(status, message, _allowed_instead(status, routes))


def _allowed_instead(status: int, routes: Routes) -> dict[str, str]:
    """With a 405 go the methods that this URL does have."""
    return _allow(routes.methods(asked().path)) if status == 405 else {}


def _allow(methods: frozenset[str]) -> dict[str, str]:
    return {"Allow": ", ".join(sorted({*methods, "OPTIONS"} - {asked().method}))}


async def _failed(error: Exception, routes: Routes) -> Response:
    """A file that cannot be read is no bug; all else is."""
    reason = unreadable(error)
    if reason is None:
        return await _bug(error)
    logger.error("%s %s: %s", asked().method, shown_url(asked().path, ""), reason.message)
    return await _refused(reason, routes)


async def _bug(error: Exception) -> Response:
    logger.error("%s %s failed", asked().method, shown_url(asked().path, ""), exc_info=error)
    return await _refusal(500, "", {})
