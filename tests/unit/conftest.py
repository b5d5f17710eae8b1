"""Logs for the tests in this directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.events.file.writer import Writer

OpenWriter = Callable[..., Writer]


@pytest.fixture
def open_writer() -> Iterator[OpenWriter]:
    """Opens logs as `Writer` does; at the end they are closed."""
    made: list[Writer] = []

    def open_one(*args: Any, **kwargs: Any) -> Writer:
        made.append(Writer(*args, **kwargs))
        return made[-1]

    yield open_one
    for writer in made:
        writer.close()
