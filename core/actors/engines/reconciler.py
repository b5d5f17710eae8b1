"""Holds what runs in an engine against what the log knows, all the time, and ends what should have ended.

What users keep (volumes, homes) is listed by no engine, and so never met here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Literal

import trio
from msgspec import Struct

from core.actors.asking import retry_forever
from core.actors.engines.engine import Engine
from core.backoff import Backoff
from core.engine import Answer, Command, FallSilent, Report
from core.errors import HubError
from core.events.engine import StrayEnded, StrayFound
from core.plugins.spawner import Listed
from core.reconcile.mark import Mark
from core.reconcile.sorting_out import Strays, named

logger = logging.getLogger("callboard.engine")

LOOK_AGAIN = Backoff(0.5, 15.0)  # at an engine that has not answered
CALM = 1.0  # seconds between looks at least, however much is asked in vain

WHY = "No server knows it."
BY_ITSELF = "It was gone when the hub looked again."
KNOWN_AGAIN = "A server knows it now."

Whose = Literal["ours", "later", "foreign"]


class Policy(Struct, frozen=True):
    """`interval`: seconds between looks. `grace`: seconds that a stray is let run. `dry_run`: nothing is ended."""

    interval: float = 60.0
    grace: float = 60.0
    dry_run: bool = False


class Knowledge(Struct, frozen=True):
    """What the log says. `known`: the spawn ids of all that may rightly run or is being ended.

    `elsewhere`: whether an attempt was started in another engine than this. `found`: since when each stray of this
    engine has been one. `opened`: what a mark says, None for one that is not true.
    """

    known: Callable[[], Awaitable[Collection[str]]]
    sort_out: Callable[[Mapping[str, str]], Strays]
    opened: Callable[[str], Mark | None]
    elsewhere: Callable[[str], bool]
    found: Callable[[], Mapping[str, datetime]]


class SeenStray(Struct, frozen=True):
    """Something that runs although no server knows it.

    `whose`: this log has started it; a later state of this log; or nobody knows. `user`, `server`: their names then,
    `""` where there is no true mark. `age`: seconds since it was begun. `ends_in`: seconds until it is ended, 0 while
    it is; None: it is left alone.
    """

    spawn_id: str
    whose: Whose
    user: str = ""
    server: str = ""
    age: float | None = None
    ends_in: float | None = None


class Doubt:
    """Shared by all reconcilers of a hub. `later`: the engines in which something runs that a later state of this
    log has started: this log is not the newest then, and knows too little to end anything."""

    def __init__(self) -> None:
        self.later: set[str] = set()


class Reconciler:
    """Of one engine. `record`: has a command carried out on the engine's stream.

    `at_once`: what is found by the first look is ended without grace: somebody has asked for that.
    """

    def __init__(
        self,
        engine: Engine,
        knowledge: Knowledge,
        policy: Callable[[], Policy],
        record: Callable[[Command], Awaitable[object]],
        doubt: Doubt,
        *,
        at_once: bool = False,
    ) -> None:
        self.engine = engine
        self._knowledge = knowledge
        self._policy = policy
        self._record = record
        self._doubt = doubt
        self._at_once = at_once
        self._strays: dict[str, _Stray] = {}
        self._others: tuple[SeenStray, ...] = ()
        self._told: Strays = Strays()
        self._was_silent = engine.silent_since is not None

    @property
    def _ending(self) -> set[str]:
        """Their end is recorded by who ends them."""
        return {spawn_id for spawn_id, stray in self._strays.items() if stray.is_ending}

    @property
    def seen(self) -> list[SeenStray]:
        """By the last look that was answered."""
        policy, now = self._policy(), trio.current_time()
        ours = [stray.shown(policy, now, held=bool(self._doubt.later)) for stray in self._strays.values()]
        return sorted([*ours, *self._others], key=lambda stray: stray.spawn_id)

    async def run(self) -> None:
        """It never ends by itself: what goes wrong with one look is said, and the next one comes."""
        async with trio.open_nursery() as nursery:
            delays = LOOK_AGAIN.delays()
            while True:
                answered = False
                try:
                    answered = await self.look(nursery)
                except HubError as error:
                    logger.warning("what runs in %s cannot be recorded: %s", self.engine.name, error)
                except Exception:
                    logger.exception("what runs in %s could not be held against the log", self.engine.name)
                if answered:
                    delays = LOOK_AGAIN.delays()
                    await self._wait_next()
                else:
                    await trio.sleep(next(delays))

    async def _wait_next(self) -> None:
        """At the interval, or at once where somebody has asked this engine in vain."""
        await trio.sleep(CALM)
        with trio.move_on_after(max(self._policy().interval - CALM, 0)):
            await self.engine.wait_suspected()

    async def look(self, nursery: trio.Nursery) -> bool:
        """Whether the engine has told what runs. `nursery`: where strays are ended, each by itself."""
        before = await self._knowledge.known()
        listed = await self.engine.what_runs()
        await self._record_silence()
        if listed is None:
            return False
        # What it tells of had a server before it was started, or has it still: both are asked, for either may change.
        known = {*before, *await self._knowledge.known()}
        unknown = {one.spawn_id: one for one in listed if one.spawn_id not in known}
        found = self._knowledge.sort_out({spawn_id: one.mark for spawn_id, one in unknown.items()})
        self._note_others(found, unknown)
        here = [spawn_id for spawn_id in found.due if not self._knowledge.elsewhere(spawn_id)]
        await self._note_gone(here, known)
        await self._note_ours(here, unknown)
        self._end_overdue(nursery)
        return True

    async def _record_silence(self) -> None:
        since = self.engine.silent_since
        if (since is not None) == self._was_silent:
            return
        logger.warning("%s", self.engine.silence or f"{self.engine.title} answers again.")
        await self._record(Answer() if since is None else FallSilent(since))
        self._was_silent = since is not None

    # --- what is not this log's, or not yet ---

    def _note_others(self, found: Strays, unknown: Mapping[str, Listed]) -> None:
        later = [
            SeenStray(mark.spawn_id, "later", mark.user, mark.server, unknown[mark.spawn_id].age)
            for mark in found.later
        ]
        foreign = [SeenStray(spawn_id, "foreign", age=unknown[spawn_id].age) for spawn_id in found.foreign]
        self._others = (*later, *foreign)
        if found.later:
            self._doubt.later.add(self.engine.name)
        else:
            self._doubt.later.discard(self.engine.name)
        self._say(found)

    def _say(self, found: Strays) -> None:
        """What is new of it."""
        before, self._told = self._told, found
        if found.foreign and found.foreign != before.foreign:
            logger.warning("left alone, for this log did not start them: %s", ", ".join(found.foreign))
        if found.later and found.later != before.later:
            told = "servers run that a later state of this log has started, and are left alone: %s"
            logger.error(told, named(found.later))

    # --- what this log has started ---

    async def _note_gone(self, here: Collection[str], known: Collection[str]) -> None:
        gone = {*self._strays, *self._knowledge.found()} - {*here, *self._ending}
        for spawn_id in sorted(gone):
            self._strays.pop(spawn_id, None)
            why = KNOWN_AGAIN if spawn_id in known else BY_ITSELF
            await self._record(Report(StrayEnded(spawn_id, why)))

    async def _note_ours(self, here: Collection[str], unknown: Mapping[str, Listed]) -> None:
        found = self._knowledge.found()
        for spawn_id in here:
            if spawn_id not in self._strays:
                self._strays[spawn_id] = self._stray(unknown[spawn_id], found.get(spawn_id))
            stray = self._strays[spawn_id]
            stray.age = unknown[spawn_id].age
            await self._record(Report(StrayFound(spawn_id, stray.user, stray.server)))
        self._at_once = False

    def _stray(self, one: Listed, found: datetime | None) -> _Stray:
        mark = self._knowledge.opened(one.mark)
        user, server = (mark.user, mark.server) if mark else ("", "")
        known_for = 0.0 if found is None else max(0.0, (datetime.now(UTC) - found).total_seconds())
        logger.warning("%s runs in %s, and no server knows it", one.spawn_id, self.engine.name)
        since = -float("inf") if self._at_once else trio.current_time() - known_for
        return _Stray(one.spawn_id, user, server, one.age, since)

    def _end_overdue(self, nursery: trio.Nursery) -> None:
        policy, now = self._policy(), trio.current_time()
        if policy.dry_run or self._doubt.later:
            return
        for stray in self._strays.values():
            if not stray.is_ending and now - stray.since >= policy.grace:
                stray.is_ending = True
                nursery.start_soon(self._end, stray)

    async def _end(self, stray: _Stray) -> None:
        spawn_id, spawner = stray.spawn_id, self.engine.spawner
        logger.warning("ending %s%s, which no server knows", spawn_id, _in_words(stray.age))
        gone = await retry_forever("end", spawn_id, lambda: self.engine.ask(lambda: spawner.stop(spawn_id)))
        await retry_forever(
            "drop what is left of", spawn_id, lambda: self.engine.ask(lambda: spawner.forget(spawn_id))
        )
        ended = StrayEnded(spawn_id, WHY, "reconciler", gone.exit_status)
        await retry_forever("record the end of", spawn_id, lambda: self._record(Report(ended)))
        self._strays.pop(spawn_id, None)


class _Stray:
    """`since`: when it was first seen, by trio's clock."""

    def __init__(self, spawn_id: str, user: str, server: str, age: float | None, since: float) -> None:
        self.spawn_id = spawn_id
        self.user = user
        self.server = server
        self.age = age
        self.since = since
        self.is_ending = False

    def shown(self, policy: Policy, now: float, *, held: bool) -> SeenStray:
        ends_in = None
        if self.is_ending:
            ends_in = 0.0
        elif not policy.dry_run and not held:
            ends_in = max(0.0, self.since + policy.grace - now)
        return SeenStray(self.spawn_id, "ours", self.user, self.server, self.age, ends_in)


def _in_words(age: float | None) -> str:
    return "" if age is None else f" (begun {age:.0f} seconds ago)"
