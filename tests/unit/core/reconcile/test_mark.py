"""Marks: what a hub leaves on what it starts, and what somebody else cannot."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reconcile.mark import Mark, opened, sealed

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
MARK = Mark("0123456789abcdef", 1042, "s" + 25 * "0", "alice", "lab")

marks = st.builds(
    Mark, st.text(), st.integers(0, 2**40), st.text(), st.text(max_size=50), st.text(max_size=50)
)


@given(marks)
def test_what_was_sealed_comes_out_again(mark: Mark) -> None:
    text = sealed(mark, KEY)
    assert opened(text, KEY) == mark
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", text), "every engine's labels take it"


def test_it_fits_where_engines_keep_such_things() -> None:
    assert len(sealed(MARK, KEY)) < 256


@given(st.text() | st.just(sealed(MARK, OTHER_KEY)))
def test_nobody_else_makes_one(text: str) -> None:
    assert opened(text, KEY) is None


@pytest.mark.parametrize("at", [0, 5, 40, -1])
def test_a_changed_one_is_none(at: int) -> None:
    letters = list(sealed(MARK, KEY))
    letters[at] = "0" if letters[at] != "0" else "1"
    assert opened("".join(letters), KEY) is None


def test_what_is_sealed_but_no_mark_is_none() -> None:
    from core.reconcile import mark

    for body in ("e30", "?", "a"):
        assert opened(f"{body}.{mark._seal(body, KEY)}", KEY) is None
