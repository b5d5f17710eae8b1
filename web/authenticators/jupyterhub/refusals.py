"""Between what goes wrong in a plug-in and what the hub refuses, in both directions."""

from __future__ import annotations

import socket

from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError

from core.errors import ForbiddenError, HubError, InvalidError, NotFoundError, UnavailableError
from core.plugins.hook_errors import http_status, said_by

UNREACHABLE = "Whoever knows about logins cannot be asked at the moment. Please try again later."

_KINDS: tuple[tuple[type[HubError], int], ...] = (
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (UnavailableError, 503),
    (InvalidError, 400),
)
_UNREACHABLE_BY_NAME = frozenset({"LDAPCommunicationError", "LDAPSessionTerminatedByServerError"})


def as_hub_error(error: Exception) -> HubError | None:
    """What a person is told of what an authenticator raised. None: nothing, for it is a fault of the plug-in's."""
    if isinstance(error, HubError):
        return error
    if is_unreachable(error):
        return UnavailableError(UNREACHABLE)
    if http_status(error) in (400, 401, 403):
        return ForbiddenError(said_by(error).message)
    return None


def is_unreachable(error: Exception) -> bool:
    """Whether a backend could not be asked, which says nothing about who asks to be let in."""
    if isinstance(error, HTTPClientError):
        return error.code >= 500
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
        return True
    names = {base.__name__ for base in type(error).__mro__}
    return bool(names & _UNREACHABLE_BY_NAME)


def as_http_error(error: HubError) -> HTTPError:
    """For handlers, whose error page shows the message."""
    status = next(
        (status for kind, status in _KINDS if isinstance(error, kind)), getattr(error, "status", 500)
    )
    return HTTPError(status, error.message)
