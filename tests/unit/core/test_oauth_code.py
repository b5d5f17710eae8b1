"""An authorization code: good once, for a few minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import AlreadyExistsError, NotFoundError
from core.events.oauth import CodeIssued, CodeRedeemed
from core.oauth_code import CODE_LIFE, AnyCode, Code, Issue, NoCode, Redeem, decide, evolve

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(seconds=CODE_LIFE)
ISSUE = Issue(
    "server/v1", "u1", "digest", ["access:servers!server"], UNTIL, "/back", "challenge", "S256", "f" * 32
)
ISSUED = CodeIssued(
    "server/v1", "u1", "digest", ["access:servers!server"], UNTIL, "/back", "challenge", "S256", "f" * 32
)


def test_what_is_issued_is_redeemed_once() -> None:
    assert decide(NoCode(), ISSUE) == [ISSUED]
    code = evolve(NoCode(), ISSUED)
    assert code == Code(UNTIL)
    assert decide(code, Redeem("t1", NOW)) == [CodeRedeemed("t1")]
    assert evolve(code, CodeRedeemed("t1")) == NoCode()


@pytest.mark.parametrize(
    ("code", "at"),
    [
        (NoCode(), NOW),  # unknown, or used
        (Code(UNTIL), UNTIL),
        (Code(UNTIL), UNTIL + timedelta(days=1)),
    ],
)
def test_what_is_used_or_old_is_not_redeemed(code: AnyCode, at: datetime) -> None:
    with pytest.raises(NotFoundError):
        decide(code, Redeem("t1", at))


def test_a_code_is_issued_once() -> None:
    with pytest.raises(AlreadyExistsError):
        decide(Code(UNTIL), ISSUE)
