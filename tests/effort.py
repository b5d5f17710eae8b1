"""How long hypothesis searches: `HYPOTHESIS_PROFILE=thorough` for a long night, `check` before every commit.

`make check` sets the latter and tries a third of the examples; `make test` tries as many as are written.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
_OF_CHECK = 3  # one in so many
_LEAST = 10
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]


def examples(usual: int, thorough: int | None = None) -> int:
    """`thorough`: for a long night; None: as usual."""
    if PROFILE == "thorough" and thorough is not None:
        return thorough
    return max(min(_LEAST, usual), usual // _OF_CHECK) if PROFILE == "check" else usual


def choose_profile() -> None:
    settings.register_profile("quick", deadline=None, suppress_health_check=_SLOW_IS_FINE)
    settings.register_profile(
        "check", deadline=None, max_examples=examples(100), suppress_health_check=_SLOW_IS_FINE
    )
    settings.register_profile(
        "thorough",
        deadline=None,
        max_examples=2000,
        stateful_step_count=100,
        suppress_health_check=_SLOW_IS_FINE,
    )
    settings.load_profile(PROFILE)
