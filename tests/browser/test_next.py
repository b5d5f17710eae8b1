"""Where a browser really goes: its own URL parser has the last word on what `next` may be."""

from __future__ import annotations

import itertools
import random

import pytest

from tests.browser.conftest import Windows
from web.site.next_url import safe_path

pytestmark = pytest.mark.slow

OWN = frozenset({"https://hub.test"})
PIECES = (
    *(
        "/",
        "//",
        "\\",
        "\t",
        "\n",
        "\r",
        " ",
        "\0",
        ":",
        "@",
        "?",
        "#",
        ".",
        "..",
        "%2f",
        "%5c",
        "%09",
        "x",
        "é",
    ),
    *("https:", "HTTP:", "javascript:", "//hub.test", "evil.test", "https://hub.test", "https://evil.test"),
    *("hub.test@", "hub.test.", "[", "]", "::1", "。", "／", "＼", "\u2028", "\xad", "\ufeff"),
)


def tricks() -> list[str]:
    """All that two pieces make, and thousands of longer ones, as they are and made to look like ours."""
    chance = random.Random(4)
    longer = ["".join(chance.choices(PIECES, k=chance.randint(3, 7))) for _ in range(6000)]
    pairs = ["".join(pair) for pair in itertools.product(PIECES, repeat=2)]
    return [start + rest for start in ("", "/", "https://hub.test") for rest in pairs + longer]


def test_chromium_stays_on_this_host(windows: Windows) -> None:
    page = windows.context().new_page()
    paths = sorted({path for trick in tricks() if (path := safe_path(trick, OWN))})
    assert len(paths) > 500
    strays = page.evaluate(
        """paths => paths.filter(path => new URL(path, "https://hub.test/hub/login").origin !== "https://hub.test")""",
        paths,
    )
    assert strays == []


def test_chromium_would_be_led_astray(windows: Windows) -> None:
    """Without the rule: so the corpus is one."""
    page = windows.context().new_page()
    gone = page.evaluate(
        """tricks => tricks.filter(trick => {
            try { return new URL(trick, "https://hub.test/hub/login").origin !== "https://hub.test" }
            catch { return false }
        }).length""",
        tricks(),
    )
    assert gone > 500
