"""What the log knows of an engine, as tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.engine import Answer, Command, Engine, FallSilent, Report, decide, evolve
from core.events.engine import EngineAnswered, EngineEvent, EngineSilent, StrayEnded, StrayFound

AT, LATER = datetime(2026, 11, 28, 9, 3, tzinfo=UTC), datetime(2026, 11, 28, 9, 4, tzinfo=UTC)
FOUND, ENDED = StrayFound("s1", "alice", "lab"), StrayEnded("s1", "No server knows it.", "reconciler", 0)
WELL, SILENT, STRAYED = Engine(), Engine(AT), Engine(strays=frozenset({"s1", "s2"}))


@pytest.mark.parametrize(
    ("engine", "command", "events"),
    [
        (WELL, FallSilent(AT), [EngineSilent(AT)]),
        (SILENT, FallSilent(LATER), []),  # it has been silent for longer
        (SILENT, Answer(), [EngineAnswered()]),
        (WELL, Answer(), []),
        (WELL, Report(FOUND), [FOUND]),
        (STRAYED, Report(FOUND), []),  # by the hub before
        (STRAYED, Report(ENDED), [ENDED]),
        (WELL, Report(ENDED), []),  # nobody has found it
    ],
)
def test_decide(engine: Engine, command: Command, events: list[EngineEvent]) -> None:
    assert decide(engine, command) == events


@pytest.mark.parametrize(
    ("engine", "event", "after"),
    [
        (STRAYED, EngineSilent(AT), Engine(AT, STRAYED.strays)),
        (SILENT, EngineAnswered(), WELL),
        (WELL, FOUND, Engine(strays=frozenset({"s1"}))),
        (STRAYED, ENDED, Engine(strays=frozenset({"s2"}))),
        (WELL, ENDED, WELL),
    ],
)
def test_evolve(engine: Engine, event: EngineEvent, after: Engine) -> None:
    assert evolve(engine, event) == after
