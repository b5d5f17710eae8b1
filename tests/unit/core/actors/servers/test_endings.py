"""How starts fail, as what is recorded and what is told of it afterwards."""

from __future__ import annotations

import pytest

from core.actors.servers.endings import as_error, as_failure
from core.errors import SpawnError
from core.plugins.spawner import Gone

TOLD = SpawnError(
    "No room.",
    status=503,
    html_message="<b>No</b> room",
    exit_status=3,
    phrase="Full",
    unexpected=True,
    headers={"Retry-After": "120"},
)


@pytest.mark.parametrize("error", [TOLD, SpawnError("no")])
def test_what_was_raised_is_told_again_from_the_log(error: SpawnError) -> None:
    assert vars(as_error(as_failure("s1", error, Gone(None)))) == vars(error)


@pytest.mark.parametrize(
    ("error", "gone", "recorded"),
    [
        (SpawnError("no"), Gone(7), (7, False)),
        (SpawnError("no", exit_status=3), Gone(7), (3, False)),
        (SpawnError("no"), Gone(2**60), (None, False)),
        (SpawnError("no"), None, (None, True)),
    ],
)
def test_its_end_is_that_of_the_attempt(
    error: SpawnError, gone: Gone | None, recorded: tuple[int | None, bool]
) -> None:
    failure = as_failure("s1", error, gone)
    assert (failure.exit_status, failure.leftover) == recorded


def test_no_secret_of_an_error_is_recorded() -> None:
    token = "token=5cf1a8c0d9e94a6bb0f2d2a1c3e4f5a6"
    failure = as_failure("s1", SpawnError(token, html_message=token, headers={"X-Url": token}), Gone(1))
    assert "5cf1a8" not in repr(failure)
