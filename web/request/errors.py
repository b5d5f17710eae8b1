"""Refusals to HTTP: the one place that knows which is which status."""

from __future__ import annotations

from http import HTTPStatus

from core.errors import (
    AlreadyExistsError,
    AlreadyRunningError,
    BusyError,
    ConfiguredError,
    ConflictError,
    ForbiddenError,
    HubError,
    InvalidError,
    KeyReusedError,
    LimitError,
    NotFoundError,
    PendingError,
    ThrottledError,
    ToldError,
    UnavailableError,
    UnreadableError,
)

STATUS: dict[type[HubError], int] = {
    UnreadableError: 422,
    InvalidError: 400,
    ForbiddenError: 403,
    NotFoundError: 404,
    AlreadyRunningError: 400,  # not 409: what JupyterHub answers and its clients expect
    PendingError: 400,  # likewise
    AlreadyExistsError: 409,
    KeyReusedError: 422,
    ConflictError: 409,
    LimitError: 400,
    ConfiguredError: 405,
    ThrottledError: 429,
    BusyError: 503,
    UnavailableError: 503,
}


def status_of(error: HubError) -> int:
    if isinstance(error, ToldError):
        return error.status
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def phrase(status: int) -> str:
    """The standard phrase, such as `Not Found`."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Error"


def headers_of(error: HubError) -> dict[str, str]:
    if isinstance(error, ThrottledError) and error.retry_after is not None:
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, ToldError):
        return dict(error.headers)
    if isinstance(error, BusyError | UnavailableError):
        return {"Retry-After": "1"}
    return {}
