"""What can go wrong between a program and the hub.

HubError
├── RefusedError        the hub answered, and said no
├── UnreachableError    it gave no answer
└── StartFailedError    a server that was waited for will not become ready
"""

from __future__ import annotations


class HubError(Exception):
    pass


class RefusedError(HubError):
    """`status`: 400, 403, 404, ...; `message`: why, in the hub's words; `retry_after`: seconds, if it said."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.retry_after = retry_after


class UnreachableError(HubError):
    """Its cause is the error of the connection."""


class StartFailedError(HubError):
    """The message is the hub's last word about the start."""
