from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import AlreadyExistsError, HubError, InvalidError, NotFoundError
from core.events.share import ShareCodeEvent, ShareCodeExchanged, ShareCodeIssued, ShareCodeRevoked
from core.share_code import (
    CODE_PATTERN,
    AnyCode,
    Code,
    Command,
    Exchange,
    Issue,
    NoCode,
    Revoke,
    check_life,
    decide,
    evolve,
    new_code,
)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
SCOPES = frozenset({"read:servers", "access:servers"})
CODE = Code("u1", "v1", SCOPES, LATER)
ISSUE = Issue("u1", "v1", "digest", SCOPES, LATER)


@pytest.mark.parametrize(
    ("code", "command", "events", "after"),
    [
        (
            NoCode(),
            ISSUE,
            [ShareCodeIssued("u1", "v1", "digest", ["access:servers", "read:servers"], LATER)],
            CODE,
        ),
        (CODE, Exchange("u2", NOON), [ShareCodeExchanged("u2")], CODE),
        (CODE, Revoke(), [ShareCodeRevoked()], NoCode()),
        (NoCode(), Revoke(), [], NoCode()),
    ],
)
def test_decide(code: AnyCode, command: Command, events: list[ShareCodeEvent], after: AnyCode) -> None:
    assert decide(code, command) == events
    for event in events:
        code = evolve(code, event)
    assert code == after


@pytest.mark.parametrize(
    ("code", "command", "refusal"),
    [
        (CODE, ISSUE, AlreadyExistsError),
        (CODE, Exchange("u1", NOON), InvalidError),
        (CODE, Exchange("u2", LATER), NotFoundError),
        (CODE, Exchange("u1", LATER), NotFoundError),
        (NoCode(), Exchange("u2", NOON), NotFoundError),
    ],
)
def test_refusals(code: AnyCode, command: Command, refusal: type[HubError]) -> None:
    with pytest.raises(refusal):
        decide(code, command)


def test_new_codes_look_like_codes_and_differ() -> None:
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    assert all(re.fullmatch(CODE_PATTERN, code) for code in codes)


@pytest.mark.parametrize("text", ["", "x" * 42, "x" * 44, "x" * 42 + "/", "x" * 42 + "\n", "é" * 43])
def test_what_does_not_look_like_a_code(text: str) -> None:
    assert not re.fullmatch(CODE_PATTERN, text)


@pytest.mark.parametrize(
    ("seconds", "is_fine"), [(59, False), (60, True), (31_536_000, True), (31_536_001, False)]
)
def test_a_code_lives_between_a_minute_and_a_year(seconds: int, is_fine: bool) -> None:
    if is_fine:
        assert check_life(seconds) == seconds
    else:
        with pytest.raises(InvalidError):
            check_life(seconds)
