"""The languages of the hub's pages, and which of them a browser wants. Pure, and known to the proxy as well."""

from __future__ import annotations

from functools import lru_cache

ENGLISH = "en"  # what all texts are written in
LANGUAGES = {
    ENGLISH: "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
}  # as they call themselves

LONGEST = 500  # characters that are read of what a browser says it wants
_ANY = "*"


@lru_cache(maxsize=1024)
def preferred(accept_language: str) -> str:
    """Of a header such as `de-CH,de;q=0.9,en;q=0.8`: the first of ours that is wanted; English if none is."""
    wanted = [_wish(piece) for piece in accept_language[:LONGEST].lower().split(",")]
    for language, weight in sorted(wanted, key=lambda wish: -wish[1]):
        if weight > 0 and language in LANGUAGES:
            return language
        if weight > 0 and language == _ANY:
            return ENGLISH
    return ENGLISH


def _wish(piece: str) -> tuple[str, float]:
    """A language without its region, and how much it is wanted, from 0 to 1."""
    tag, _, parameters = piece.partition(";")
    name, _, number = parameters.partition("=")
    try:
        weight = float(number) if name.strip() == "q" else 1.0
    except ValueError:
        weight = 0.0
    return tag.strip().partition("-")[0], weight if 0 <= weight <= 1 else 0.0
