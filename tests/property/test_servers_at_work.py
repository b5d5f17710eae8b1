"""Which servers were at something, and how many ran: what a history says, read attempt by attempt."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from projections.usage.attempt import NOT_YET, Attempt, microseconds
from projections.usage.attempts import in_use
from projections.usage.servers import Among, at_work, attempts_of, running
from tests.property.test_usage import SERVERS, START, folded, history, steps

FAILURES = ("failed", "died", "lost")
DAY = 86400 * 1_000_000


@given(
    steps,
    st.integers(0, 200),
    st.integers(1, 100),
    st.integers(1, 30),
    st.none() | st.sets(st.sampled_from(["u0", "u1", "nobody"])),
)
def test_pictures_of_servers_show_what_their_attempts_were(
    steps: list[tuple[float, str, type, int]], begin: int, days: int, step: int, users: set[str] | None
) -> None:
    db = folded(history(steps))
    since = microseconds(START + timedelta(days=begin))
    until = since + days * DAY
    among = Among(since, until, users)
    attempts = [
        one for chunk in in_use(db, since, until) for one in chunk if users is None or one.user in users
    ]
    for found in at_work(db, among):
        own = [one for one in attempts if one.server == found.server]
        assert found.failures == sum(one.outcome in FAILURES and one.ended < until for one in own)
        assert found.attempts == len(own)
        assert found.goes_on == any(one.ended == NOT_YET for one in own)
        assert set(attempts_of(db, among, [found.server], 100)) == set(own)
        assert attempts_of(db, among, [found.server], 2) == sorted(own, key=_order)[-2:]
    assert {one.server for one in at_work(db, among)} == {one.server for one in attempts}
    moments = range(since, until + 1, step * DAY)
    assert running(db, among, step * DAY) == [_running(attempts, at) for at in moments]


def _order(attempt: Attempt) -> tuple[int, int]:
    """Of their starts, also of those that were asked for at the same moment."""
    return attempt.asked, int(attempt.spawn_id.removeprefix("s"))


def _running(attempts: list[Attempt], at: int) -> int:
    return sum(one.ready is not None and one.ready <= at < one.ended for one in attempts)


@given(steps)
def test_no_server_is_of_nobody(steps: list[tuple[float, str, type, int]]) -> None:
    db = folded(history(steps))
    assert {one.server for one in at_work(db, Among(0, NOT_YET))} <= set(SERVERS)
    assert list(at_work(db, Among(0, NOT_YET, servers=()))) == []
