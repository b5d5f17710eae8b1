"""The pages that the proxy shows while the hub, or a server, is away: made by the hub while it is there."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Iterator
from typing import Any

from jinja2 import TemplateError

from web.presentation.presentation import Presentation
from web.texts.languages import ENGLISH, LANGUAGES
from web.texts.translate import speak, spoken

logger = logging.getLogger("callboard.pages")

HUB_AWAY = "proxy_away.html"
SERVER_AWAY = "proxy_server_away.html"
_NONE = "'none'"
_INLINE = r"<{0}(?:\s[^>]*)?>(.*?)</{0}>"


def away_page(presentation: Presentation, base_url: str, template: str = HUB_AWAY) -> dict[str, Any] | None:
    """`html` and its `policy` in English, and `others`: the same by language.

    None where a template of the configuration cannot be shown.
    """
    try:
        pages = {language: _page(presentation, base_url, template, language) for language in LANGUAGES}
    except (TemplateError, TypeError, ValueError) as error:
        logger.warning("a page for the proxy cannot be made: %s: %s", template, error)
        return None
    english = pages.pop(ENGLISH)
    return {**english, "others": {language: page for language, page in pages.items() if page != english}}


def _page(presentation: Presentation, base_url: str, template: str, language: str) -> dict[str, str]:
    before = spoken()
    speak(language)
    try:
        html = presentation.templates.get_template(template).render(
            {
                "language": language,
                **presentation.variables,
                "base_url": f"{base_url}hub/",
                "csp_nonce": "",
            }
        )
    finally:
        speak(before)
    return {"html": html, "policy": policy_of(html)}


def policy_of(html: str) -> str:
    """Its Content-Security-Policy wherever it is kept: its own styles and scripts, by their digests."""
    styles, scripts = " ".join(_digests("style", html)), " ".join(_digests("script", html))
    return (
        f"default-src 'none'; style-src {styles or _NONE}; script-src {scripts or _NONE}; connect-src 'self'; "
        "img-src 'self' data:; frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
    )


def _digests(tag: str, html: str) -> Iterator[str]:
    for found in re.finditer(_INLINE.format(tag), html, re.DOTALL | re.IGNORECASE):
        digest = hashlib.sha256(found[1].encode()).digest()
        yield f"'sha256-{base64.b64encode(digest).decode()}'"
