"""How many examples hypothesis tries: fewer before every commit (`make check`), as many as written in `make test`."""

from __future__ import annotations

import os

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
_OF_CHECK = 3  # one in so many
_LEAST = 10


def examples(usual: int, thorough: int | None = None) -> int:
    """`thorough`: for a long night (`HYPOTHESIS_PROFILE=thorough`); None: as usual."""
    if PROFILE == "thorough" and thorough is not None:
        return thorough
    return max(min(_LEAST, usual), usual // _OF_CHECK) if PROFILE == "check" else usual
