"""Every refusal the hub can give, as a tree.

    HubError
    ├── InvalidError            what was sent makes no sense
    │   └── UnreadableError     it has the right form, and no meaning
    ├── ForbiddenError          the caller may not
    ├── NotFoundError           there is no such thing, or the caller may not know of it
    ├── ConflictError           it clashes with how things are now
    │   ├── AlreadyExistsError
    │   ├── AlreadyRunningError
    │   ├── PendingError        a start, stop or check is under way
    │   ├── KeyReusedError      an idempotency key came back with another request
    │   └── RepeatedError       an idempotency key came back: the outcome is stored already
    ├── ConfiguredError         the configuration file says it, and only there can it be changed
    ├── LimitError              a limit of the hub or of the user is reached
    ├── ThrottledError          too much at once; asking later may work
    ├── BusyError               a mailbox is full; asking again soon will work
    ├── UnavailableError        the log cannot be written now; nothing was changed
    │   └── DoubtError          the log cannot be read now: what was asked for may have been recorded before
    └── ToldError               it brings a status and words of its own
        ├── SpawnError          a server could not be started
        ├── FormError           what was filled in for a start will not do
        └── HookError           a function of the configuration refuses or fails

A refusal is worded for the person who asked and knows no status code (`web/request/errors.py` does).
Anything else that is raised is a bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypedDict, Unpack


class HubError(Exception):
    """A refusal: expected, and told to whoever asked."""

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidError(HubError):
    pass


class UnreadableError(InvalidError):
    pass


class ForbiddenError(HubError):
    pass


class NotFoundError(HubError):
    pass


class ConflictError(HubError):
    pass


class AlreadyExistsError(ConflictError):
    pass


class AlreadyRunningError(ConflictError):
    pass


class PendingError(ConflictError):
    pass


class KeyReusedError(ConflictError):
    pass


class RepeatedError(ConflictError):
    pass


class ConfiguredError(HubError):
    pass


class LimitError(HubError):
    pass


class ThrottledError(HubError):
    """`retry_after`: seconds to wait before asking again, None where nobody can say."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BusyError(HubError):
    pass


class UnavailableError(HubError):
    pass


class DoubtError(UnavailableError):
    pass


class Told(TypedDict, total=False):
    """How a refusal is told, besides its message.

    `status`: what an HTTP caller is answered. `html_message`: the same for people, marked up by a hook. `phrase`: what
    stands behind the status in the answer's first line, where that is not the usual one. `unexpected`: the message
    is the text of an exception, which nobody has worded for people. `headers`: of the answer, besides the hub's.
    """

    status: int
    html_message: str
    phrase: str
    unexpected: bool
    headers: Mapping[str, str]


class ToldError(HubError):
    """A refusal with a status and words of its own: see `Told`."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 500,
        html_message: str = "",
        phrase: str = "",
        unexpected: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.html_message = html_message
        self.phrase = phrase
        self.unexpected = unexpected
        self.headers = headers


class SpawnError(ToldError):
    """A start failed for a reason worth telling.

    `status`: JupyterHub has 400 for a SpawnException, the hook's own for an HTTP error, else 500. `exit_status`: of the
    process, where that is why. `reason`: one word for the kind of failure.
    """

    def __init__(
        self,
        message: str,
        *,
        exit_status: int | None = None,
        reason: str = "",
        **told: Unpack[Told],
    ) -> None:
        super().__init__(message, **told)
        self.reason = reason
        self.exit_status = exit_status


class FormError(ToldError):
    """What was filled in will not do: told on the form, for another try."""


class HookError(ToldError):
    """A function of the configuration that a request depends on refuses, or fails."""


class UnreachableError(Exception):
    """A spawner's backend could not be asked: news about the backend, never about a server."""


class SilentError(UnreachableError):
    """It has not answered for a while, and is not asked before it does. The message is for people."""
