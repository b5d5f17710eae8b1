"""Each button of templates and scripts has a name of its own, and a line in the table of tests/browser/buttons.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.buttons import BUTTONS

PRESENTATION = Path(__file__).parents[4] / "web/presentation"
TAG = re.compile(r"<(?:button|input type=\"(?:submit|button)\")([^>]*)>", re.S)
MADE = re.compile(r"""createElement\("button"\);((?:\n[^\n]*){4})""")
LOOKS = frozenset(
    {
        "button",
        "small",
        "primary",
        "danger",
        "quiet",
        "wide",
        "link",
        "scripted",
        "menu-button",
        "new-server-btn",
    }
)


def _name(attributes: str, class_attribute: str) -> str | None:
    """Its id, else the first of its classes that says what it is, not how it looks."""
    own_id = re.search(r"""\bid="([^"{]+)\"""", attributes)
    if own_id:
        return f"#{own_id[1]}"
    classes = re.search(class_attribute, attributes)
    own = [one for one in classes[1].split() if one not in LOOKS] if classes else []
    return f".{own[0]}" if own else None


def buttons() -> Iterator[tuple[str, str | None]]:
    for path in sorted((PRESENTATION / "templates").glob("*.html")):
        for tag in TAG.finditer(path.read_text()):
            yield path.name, _name(tag[1], r"""\bclass="([^"]*)\"""")
    for path in sorted((PRESENTATION / "static/js").glob("*.js")):
        for made in MADE.finditer(path.read_text()):
            yield path.name, _name(made[1], r"""className = "([^"]*)\"""")


def test_each_button_has_a_name_of_its_own() -> None:
    assert [file for file, name in buttons() if name is None] == []


def test_each_button_has_a_line_in_the_table() -> None:
    assert {f"{file} {name}" for file, name in buttons()} == set(BUTTONS)


@pytest.mark.parametrize("key", BUTTONS)
def test_a_line_says_where_the_focus_is_or_where_one_is_led(key: str) -> None:
    assert bool(BUTTONS[key].focus) != bool(BUTTONS[key].leads)
