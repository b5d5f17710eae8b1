"""Reads a page, and checks what all pages have in common."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.unit.web.pages.browser import NAVIGATES, Browser


class Element:
    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element | str] = []
        self.parent = parent

    @property
    def text(self) -> str:
        pieces = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(pieces).split())

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """Below this one: of this tag, with these attributes (`_` stands for `-`; `id_` for `id`)."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if (not tag or child.tag == tag) and all(child.has(*pair) for pair in wanted.items()):
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def one(self, tag: str = "", **attributes: str) -> Element:
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} elements {tag} {attributes}"
        return found[0]

    def has(self, name: str, value: str) -> bool:
        if name == "class":
            return value in self.attributes.get("class", "").split()
        return self.attributes.get(name) == value

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


VOID = frozenset({"meta", "link", "input", "img", "br", "hr", "path", "rect"})


class Reader(HTMLParser):
    """Raises AssertionError where tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self._now = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._now)
        self._now.children.append(element)
        if tag not in VOID:
            self._now = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._now.children.append(Element(tag, {name: value or "" for name, value in attrs}, self._now))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self._now.tag == tag, f"</{tag}> where {self._now.tag} is open"
        assert self._now.parent is not None
        self._now = self._now.parent

    def handle_data(self, data: str) -> None:
        self._now.children.append(data)


def read(html: str) -> Element:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.root is reader._now, f"<{reader._now.tag}> is never closed"
    return reader.root


def data_of(page: Element) -> dict[str, Any]:
    """What the page's scripts are told: `window.jhdata`."""
    return json.loads(page.one("script", id_="jhdata").text)  # type: ignore[no-any-return]


async def shown(browser: Browser, path: str, status: int = 200) -> Element:
    """The page at `path`, as somebody who goes there sees it."""
    answer = await browser.get(path, headers=NAVIGATES)
    assert answer.status_code == status, (answer.status_code, answer.text[:2000])
    return check_page(answer)


def check_page(answer: httpx.Response) -> Element:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("frame-ancestors 'none'; report-uri /")
    assert "unsafe" not in policy
    assert "; form-action 'self'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = read(answer.text)
    assert page.one("html")["lang"] == answer.headers["content-language"]
    assert page.one("title").text
    assert len(page.all("h1")) == 1
    return page
