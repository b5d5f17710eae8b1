"""Login cookies that another hub has signed: tornado's own are read, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.web import create_signed_value

from core.token import quick_digest
from web.sessions.signed_cookies import owner_digest, owner_of

NAME, SECRET, LIFE = "jupyterhub-hub-login", bytes(range(32)), timedelta(days=14)
SIGNED = datetime(2026, 5, 4, 9, 3, tzinfo=UTC)


def signed(value: str = "5f0c", name: str = NAME, secret: bytes = SECRET, version: int = 2) -> str:
    clock = SIGNED.timestamp
    return create_signed_value(secret, name, value, version=version, clock=clock).decode()


def read(cookie: str, *, after: timedelta = timedelta(hours=1), secret: bytes = SECRET) -> str | None:
    return owner_of(cookie, NAME, secret, LIFE, SIGNED + after)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=100))
def test_what_tornado_has_signed_is_read(value: str) -> None:
    assert read(signed(value)) == value


@given(st.data())
def test_one_changed_character_makes_it_worthless(data: st.DataObject) -> None:
    cookie = signed()
    at = data.draw(st.integers(0, len(cookie) - 1))
    other = data.draw(
        st.characters(min_codepoint=33, max_codepoint=126).filter(lambda char: char != cookie[at])
    )
    assert read(cookie[:at] + other + cookie[at + 1 :]) is None


@pytest.mark.parametrize(
    ("cookie", "why"),
    [
        (signed(secret=bytes(32)), "signed with another secret"),
        (signed(name="another"), "signed for another cookie"),
        (signed(version=1), "of the older form, which JupyterHub has never used"),
        (signed().rpartition("|")[0] + "|", "without its signature"),
        ("2|1:0|", "nothing but a beginning"),
        ("2|1:0|" + "x" * 2000, "too long to be looked at"),
        ("5f0c", "the value alone"),
        ("", "empty"),
    ],
)
def test_nothing_else_is(cookie: str, why: str) -> None:
    assert read(cookie) is None, why


def test_it_is_good_as_long_as_cookies_are() -> None:
    assert read(signed(), after=LIFE - timedelta(seconds=1)) == "5f0c"
    assert read(signed(), after=LIFE) is None


def test_what_is_recorded_lets_nobody_in_who_knows_the_value_alone() -> None:
    """A session's own secret is looked for by its digest: no text has the digest of a moved one."""
    assert owner_digest("5f0c").startswith("signed:")
    assert ":" not in quick_digest("signed:5f0c")
