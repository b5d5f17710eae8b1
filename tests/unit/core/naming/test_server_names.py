"""Names of servers, made of what people call them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.naming.names import check_server_name, name_from

TITLES = {
    "Däta Lab 2": "data-lab-2",
    "  two   words ": "two-words",
    "2nd": "x-2nd",
    "---": "",
    "日本": "",
    "a" * 40: "a" * 30,
    "GPU (large)": "gpu-large",
    "a" * 29 + " b": "a" * 29,
}


@pytest.mark.parametrize(("title", "name"), TITLES.items())
def test_a_name_is_made_of_a_title(title: str, name: str) -> None:
    assert name_from(title) == name


@given(st.text(max_size=60))
def test_a_name_that_is_made_is_a_name(title: str) -> None:
    name = name_from(title)
    assert not name or check_server_name(name) == name
