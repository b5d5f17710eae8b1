"""What is said in the language that is spoken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from web.texts.translate import LONGEST_TOLD, _, moment, ngettext, number, speak, spoken, told


@pytest.fixture(autouse=True)
def speaking_german() -> Iterator[None]:
    speak("de")
    yield
    speak("en")


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("This server is already running.", "Dieser Server läuft schon."),
        ("User alice may not log in here.", "alice darf sich hier nicht anmelden."),
        ("Server at /user/bob/", "Server unter /user/bob/"),
        ("Something that nobody translates", "Something that nobody translates"),
        ("", ""),
    ],
)
def test_a_message_that_was_worded_in_english_is_recognised_with_its_values(
    english: str, german: str
) -> None:
    assert told(english) == german


def test_values_are_put_back_as_they_were() -> None:
    """Whoever chose such a name gets it back, and nothing of the hub's."""
    for name in ("{name}", "{0.__class__}", "%(x)s", "<b>", "\\1"):
        assert told(f"User {name} may not log in here.") == f"{name} darf sich hier nicht anmelden."


def test_a_very_long_message_is_not_looked_through() -> None:
    message = f"User {'x' * LONGEST_TOLD} may not log in here."
    assert told(message) == message


def test_in_english_everything_stays_as_it_was_written() -> None:
    speak("en")
    assert _("Log in") == "Log in"
    assert told("User alice may not log in here.") == "User alice may not log in here."
    assert ngettext("{number} second", "{number} seconds", 2) == "{number} seconds"


def test_numbers_choose_the_form() -> None:
    assert ngettext("{number} second", "{number} seconds", 1) == "{number} Sekunde"
    assert ngettext("{number} second", "{number} seconds", 0) == "{number} Sekunden"
    speak("fr")
    assert ngettext("{number} second", "{number} seconds", 0) == "{number} seconde"


def test_moments_and_numbers_are_written_as_the_language_does() -> None:
    at = datetime(2026, 3, 1, 0, 30, 59, tzinfo=timezone(timedelta(hours=1)))
    assert moment(at) == "28.02.2026, 23:30 UTC"
    assert number(12345.5) == "12.345,5"
    speak("en")
    assert moment(at.astimezone(UTC)) == "2026-02-28 23:30 UTC"
    assert spoken() == "en"
