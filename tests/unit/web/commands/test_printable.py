"""What people have called things moves no terminal's cursor."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from web.commands.asking.table import print_table
from web.commands.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice", "alice"),
        ("Zoë 名前 🎉", "Zoë 名前 🎉"),
        ("a\tb\nc", "a\\tb\\nc"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("ecila\u202e", "ecila\\u202e"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_what_has_no_picture_is_spelt(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_tables_hold_only_what_has_one() -> None:
    with CliRunner().isolation() as (out, *_):
        print_table(["name"], [["\x1b[2J"], ["alice"]])
        said = out.getvalue().decode()
    assert said.splitlines() == ["name", "\\x1b[2J", "alice"]
