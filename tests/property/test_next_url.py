"""Open redirects: whatever `next` is, a browser that goes there stays on this host.

The model is a browser's URL parser in a few lines, and a strict one: what it may read as another host is one.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from web.site.next_url import safe_path

HOME = "https://hub.test"
OWN = frozenset({HOME})

pieces = st.sampled_from(
    [
        *("/", "//", "\\", "\t", "\n", "\r", " ", "\0", ":", "@", "?", "#", ".", "..", "%2f", "%5c", "%09"),
        *(
            "https:",
            "http:",
            "HTTPS:",
            "javascript:",
            "data:",
            "//hub.test",
            "hub.test",
            "HUB.TEST",
            "evil.test",
        ),
        *(
            "https://hub.test",
            "https://evil.test",
            "hub.test@",
            "hub.test.",
            "[",
            "]",
            "::1",
            "é",
            "。",
            "／",
            "x",
        ),
    ]
)
urls = st.lists(pieces | st.text(max_size=3), max_size=8).map("".join)


def host_a_browser_goes_to(location: str, page: str = "hub.test") -> str:
    """WHATWG's URL parser as far as hosts go: what it drops, and what it takes for a slash."""
    text = re.sub(r"[\t\n\r]", "", location.strip("".join(map(chr, range(33)))))
    scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text)
    if scheme:
        return "somewhere else: a scheme of its own"
    slashes = re.match(r"[/\\]*", text)
    assert slashes is not None
    if len(slashes[0]) < 2:
        return page
    return re.split(r"[/\\?#]", text[slashes.end() :])[0]


@given(urls)
@example("https://hub.test//evil.test")
@example("https://hub.test/\\evil.test")
@example("https://hub.test/\t/evil.test")
@example("/\\evil.test")
@example("////evil.test")
def test_next_never_leaves_this_host(asked: str) -> None:
    path = safe_path(asked, OWN)
    if path:
        assert path.startswith("/")
        assert path.isascii()
        assert path.isprintable()
        assert " " not in path
        assert "\\" not in path
        assert host_a_browser_goes_to(path) == "hub.test"


@given(urls)
def test_what_came_out_once_comes_out_again(asked: str) -> None:
    path = safe_path(asked, OWN)
    if path:
        assert safe_path(path, OWN) == path
        assert safe_path(HOME + path, OWN) == path


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10), st.text(max_size=5))
def test_a_plain_path_is_where_people_come_to(segment: str, value: str) -> None:
    asked = f"/user/{quote(segment)}/?x={quote(value)}"
    assert safe_path(asked, OWN) == asked


def test_the_model_knows_the_tricks() -> None:
    for trick in (
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        " //evil.test",
        "///evil.test",
    ):
        assert host_a_browser_goes_to(trick) == "evil.test"
    assert host_a_browser_goes_to("https:evil.test") != "hub.test"
    assert host_a_browser_goes_to("/hub//evil.test") == "hub.test"
