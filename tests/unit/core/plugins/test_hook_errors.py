"""What people are told of what a hook has raised, and what the log has of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException
from tornado.web import HTTPError

from core.errors import ForbiddenError, SpawnError
from core.plugins.hook_errors import Said, as_form_error, as_hook_error, as_spawn_error, log_failure, said_by

logger = logging.getLogger("callboard.hooks")


def marked(error: Exception, **attributes: Any) -> Exception:
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


ADVICE = SpawnException(
    "No room.",
    reason="full",
    status_code=503,
    log_message="node 7 has 0 of 64 GiB",
    message_html="<b>No</b> room",
)
SAID = [
    (HTTPError(418, "No %s here", "tea"), Said("No tea here", 418)),
    (HTTPError(400, "100% wrong"), Said("100% wrong", 400)),
    (HTTPError(400, "%s and %s", "one"), Said("%s and %s", 400)),
    (HTTPError(409), Said("Conflict", 409)),
    (HTTPError(409, reason="Odd"), Said("Odd", 409, reason="Odd", phrase="Odd")),
    (HTTPError(200, "fine"), Said("fine", 500)),
    (HTTPError(599), Said("Unknown Error", 599)),
    (SpawnException("Too big.", reason="size"), Said("Too big.", 400, "", "size", "size")),
    (ADVICE, Said("No room.", 503, "<b>No</b> room", "full", "full")),
    (
        marked(HTTPError(429, "later"), headers={"Retry-After": 120, "X-Bad": "a\nb", "A B": "c"}),
        Said("later", 429, headers={"Retry-After": "120"}),
    ),
    (ValueError("no size"), Said("no size", unexpected=True)),
    (ValueError(), Said("ValueError", unexpected=True)),
    (
        marked(OSError("404: no such image"), status_code=404, reason="Not Found"),
        Said("404: no such image", unexpected=True),
    ),
    (marked(KeyError("x"), jupyterhub_message="Ask bob."), Said("Ask bob.")),
    (marked(HTTPError(400, "no"), jupyterhub_html_message="<i>no</i>"), Said("no", 400, "<i>no</i>")),
]


@pytest.mark.parametrize(("error", "said"), SAID, ids=[repr(error) for error, _ in SAID])
def test_what_is_said(error: Exception, said: Said) -> None:
    assert said_by(error) == said


@pytest.mark.parametrize(
    ("error", "line", "has_trace"),
    [
        (ADVICE, "x refused with status 503: node 7 has 0 of 64 GiB", False),
        (SpawnException("Too big.", reason="size"), "x refused with status 400: Too big.", False),
        (HTTPError(418, "No %s here", "tea"), "x refused with status 418: No tea here", False),
        (HTTPError(409), "x refused with status 409: HTTP 409: Conflict", False),
        (ForbiddenError("Not you."), "x: Not you.", False),
        (ValueError("no size"), "x failed: ValueError('no size')", True),
    ],
)
def test_what_is_logged(
    caplog: pytest.LogCaptureFixture, error: Exception, line: str, has_trace: bool
) -> None:
    log_failure(logger, "x", error)
    (record,) = caplog.records
    assert record.getMessage() == line
    assert bool(record.exc_info) is has_trace


def test_a_start_that_was_refused_stays_so() -> None:
    refused = SpawnError("no", status=418)
    assert as_spawn_error(refused) is refused
    assert as_spawn_error(ForbiddenError("Not you.")).message == "Not you."


def test_what_a_form_is_told_is_an_error_of_http_only_if_it_was_raised_as_one() -> None:
    assert type(as_form_error(ValueError("no size"))).__name__ == "FormError"
    refused = as_form_error(HTTPError(418, "no %s", "tea"))
    assert isinstance(refused, SpawnError)
    assert (refused.message, refused.status) == ("no tea", 418)


def test_a_request_is_answered_what_its_hook_says() -> None:
    refused = as_hook_error(HTTPError(410, "gone"))
    assert (refused.message, vars(refused)["status"]) == ("gone", 410)
    own = ForbiddenError("Not you.")
    assert as_hook_error(own) is own
