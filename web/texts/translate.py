"""What is said to people, in the language of whoever is being answered.

Texts are written in English where they are said, as `_("...")`; `N_("...")` marks one that is said later, with `_`.
Where no page is being made, as for programs and in the log, the language is English.
"""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from web.texts.catalogues import PLACE, catalogue
from web.texts.languages import ENGLISH

LONGEST_TOLD = 1000  # characters of a message in which known ones are looked for

_spoken: ContextVar[str] = ContextVar("spoken", default=ENGLISH)


def speak(language: str) -> None:
    """From here on, in this task."""
    _spoken.set(language)


def spoken() -> str:
    return _spoken.get()


def gettext(text: str) -> str:
    """`""` is the head of a catalogue, and no text."""
    return catalogue(_spoken.get()).translations.gettext(text) if text else ""


_ = gettext


def ngettext(one: str, many: str, number: int) -> str:
    """The form that goes with this number; the number itself is put in by the caller."""
    return catalogue(_spoken.get()).translations.ngettext(one, many, number)


def N_(text: str) -> str:
    return text


def told(message: str) -> str:
    """A message that was worded in English and may have values in it by now: a refusal, or a reason from the log.

    One that no catalogue has stays as it is.
    """
    known = catalogue(_spoken.get())
    if not message or not known.patterns or len(message) > LONGEST_TOLD:
        return message
    said = known.translations.gettext(message)
    if said != message:
        return said
    for text, form in known.patterns:
        if found := form.fullmatch(message):
            return PLACE.sub(lambda place: found[place[1]], known.translations.gettext(text))
    return message


def moment(at: datetime) -> str:
    """To the minute, in UTC."""
    return _moment(_spoken.get(), at.astimezone(UTC).replace(second=0, microsecond=0))


@lru_cache(maxsize=4096)
def _moment(language: str, at: datetime) -> str:
    """English is read in too many countries for any of their own ways."""
    if language == ENGLISH:
        return f"{at:%Y-%m-%d %H:%M} UTC"
    return f"{format_date(at, 'medium', language)}, {format_time(at, 'short', UTC, language)} UTC"


def number(value: float) -> str:
    return format_decimal(value, locale=_spoken.get())
