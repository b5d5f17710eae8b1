"""What a name given becomes, and which names a hub does not allow."""

from __future__ import annotations

import pytest

from core.errors import InvalidError
from core.naming.user_names import UserNames
from core.settings import ConfigError


@pytest.mark.parametrize(
    ("given", "stored"),
    [("Bob", "bob"), ("BOBBY", "bob"), ("bob@x.org", "bob@x.org"), ("bob", "bob"), ("ÉMILE", "émile")],
)
def test_names_are_stored_in_lower_case_and_mapped(given, stored):
    assert UserNames(renamed={"bobby": "bob"}).stored(given) == stored


@pytest.mark.parametrize(
    ("pattern", "name", "is_allowed"),
    [
        ("", "1", True),
        ("[a-z]", "a1", True),
        ("[a-z]", "1a", False),
        ("[a-z]+$", "a1", False),
        ("", "a/b", False),
        ("", "a%2Fb", False),
        ("", " a", False),
        ("", "..", False),
        ("", "", False),
        (".*", "a\x00", False),
    ],
)
def test_names_must_match(pattern, name, is_allowed):
    names = UserNames(pattern)
    if is_allowed:
        assert names.check(name) == name
    else:
        with pytest.raises(InvalidError):
            names.check(name)


def test_a_pattern_that_is_none_is_a_configuration_error_in_one_line():
    with pytest.raises(ConfigError, match=r"^c\.Authenticator\.username_pattern = '\(': [^\n]*$"):
        UserNames("(")
