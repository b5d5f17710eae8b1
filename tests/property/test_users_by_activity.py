"""Users listed by when they were last active: by what is shown, which the log does not know yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from core.events.record import utc_text
from projections import users
from projections.users import Listing, UserRow
from tests.databases import in_memory

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.integers(0, 30).map(lambda seconds: BEGIN + timedelta(seconds=seconds))
crowds = st.lists(st.tuples(st.none() | moments, st.none() | moments), max_size=12)  # (recorded, seen since)


def table(crowd: list[tuple[datetime | None, datetime | None]]) -> Database:
    db = Database(in_memory())
    users.create(db)
    for number, (recorded, _) in enumerate(crowd):
        text = None if recorded is None else utc_text(recorded)
        row = (number, f"u{number}", f"user{number}", 0, "", text, "", 0, None, number % 2)
        db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return db


@given(crowds, st.sampled_from(["", "-"]), st.sampled_from(["", "active", "inactive"]), st.integers(1, 5))
def test_pages_are_in_the_order_of_what_is_shown(
    crowd: list[tuple[datetime | None, datetime | None]], direction: str, state: str, limit: int
) -> None:
    seen = {f"u{number}": at for number, (_, at) in enumerate(crowd) if at is not None}

    def shown(row: UserRow) -> str:
        return max(row.last_activity or "", utc_text(seen[row.id]) if row.id in seen else "")

    db = table(crowd)
    everybody: list[UserRow] = []
    while len(
        found := users.listed(
            db.conn,
            Listing(
                state, "user", f"{direction}last_activity", offset=len(everybody), limit=limit, seen=seen
            ),
        )
    ):
        everybody += found
    assert [shown(row) for row in everybody] == sorted(map(shown, everybody), reverse=bool(direction))
    there = users.listed(db.conn, Listing(state))
    assert sorted(everybody) == sorted(there, key=lambda row: row)
    db.close()


def test_of_those_who_were_not_seen_no_more_than_a_page_is_read() -> None:
    """Counted in steps of the database's machine, not in seconds."""

    def steps(size: int) -> int:
        db, count = table([(BEGIN + timedelta(seconds=number), None) for number in range(size)]), 0

        def step() -> None:
            nonlocal count
            count += 1

        db.conn.set_progress_handler(step, 100)
        seen = {f"u{number}": BEGIN for number in range(0, size, size // 10)}
        assert len(users.listed(db.conn, Listing(sort="-last_activity", limit=50, seen=seen))) == 50
        db.close()
        return count

    assert steps(10_000) < 3 * steps(200)
