"""Somebody's browser, as far as forms and cookies go, at a real hub."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import requests

from tests.integration.hub import RealHub

NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}


class Visitor(requests.Session):
    """Follows redirects when told to."""

    def __init__(self, hub: RealHub) -> None:
        super().__init__()
        self.hub = hub
        self.headers.update(NAVIGATES)

    def go(self, path: str, *, follow: bool = True, **options: Any) -> requests.Response:
        return self._ask("GET", path, follow, **options)

    def fill(self, path: str, *, follow: bool = True, **fields: str) -> requests.Response:
        """The form of a page: what it hides goes with it."""
        shown = self.go(path)
        hidden = re.search(r'name="_xsrf"\s+value="([^"]*)"', shown.text)
        assert hidden, shown.text
        return self._ask("POST", path, follow, data={**fields, "_xsrf": unescape(hidden[1])})

    def launch(self, path: str, *, follow: bool = True, **fields: str) -> requests.Response:
        """As the page of another site sends its visitor here, with a form."""
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://lms.example"}
        return self._ask("POST", path, follow, data=fields, headers=foreign)

    def _ask(self, method: str, path: str, follow: bool, **options: Any) -> requests.Response:
        url = path if "://" in path else f"{self.hub.url}{path}"
        return self.request(method, url, allow_redirects=follow, timeout=30, **options)

    @property
    def who(self) -> str | None:
        """Who is logged in, as the home page says it; None for nobody."""
        shown = self.go("/hub/home", follow=False)
        if shown.status_code != 200:
            return None
        found = re.search(r'"user": "([^"]*)"', unescape(shown.text))
        return found[1] if found else ""


def told(answer: requests.Response) -> str:
    """What a page says in its alert, in one line."""
    found = re.search(
        r'class="[^"]*(?:alert|login_error)[^"]*"[^>]*>(.*?)</(?:div|p)>', answer.text, re.DOTALL
    )
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found[1])).split()) if found else ""
