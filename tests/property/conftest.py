"""How long hypothesis searches: `HYPOTHESIS_PROFILE=thorough` for a long night."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("quick", deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile(
    "thorough", deadline=None, max_examples=2000, stateful_step_count=100, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
