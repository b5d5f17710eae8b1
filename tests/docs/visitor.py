"""Somebody with a browser, for a machine without one: logs in, fills in what forms ask for, waits, and reads.

    python visitor.py alice:secret /hub/home [FIELD=VALUE ...] TEXT

Exit code 0 once the page at that path says TEXT. It is run inside a page's machine, and imports nothing of the tests.
"""

from __future__ import annotations

import sys
import time
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

SITE = "http://127.0.0.1:8000"
PATIENCE = 60.0  # seconds


class Form:
    """`fields`: as they are when nobody has touched them."""

    def __init__(self, name: str, action: str) -> None:
        self.name = name
        self.action = action
        self.fields: dict[str, str] = {}

    @property
    def stands_in_the_way(self) -> bool:
        """Whether it asks something of who wants to go on: to log in, to choose, to agree."""
        return self.name in ("login-form", "spawn_form") or "raw-scopes" in self.fields


class Page(HTMLParser):
    """What can be done on it: its forms that post, and the way to log in elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.elsewhere: str | None = None
        self._open: Form | None = None
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form" and of.get("method") == "post":
            self._open = Form(of.get("id", ""), of.get("action", ""))
            self.forms.append(self._open)
        elif tag == "a" and of.get("id") == "login_submit":
            self.elsewhere = of["href"]
        elif self._open and tag == "option" and self._select:
            self._open.fields.setdefault(self._select, of.get("value", ""))
        elif self._open and "name" in of:
            self._note(self._open, tag, of)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None

    def _note(self, form: Form, tag: str, of: dict[str, str]) -> None:
        self._select = of["name"] if tag == "select" else ""
        is_choice = of.get("type") in ("radio", "checkbox")
        if not self._select and (not is_choice or "checked" in of):
            form.fields[of["name"]] = of.get("value", "")


def visit(who: str, path: str, filled: dict[str, str], text: str) -> str:
    """The last page, once it says so. Raises TimeoutError, with what was read last."""
    name, _, password = who.partition(":")
    deadline = time.monotonic() + PATIENCE
    with httpx.Client(base_url=SITE, follow_redirects=True, timeout=30) as browser:
        reply = _go(browser, path)
        while text not in reply.text:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{reply.status_code} {reply.url}\n{reply.text}")
            page = Page(reply.text)
            asked = next((form for form in page.forms if form.stands_in_the_way), None)
            if page.elsewhere:
                reply = _go(browser, urljoin(str(reply.url), page.elsewhere))
            elif asked:
                given = {"username": name, "password": password, **filled}
                fields = asked.fields | {key: given[key] for key in asked.fields if key in given}
                reply = browser.post(urljoin(str(reply.url), asked.action), data=fields)
            else:
                time.sleep(0.3)
                reply = _go(browser, path)
    return reply.text


def _go(browser: httpx.Client, url: str) -> httpx.Response:
    return browser.get(url, headers={"Sec-Fetch-Mode": "navigate", "Accept": "text/html"})


if __name__ == "__main__":
    who, path, *filled, text = sys.argv[1:]
    visit(who, path, dict(pair.split("=", 1) for pair in filled), text)
