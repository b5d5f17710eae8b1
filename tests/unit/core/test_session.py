"""A browser's session: opened once, ended once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.errors import AlreadyExistsError
from core.events.session import SessionEnded, SessionEvent, SessionOpened
from core.session import (
    AnySession,
    Command,
    End,
    NoSession,
    Open,
    Session,
    decide,
    evolve,
    new_session_id,
    new_session_secret,
)

UNTIL = datetime(2026, 5, 18, tzinfo=UTC)
OPEN = Session("u1", UNTIL)


@pytest.mark.parametrize(
    ("session", "command", "events"),
    [
        (
            NoSession(),
            Open("u1", "digest", UNTIL, "192.0.2.7"),
            [SessionOpened("u1", "digest", UNTIL, "192.0.2.7")],
        ),
        (NoSession(), End("logout"), []),
        (OPEN, End("logout"), [SessionEnded("logout")]),
    ],
)
def test_decide(session: AnySession, command: Command, events: list[SessionEvent]) -> None:
    assert decide(session, command) == events


def test_a_session_is_opened_once() -> None:
    with pytest.raises(AlreadyExistsError):
        decide(OPEN, Open("u2", "digest", UNTIL))


def test_evolve() -> None:
    assert evolve(NoSession(), SessionOpened("u1", "digest", UNTIL)) == OPEN
    assert evolve(OPEN, SessionEnded()) == NoSession()


def test_the_id_of_a_session_says_nothing_about_its_secret() -> None:
    assert len({new_session_id() for _ in range(100)} | {new_session_secret() for _ in range(100)}) == 200
    assert len(new_session_id()) == 32
