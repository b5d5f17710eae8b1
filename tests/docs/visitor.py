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


class Page(HTMLParser):
    """What can be done on it: the first form that posts, with its fields as they are, or a way to log in elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.elsewhere: str | None = None
        self._select = ""
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form" and of.get("method") == "post" and self.action is None:
            self.action, self._open = of.get("action", ""), True
        if tag == "a" and of.get("id") == "login_submit":
            self.elsewhere = of["href"]
        if self._open and "name" in of:
            self._note(tag, of)
        if self._open and tag == "option" and self._select:
            self.fields.setdefault(self._select, of.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False

    def _note(self, tag: str, of: dict[str, str]) -> None:
        self._select = of["name"] if tag == "select" else ""
        is_choice = of.get("type") in ("radio", "checkbox")
        if not self._select and (not is_choice or "checked" in of):
            self.fields[of["name"]] = of.get("value", "")


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
            if page.elsewhere:
                reply = _go(browser, urljoin(str(reply.url), page.elsewhere))
            elif page.action is not None and "logout" not in page.action:
                given = {"username": name, "password": password, **filled}
                fields = page.fields | {key: given[key] for key in page.fields if key in given}
                reply = browser.post(urljoin(str(reply.url), page.action), data=fields)
            else:
                time.sleep(0.3)
                reply = _go(browser, path)
    return reply.text


def _go(browser: httpx.Client, url: str) -> httpx.Response:
    return browser.get(url, headers={"Sec-Fetch-Mode": "navigate", "Accept": "text/html"})


if __name__ == "__main__":
    who, path, *filled, text = sys.argv[1:]
    visit(who, path, dict(pair.split("=", 1) for pair in filled), text)
