"""Names of people in names of volumes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plugins.spawner import Attempt
from spawners.docker.names import escaped, fields_of, filled, names_server, names_user

names = st.text(min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("alice", "alice"),
        ("alice@example.org", "alice-40example-2Eorg"),
        ("a-b", "a-2Db"),
        ("ä", "-C3-A4"),
        ("$(id)", "-24-28id-29"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert escaped(name) == safe


@given(names, names)
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) == (one == other)
    assert re.fullmatch("[A-Za-z0-9-]+", escaped(one))


@given(user=names, server=st.text(max_size=20))
def test_a_name_that_looks_like_a_field_is_not_filled_in_again(user: str, server: str) -> None:
    attempt = Attempt("s" * 26, user, server, "/", {}, {}, user_id="u1", server_id="v1")
    fields = fields_of(attempt)
    assert (
        filled("{raw_username}|{raw_servername}|{user_id}|{other}|{", fields)
        == f"{user}|{server}|u1|{{other}}|{{"
    )


@pytest.mark.parametrize(
    ("template", "of_user", "of_server"),
    [
        ("course", False, False),
        ("{other}", False, False),
        ("home-{username}", True, False),
        ("home-{user_id}", True, False),
        ("home-{username}-{servername}", True, True),
        ("home-{server_id}", True, True),
    ],
)
def test_whose_a_volume_is(template: str, of_user: bool, of_server: bool) -> None:
    assert (names_user(template), names_server(template)) == (of_user, of_server)
