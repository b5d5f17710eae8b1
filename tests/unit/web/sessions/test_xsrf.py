"""XSRF: which requests of a browser need the token, and whose tokens are good."""

from __future__ import annotations

import pytest

from web.sessions.proofs import Proof
from web.sessions.xsrf import ANONYMOUS_LIFE, Fetch, XsrfTokens, is_foreign, needs_token

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("method", "mode", "site", "dest", "read", "act"),
    [
        # what is asked          by a page that reads   by one that acts
        ("GET", "", "", "", False, False),
        ("GET", "navigate", "none", "document", False, False),
        ("GET", "navigate", "cross-site", "document", False, False),
        ("GET", "navigate", "same-origin", "iframe", False, True),
        ("GET", "navigate", "cross-site", "embed", False, True),
        ("GET", "no-cors", "same-origin", "image", False, True),
        ("GET", "no-cors", "same-site", "image", True, True),
        ("GET", "no-cors", "cross-site", "script", True, True),
        ("GET", "no-cors", "", "image", True, True),
        ("GET", "cors", "same-origin", "empty", True, True),
        ("GET", "same-origin", "same-origin", "empty", True, True),
        ("GET", "websocket", "same-origin", "websocket", False, True),
        ("GET", "nonsense", "same-origin", "", True, True),
        *[
            (method, mode, site, dest, True, True)
            for method in ("POST", "PUT", "PATCH", "DELETE", "PROPFIND")
            for mode, site, dest in [
                ("", "", ""),
                ("navigate", "same-origin", "document"),
                ("no-cors", "same-origin", "empty"),
                ("websocket", "same-origin", "websocket"),
                ("cors", "cross-site", "empty"),
            ]
        ],
    ],
)
def test_what_needs_the_token(method: str, mode: str, site: str, dest: str, read: bool, act: bool) -> None:
    fetch = Fetch(method, mode, site, dest)
    assert (needs_token(fetch), needs_token(fetch, Proof.VISIT)) == (read, act)
    assert needs_token(fetch, Proof.NONE) is (method not in ("GET", "HEAD", "OPTIONS"))


@pytest.mark.parametrize(
    ("method", "site", "origin", "foreign"),
    [
        ("POST", "", "", False),
        ("POST", "same-origin", "", False),
        ("POST", "same-site", "https://bob.hub.test", False),
        ("POST", "none", "", False),
        ("POST", "cross-site", "https://hub.test", True),
        ("POST", "", "https://hub.test", False),
        ("POST", "", "https://HUB.test", False),
        ("POST", "", "http://hub.test", False),
        ("POST", "", "https://hub.test:8443", False),
        ("POST", "", "https://hub.test.evil.test", True),
        ("POST", "", "https://[hub.test", True),
        ("POST", "", "https://evil.test", True),
        ("POST", "", "null", True),
        ("GET", "cross-site", "https://evil.test", False),
    ],
)
def test_what_another_site_sends(method: str, site: str, origin: str, foreign: bool) -> None:
    assert is_foreign(Fetch(method, "", site, "", origin), {"hub.test"}) is foreign


def test_a_token_belongs_to_one_session() -> None:
    tokens = XsrfTokens(b"key")
    assert tokens.of_session("a") == tokens.of_session("a") != tokens.of_session("b")
    assert XsrfTokens(b"other").of_session("a") != tokens.of_session("a")
    assert not tokens.is_anonymous(tokens.of_session("a"), "", NOW)


@pytest.mark.parametrize(
    ("age", "visitor", "good"),
    [
        (0, "1.2.3.4 Firefox", True),
        (ANONYMOUS_LIFE - 1, "1.2.3.4 Firefox", True),
        (ANONYMOUS_LIFE + 1, "1.2.3.4 Firefox", False),
        (-60, "1.2.3.4 Firefox", False),
        (0, "1.2.3.4 Chrome", False),
    ],
)
def test_the_token_of_a_login_form_is_good_for_an_hour_in_one_browser(
    age: float, visitor: str, good: bool
) -> None:
    tokens = XsrfTokens(b"key")
    assert tokens.is_anonymous(tokens.anonymous("1.2.3.4 Firefox", NOW, "n"), visitor, NOW + age) is good


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "x",
        "x.y",
        "6b49d200",
        "6b49d200.",
        "-1.x",
        "\ud800",
        "6b49d200.é",
        "6b49d200.n",
        "6b49d200.n.",
    ],
)
def test_anything_else_is_no_token(token: str) -> None:
    assert not XsrfTokens(b"key").is_anonymous(token, "", NOW)
