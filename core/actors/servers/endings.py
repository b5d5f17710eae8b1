"""How an attempt has ended or been lost, as what is recorded and what people are told. Pure."""

from __future__ import annotations

from core.errors import SpawnError
from core.events.server import OutOfSight, ServerDied, SpawnFailed
from core.plugins.spawner import ANOTHER_ANSWERS, LOST, Gone, Lost
from core.secrets.scrubbing import scrubbed, scrubbed_all
from core.server import News


def end_of(spawn_id: str, status: Gone | Lost) -> News:
    """Of a server that was ready."""
    if isinstance(status, Lost):
        return OutOfSight(spawn_id, status.reason)
    return ServerDied(spawn_id, exit_status_of(status), status.told)


def why_not_ready(trouble: SpawnError | Gone | Lost) -> SpawnError:
    match trouble:
        case SpawnError():
            return trouble
        case Gone():
            return _ended_early(trouble)
        case Lost():
            return SpawnError(f"The server was lost before it was ready. {trouble.reason}", reason=LOST)


def _ended_early(gone: Gone) -> SpawnError:
    status = exit_status_of(gone)
    how = "" if status is None else f" with status {status}"
    message = f"The server ended{how} before it was ready. {gone.told}".rstrip()
    return SpawnError(message, exit_status=status)


def as_failure(spawn_id: str, error: SpawnError, gone: Gone | None) -> SpawnFailed:
    """What is recorded of a start that this has ended. `gone`: the attempt's end, where it was confirmed."""
    return SpawnFailed(
        spawn_id,
        scrubbed(error.message),
        error.status,
        scrubbed(error.html_message),
        exit_status=exit_status_of(gone) if error.exit_status is None else error.exit_status,
        leftover=gone is None,
        phrase=error.phrase,
        unexpected=error.unexpected,
        headers=scrubbed_all(dict(error.headers)),
    )


def as_error(failure: SpawnFailed) -> SpawnError:
    """What was recorded of a start, as it was raised."""
    return SpawnError(
        failure.reason,
        status=failure.status,
        html_message=failure.html_message,
        exit_status=failure.exit_status,
        phrase=failure.phrase,
        unexpected=failure.unexpected,
        headers=failure.headers,
    )


def why_not_adopted(found: SpawnError) -> str:
    if found.reason == ANOTHER_ANSWERS:
        return f"Found after a restart of the hub: {found.message}"
    return "It runs, but did not answer after a restart of the hub."


def exit_status_of(gone: Gone | None) -> int | None:
    """The exit status, of a spawner that keeps to the type: what is recorded must be readable for good."""
    status = None if gone is None else gone.exit_status
    return status if type(status) is int and abs(status) < 2**53 else None
