"""How much of a request is looked at: what is parsed on the event loop is so in a few milliseconds, or not at all.

A megabyte of JSON is nothing, but 350,000 empty lists in it take a hundred times as long as one long text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta
from werkzeug.exceptions import RequestURITooLarge
from werkzeug.sansio.request import Request

from core.errors import InvalidError
from core.events.nesting import is_nested_too_deeply

LONGEST_PATH = 16 * 1024  # bytes: of a file's path in the URL, three for each of its own
MOST_ARGUMENTS = 1000  # of a query
MOST_COOKIES = 300  # browsers keep some 180 for a host
MOST_ESCAPES = 5000  # in all cookies; each is a step of its own
MOST_VALUES = 20_000  # of JSON: punctuation is counted, also in texts, for that takes no time
MOST_SCOPES = 500  # of a list of them

ScopeNames = Annotated[list[str], Meta(max_length=MOST_SCOPES)]


def check_url(request: Request) -> None:
    """Raises RequestURITooLarge or InvalidError for what would take long to take apart."""
    if len(request.path) > LONGEST_PATH:
        raise RequestURITooLarge
    if is_too_long_a_query(request.query_string):
        raise InvalidError(f"The query has more than {MOST_ARGUMENTS} arguments.")


def is_too_long_a_query(query: bytes) -> bool:
    return query.count(b"&") >= MOST_ARGUMENTS


def are_too_many_cookies(sent: Sequence[bytes]) -> bool:
    """Whether these headers hold more than any browser sends: so many are none."""
    number, escapes = (sum(value.count(sign) for value in sent) for sign in (b";", b"\\"))
    return number + len(sent) > MOST_COOKIES or escapes > MOST_ESCAPES


def check_json(data: bytes) -> None:
    """Raises InvalidError. One of these signs is before every value but the first, so it has no more than they are."""
    if sum(data.count(sign) for sign in (b",", b":", b"[", b"{")) > MOST_VALUES:
        raise InvalidError(
            f"The JSON in the body has more than {MOST_VALUES} values (its punctuation counts, also in texts): "
            "send it in parts."
        )
    if is_nested_too_deeply(data):
        raise InvalidError("The JSON in the body is nested too deeply.")
