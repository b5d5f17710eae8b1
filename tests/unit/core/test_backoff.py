"""How long to wait before something is tried again, wherever that is."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from core.backoff import JITTER, Backoff

seconds = st.floats(min_value=0.0001, max_value=1000)
backoffs = st.builds(
    lambda first, more, growth: Backoff(first, first + more, growth), seconds, seconds, st.floats(1.0, 10.0)
)


@given(backoffs)
def test_delays_grow_to_the_longest_and_never_end(backoff: Backoff) -> None:
    most = [backoff.most(failures) for failures in range(1, 50)]
    assert most[0] == backoff.first
    assert most == sorted(most)
    assert backoff.most(10**6) <= backoff.longest
    assert backoff.growth < 1.2 or backoff.most(10**6) == backoff.longest


@given(backoffs)
def test_chance_takes_no_more_than_its_share(backoff: Backoff) -> None:
    for failures, delay in enumerate(islice(backoff.delays(), 200), start=1):
        assert backoff.most(failures) * (1 - JITTER) <= delay <= backoff.most(failures)


def test_those_who_fail_together_do_not_come_back_together() -> None:
    backoff = Backoff(1.0, 30.0)
    for failures in (1, 5, 1000):
        delays = sorted(backoff.after(failures) for _ in range(1000))
        tenth = backoff.most(failures) * JITTER / 10
        crowds = [sum(1 for delay in delays if 0 <= delay - start < tenth) for start in delays]
        assert max(crowds) < 200, "a tenth of the span holds about a tenth of them"
