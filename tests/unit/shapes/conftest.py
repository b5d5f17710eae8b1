"""Where servers are said to be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.shapes.world import pages


@pytest.fixture
def page_url() -> Iterator[str]:
    with pages() as url:
        yield url
