"""A form of the configuration with what somebody has filled in before: it comes back where that would not do.

Only the tags of fields that were sent are changed; all other HTML stays as it was written. Passwords and files are
for people to give again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from html.parser import HTMLParser
from typing import Any

_ATTRIBUTE = re.compile(r"""\s+([^\s=/>"']+)(\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']*))?""")
_CHOSEN_BY_VALUE = frozenset({"checkbox", "radio"})
_LEFT_ALONE = frozenset({"password", "file", "hidden", "submit", "button", "image", "reset"})


def filled_in(html: str, given: Mapping[str, Sequence[Any]], *, is_whole: bool) -> str:
    """`given`: texts by the names of fields. `is_whole`: boxes that are not among them were not ticked."""
    filling = _Filling(given, is_whole)
    filling.feed(html)
    filling.close()
    return "".join(filling.pieces)


class _Filling(HTMLParser):
    """`pieces`: the HTML so far."""

    def __init__(self, given: Mapping[str, Sequence[Any]], is_whole: bool) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []
        self._is_whole = is_whole
        self._given = {
            name: [value for value in values if isinstance(value, str)] for name, values in given.items()
        }
        self._left = {name: list(values) for name, values in self._given.items()}  # several have one name
        self._select: str | None = None  # the name of the one that is open
        self._option: tuple[str, list[str]] | None = None  # one without a value of its own, and what is in it
        self._is_replaced = False  # the text of the textarea that is open

    # --- fields ---

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = {name: value or "" for name, value in attrs}
        source = self.get_starttag_text() or ""
        name = fields.get("name", "")
        self._close_option()
        if tag == "input":
            source = self._input(source, name, fields)
        elif tag == "select":
            self._select = name if name in self._given else None
        elif tag == "option" and self._select is not None:
            if "value" not in fields:
                self._option = (source, [])
                return
            source = _with_flag(source, "selected", fields["value"] in self._given[self._select])
        self._put(source)
        if tag == "textarea" and name in self._given:
            self._put("\n" + escape(self._next(name)))  # HTML drops the first line break
            self._is_replaced = True

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._close_option()
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._is_replaced = False
        self._put(f"</{tag}>")

    def _input(self, source: str, name: str, fields: Mapping[str, str]) -> str:
        kind = fields.get("type", "text").lower()
        if kind in _CHOSEN_BY_VALUE and (self._is_whole or name in self._given):
            return _with_flag(source, "checked", fields.get("value", "on") in self._given.get(name, ()))
        if name not in self._given or kind in _LEFT_ALONE | _CHOSEN_BY_VALUE:
            return source
        return _with_attribute(_without(source, "value"), f'value="{escape(self._next(name))}"')

    def _next(self, name: str) -> str:
        return self._left[name].pop(0) if self._left[name] else ""

    def _close_option(self) -> None:
        """An option without a value stands for its text."""
        if self._option is None or self._select is None:
            return
        source, texts = self._option
        self._option = None
        text = "".join(texts)
        value = " ".join(unescape(text).split())
        self._put(_with_flag(source, "selected", value in self._given[self._select]))
        self._put(text)

    # --- all else ---

    def _put(self, source: str) -> None:
        if not self._is_replaced:
            self.pieces.append(source)

    def handle_data(self, data: str) -> None:
        if self._option is not None:
            self._option[1].append(data)
        else:
            self._put(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self._put(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self._put(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self._put(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self._put(f"<![{data}]>")


def _with_flag(source: str, flag: str, is_set: bool) -> str:
    bare = _without(source, flag)
    return _with_attribute(bare, flag) if is_set else bare


def _with_attribute(source: str, attribute: str) -> str:
    """Behind the name of the tag."""
    return re.sub(r"^<([A-Za-z]+)", lambda found: f"{found[0]} {attribute}", source)


def _without(source: str, attribute: str) -> str:
    return _ATTRIBUTE.sub(lambda found: "" if found[1].lower() == attribute else found[0], source)
