"""Which language a browser wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.texts.languages import LANGUAGES, LONGEST, preferred


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH", "de"),
        ("DE-de", "de"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("nl,es;q=0.5", "es"),
        ("nl", "en"),
        ("en;q=0.2, es;q=0.9", "es"),
        ("de;q=0,fr;q=0.1", "fr"),
        ("nl,*;q=0.5,de;q=0.4", "en"),
        ("en,de", "en"),
        ("de;q=nan,fr", "fr"),
        ("de;q=2,fr;q=0.5", "fr"),
        ("de;q=x", "en"),
        (";;;,=,", "en"),
        ("x," * LONGEST + "de", "en"),
    ],
)
def test_the_first_of_ours_that_is_wanted(header: str, language: str) -> None:
    assert preferred(header) == language


@given(st.text(alphabet="defrs-;q=0.15,* "))
def test_whatever_a_browser_says_it_is_answered_in_a_language_that_there_is(header: str) -> None:
    assert preferred(header) in LANGUAGES
