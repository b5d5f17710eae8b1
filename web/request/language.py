"""In which language somebody is answered: the one they have chosen in this browser, else the one that it asks for."""

from __future__ import annotations

from quart import Request

from web.sessions.cookies import LANGUAGE
from web.texts.languages import LANGUAGES, preferred


def language_of(asking: Request) -> str:
    chosen = asking.cookies.get(LANGUAGE, "")
    return chosen if chosen in LANGUAGES else preferred(asking.headers.get("Accept-Language", ""))
