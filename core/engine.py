"""An engine as far as the log is concerned: whether it answers, and which strays run in it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from core.events.engine import EngineAnswered, EngineEvent, EngineSilent, StrayEnded, StrayFound


class Engine(Struct, frozen=True):
    """`silent_since`: None while it answers. `strays`: the spawn ids of those that were found and are not gone."""

    silent_since: datetime | None = None
    strays: frozenset[str] = frozenset()


class FallSilent(Struct, frozen=True):
    """`since`: when it last answered."""

    since: datetime


class Answer(Struct, frozen=True):
    pass


class Report(Struct, frozen=True):
    """What the reconciler has found or done. What is known already decides nothing."""

    news: StrayFound | StrayEnded


Command = FallSilent | Answer | Report


def decide(engine: Engine, command: Command) -> list[EngineEvent]:
    match command:
        case FallSilent():
            return [EngineSilent(command.since)] if engine.silent_since is None else []
        case Answer():
            return [EngineAnswered()] if engine.silent_since is not None else []
        case Report(news=news):
            is_known = news.spawn_id in engine.strays
            return [news] if is_known == isinstance(news, StrayEnded) else []
        case _:
            assert_never(command)


def evolve(engine: Engine, event: EngineEvent) -> Engine:
    match event:
        case EngineSilent():
            return replace(engine, silent_since=event.since)
        case EngineAnswered():
            return replace(engine, silent_since=None)
        case StrayFound():
            return replace(engine, strays=engine.strays | {event.spawn_id})
        case StrayEnded():
            return replace(engine, strays=engine.strays - {event.spawn_id})
        case _:
            assert_never(event)
