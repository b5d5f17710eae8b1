"""A token: made, digested, issued, revoked."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from core.errors import AlreadyExistsError, InvalidError, NotFoundError
from core.events.token import TokenEvent, TokenIssued, TokenRevoked
from core.token import (
    MAX_LENGTH,
    MIN_LENGTH,
    AnyToken,
    Command,
    Issue,
    NoToken,
    Revoke,
    Token,
    check_length,
    decide,
    evolve,
    new_token,
    quick_digest,
    slow_digest,
)
from tests.conftest import SLOW_ROUNDS

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TOKEN = Token("user/u1", ["self"], NOON)
ISSUE = Issue("user/u1", "d1", ["self"], "a note", NOON, "s3cr", "grader", "session")
ISSUED = TokenIssued("user/u1", "d1", ["self"], "a note", NOON, "s3cr", "grader", "session")
SALT = "00" * 16


@pytest.mark.parametrize(
    ("token", "command", "events"),
    [
        (NoToken(), ISSUE, [ISSUED]),
        (TOKEN, Revoke(), [TokenRevoked()]),
        (TOKEN, Revoke("lost"), [TokenRevoked("lost")]),
        (NoToken(), Revoke("lost", of_server=True), [TokenRevoked("lost")]),
    ],
)
def test_decide(token: AnyToken, command: Command, events: list[TokenEvent]) -> None:
    assert decide(token, command) == events


def test_a_token_is_issued_once() -> None:
    with pytest.raises(AlreadyExistsError):
        decide(TOKEN, ISSUE)


def test_a_token_that_is_not_there_cannot_be_revoked() -> None:
    with pytest.raises(NotFoundError):
        decide(NoToken(), Revoke())


@pytest.mark.parametrize(
    ("token", "event", "after"),
    [(NoToken(), ISSUED, TOKEN), (TOKEN, TokenRevoked(), NoToken()), (NoToken(), TokenRevoked(), NoToken())],
)
def test_evolve(token: AnyToken, event: TokenEvent, after: AnyToken) -> None:
    assert evolve(token, event) == after


def test_a_new_token_is_32_hexadecimal_digits_and_never_the_same() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(token) == 32 and int(token, 16) >= 0 for token in made)


def test_digests_tell_nothing_and_are_told_apart() -> None:
    token = "correct horse"
    assert quick_digest(token) == quick_digest(token) != quick_digest("correct horsf")
    assert slow_digest(token, SALT) == slow_digest(token, SALT) != slow_digest(token, "11" * 16)
    assert slow_digest(token, SALT).startswith("slow:")
    assert token not in quick_digest(token) + slow_digest(token, SALT)


def test_the_slow_digest_is_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests have it in one round."""
    assert SLOW_ROUNDS >= 16_384
    monkeypatch.setattr("core.token.SLOW_ROUNDS", SLOW_ROUNDS)
    derived = hashlib.pbkdf2_hmac("sha256", b"guess", bytes.fromhex(SALT), SLOW_ROUNDS)
    assert slow_digest("guess", SALT) == f"slow:{derived.hex()}"


@pytest.mark.parametrize("length", [MIN_LENGTH, MAX_LENGTH])
def test_the_length_of_tokens_that_people_chose(length: int) -> None:
    assert check_length("x" * length) == "x" * length


@pytest.mark.parametrize("length", [0, MIN_LENGTH - 1, MAX_LENGTH + 1])
def test_tokens_too_short_or_too_long_are_refused(length: int) -> None:
    with pytest.raises(InvalidError):
        check_length("x" * length)
