"""The loop for a server: one task that owns one server's stream.

What a state calls for (`server_work.py`) runs in that state's nursery: leaving the state cancels it, and the
next state's work begins once it has cleaned up. Work hangs on states, not on events: after a crash the log is
folded and the state found is entered, so a spawn or a stop carries on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from core.actors.mailbox import Call, Mailbox
from core.actors.messages import Messages
from core.actors.server_work import ServerWork, Stage
from core.errors import HubError, UnavailableError
from core.events.hub import HubStarted
from core.events.record import By, Record
from core.events.server import (
    LeftoverEnded,
    ServerDied,
    ServerEvent,
    ServerStopped,
    SpawnCancelled,
    SpawnFailed,
    StopRequested,
    server_stream,
)
from core.events.store import Write
from core.events.writer import Claim
from core.server import (
    MAX_MESSAGES,
    Command,
    News,
    Ready,
    Report,
    Server,
    Spawning,
    Stopped,
    decide,
    evolve,
    is_same_phase,
    on_hub_started,
)
from core.spawner import Progress

LOG_RETRY = 1.0  # seconds between attempts to record news while the log cannot be written

URGENT = (StopRequested, SpawnCancelled, ServerStopped, ServerDied, SpawnFailed, LeftoverEnded)


class ServerActor:
    """The one task that may write this server's stream."""

    def __init__(
        self, server_id: str, stage: Stage, *, fold_from: int = 0, since: Record | None = None
    ) -> None:
        """`fold_from`: the version after which folding begins. `since`: the record of this hub's own start."""
        self.server_id = server_id
        self.state: Server = Stopped()
        self._stage = stage
        self._work = ServerWork(server_id, stage, self.report, self.add_message)
        self._stream = server_stream(server_id)
        self._fold_from = fold_from
        self._since = since
        self._mailbox: Mailbox[Command, Server] = Mailbox(stage.mailbox_size)
        self._changed = trio.Event()
        self.is_at_rest = False  # for good: the next command finds another actor
        self._version = 0
        self._entered = 0  # the position of the event that led into the present state
        self._messages: Messages | None = None
        self._current: Call[Command, Server] | None = None

    # --- for the rest of the hub ---

    async def ask(self, command: Command, *, by: By, claim: Claim | None = None) -> Server:
        """The server as the command left it; raises the HubError it was refused with.

        Ask right after having got the actor from the supervisor: across an await it may go to rest.
        """
        assert not self.is_at_rest, "this actor has ended; get another from the supervisor"
        call: Call[Command, Server] = Call(command, by, claim)
        self._mailbox.put(call)
        return await call.wait()

    async def wait_until(self, holds: Callable[[Server], bool]) -> Server:
        """The first state from now on for which `holds`."""
        while not holds(self.state):
            await self._changed.wait()
        return self.state

    async def look(self) -> None:
        """Have the death of a server that is thought to run noticed now, not at the next poll."""
        if isinstance(self.state, Ready):
            await self._work.look(self.state)

    @property
    def waiting(self) -> int:
        return len(self._mailbox)

    @property
    def may_rest(self) -> bool:
        """Nothing to do and nobody asks: a stopped server needs no task."""
        return isinstance(self.state, Stopped) and not self.state.leftovers and not len(self._mailbox)

    async def run(self) -> None:
        """Live until the server may rest. Raises whatever bug it meets; it may then be run again."""
        try:
            await self._fold()
            while not self.may_rest:
                async with trio.open_nursery() as this_state:
                    this_state.start_soon(self._work.live, self.state)
                    await self._answer_until_phase_changes()
                    this_state.cancel_scope.cancel()
        finally:
            if self._current is not None and not self._current.is_answered:
                self._current.refuse(UnavailableError("The hub lost track of this server; please ask again."))

    def abandon(self, error: HubError) -> None:
        """Refuse everything that still waits."""
        while len(self._mailbox):
            call = self._mailbox.take_now()
            if call is not None:
                call.refuse(error)

    # --- for the work of a state ---

    async def report(self, news: News) -> None:
        """Have `news` recorded, however long that takes: what has happened cannot be refused."""
        while True:
            call: Call[Command, Server] = Call(Report(news), self._by(), None)
            self._mailbox.put(call, own=True)
            try:
                await call.wait()
            except UnavailableError:
                await trio.sleep(LOG_RETRY)
            else:
                return

    def add_message(self, message: Progress) -> None:
        """A progress message of the spawn under way."""
        if self._messages is not None:
            self._messages.add(message, trio.current_time())
            self._mailbox.nudge()

    # --- deciding ---

    def _by(self) -> By:
        return By("hub", cause=self._entered or None)

    async def _fold(self) -> None:
        before, state = self.state, Stopped()
        records = await self._stage.store.read(self._stream, self._fold_from)
        self._version = records[-1].version if records else self._fold_from
        for record in self._with_hub_start(records):
            after = _after(state, record)
            if not is_same_phase(state, after):
                self._entered = record.position
            state = after  # type: ignore[assignment]
        self._enter(before, state)

    def _with_hub_start(self, records: Sequence[Record]) -> list[Record]:
        if self._since is None:
            return list(records)
        return sorted([*records, self._since], key=lambda record: record.position)

    def _enter(self, before: Server, after: Server) -> None:
        self.state = after
        if not is_same_phase(before, after):
            self._messages = Messages(trio.current_time()) if isinstance(after, Spawning) else None
            self._stage.on_change(self.server_id, before, after)
        self._changed.set()
        self._changed = trio.Event()

    async def _answer_until_phase_changes(self) -> None:
        phase = self.state
        while is_same_phase(phase, self.state) and not self.may_rest:
            call = await self._next_call()
            if call is None:
                await self._record(self._take_messages(), self._by())
            else:
                self._current = call
                await self._answer(call)
                self._current = None

    async def _next_call(self) -> Call[Command, Server] | None:
        """The next call, or None when progress messages are due."""
        while True:
            due = self._messages.due if self._messages else None
            with trio.CancelScope() as patience:
                if due is not None:
                    patience.deadline = due
                call = await self._mailbox.take()
                if call is not None:
                    return call
            if patience.cancelled_caught:
                return None

    async def _answer(self, call: Call[Command, Server]) -> None:
        try:
            events = decide(self.state, call.command)
            if isinstance(call.command, Report):
                events = [*self._take_messages(), *events]
            await self._record(events, call.by, call.claim)
        except HubError as refusal:
            call.refuse(refusal)
        else:
            call.answer(self.state)

    def _take_messages(self) -> list[ServerEvent]:
        if self._messages is None or not isinstance(self.state, Spawning):
            return []
        room = MAX_MESSAGES - self.state.messages
        return [*self._messages.take(self.state.spawn_id, trio.current_time())[: max(0, room)]]

    async def _record(self, events: Sequence[ServerEvent], by: By, claim: Claim | None = None) -> None:
        """Append, then evolve. The version named is the one expected: another one means two writers, a bug."""
        if not events and claim is None:
            return
        records = await self._stage.store.append(
            Write(self._stream, self._version, events),
            by=by,
            claim=claim,
            urgent=any(isinstance(event, URGENT) for event in events),
        )
        before = state = self.state
        for record in records:
            after = _after(state, record)
            if not is_same_phase(state, after):
                self._entered = record.position
            state, self._version = after, record.version
        self._enter(before, state)


def _after(state: Server, record: Record) -> Server:
    if isinstance(record.event, HubStarted):
        return on_hub_started(state, record.event)
    return evolve(state, record.event)  # type: ignore[arg-type]  # a server's stream holds nothing else
