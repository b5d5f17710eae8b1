"""How long hypothesis searches: `HYPOTHESIS_PROFILE=thorough` for a long night, `check` before every commit."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.property.effort import PROFILE, examples

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("quick", deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile(
    "check", deadline=None, max_examples=examples(100), suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile(
    "thorough", deadline=None, max_examples=2000, stateful_step_count=100, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(PROFILE)
