from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.events.hub import HubStarted
from core.events.record import HUB, Record


@pytest.mark.parametrize(
    ("stream", "kind", "key"),
    [("user/u1", "user", "u1"), ("route/hub.test/a/b", "route", "hub.test/a/b"), ("hub", "hub", "")],
)
def test_what_a_stream_is_about(stream: str, kind: str, key: str) -> None:
    record = Record(1, stream, 1, datetime(2030, 1, 1, tzinfo=UTC), HUB, HubStarted("1"))
    assert (record.kind, record.key) == (kind, key)
