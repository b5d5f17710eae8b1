"""The actor of a server: of all tasks there are, only its own may write this server's stream.

It has a task only while something is to be done (the supervisor sees to that), so a server that is ready costs a
state and its watch. What a state calls for (`server_work.py`) runs beside it, in a task of its own
(`work_task.py`): leaving the state cancels it, and the next state's work begins once it has cleaned up. Work
hangs on states, not on events: after a crash the log is folded and the state found is entered, so a spawn or a
stop carries on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import outcome
import trio

from core.actors.asking import root_cause
from core.actors.servers.deadlines import GRACE, NEVER, last_resort
from core.actors.servers.mailbox import Call, Mailbox
from core.actors.servers.messages import Messages, as_event
from core.actors.servers.runtime import ServerRuntime
from core.actors.servers.server_work import ServerWork
from core.actors.servers.work_task import WorkTask
from core.backoff import Backoff
from core.errors import DoubtError, HubError, UnavailableError
from core.events import codec
from core.events.file.disk import unreadable
from core.events.file.store import Write
from core.events.file.writer import IdempotencyRecord
from core.events.hub import HubStarted
from core.events.record import By, Record
from core.events.server import ServerEvent, server_stream
from core.plugins.spawner import Progress
from core.server import (
    MAX_MESSAGES,
    Command,
    Ready,
    Report,
    Server,
    Spawning,
    Stop,
    Stopped,
    decide,
    evolve,
    has_ended,
    is_same_phase,
    on_hub_started,
)

logger = logging.getLogger("callboard.server")

LOG_RETRY = Backoff(0.5, 1.0)  # of recording news while the log cannot be written
LOOK = 5.0  # seconds that a look may take; a backend that is slower than that is left to the watch


class Keeper(Protocol):
    """Who keeps the actors."""

    def wake(self, actor: ServerActor) -> None:
        """See that it runs, now that there is something to do."""

    def begin(self, task: WorkTask) -> None:
        """Run a state's work, in a nursery that outlives the actor's runs."""

    def watch(self, server_id: str, ready: Ready) -> None:
        """Have it polled from time to time, for as long as it is ready."""


class ServerActor:
    """Owns one server's state and stream.

    `state`: that of the log while the actor `is_sound`; after a bug, and at first, the log must be read anew.
    `is_at_rest`: for good; the next command finds another actor.
    """

    __slots__ = (
        "_current",
        "_entered",
        "_failure",
        "_fold_from",
        "_keeper",
        "_last_resort_at",
        "_mailbox",
        "_messages",
        "_runtime",
        "_since",
        "_task",
        "_version",
        "_waiters",
        "_work",
        "is_at_rest",
        "is_sound",
        "server_id",
        "state",
    )

    def __init__(
        self,
        server_id: str,
        runtime: ServerRuntime,
        keeper: Keeper,
        *,
        fold_from: int = 0,
        since: Record | None = None,
    ) -> None:
        """`fold_from`: the version after which folding begins. `since`: the record of this hub's own start."""
        self.server_id = server_id
        self.state: Server = Stopped()
        self.is_sound = False
        self.is_at_rest = False
        self._runtime = runtime
        self._keeper = keeper
        self._fold_from = fold_from
        self._since = since
        self._work = ServerWork(server_id, runtime, self._tell, self.add_message, self._extend)
        self._task: WorkTask | None = None
        self._failure: Exception | None = None  # of the present state's work
        self._mailbox: Mailbox[Command, Server] = Mailbox(runtime.mailbox_size)
        self._current: Call[Command, Server] | None = None
        self._messages: Messages | None = None
        self._waiters: list[Waiter] = []
        self._version = 0
        self._entered = 0  # the position of the event that led into the present state
        self._last_resort_at = NEVER

    # --- for the rest of the hub ---

    async def ask(self, command: Command, *, by: By, idempotency: IdempotencyRecord | None = None) -> Server:
        """The server as the command left it; raises the HubError it was refused with.

        Ask right after having got the actor from the supervisor: across an await it may go to rest.
        """
        assert not self.is_at_rest, "this actor has ended; get another from the supervisor"
        call: Call[Command, Server] = Call(command, by, idempotency)
        self._mailbox.put(call)
        self._keeper.wake(self)
        return await call.wait()

    async def wait_until(self, holds: Callable[[Server], bool]) -> Server:
        """The first state from now on for which `holds`, even if the server has moved on since.

        While somebody waits the actor does not come to rest. One at rest has but a stopped server to offer.
        """
        if self.is_sound and holds(self.state):
            return self.state
        assert not self.is_at_rest, "this actor has ended; get another from the supervisor"
        waiter = Waiter(holds)
        self._waiters.append(waiter)
        try:
            return await waiter.wait()
        finally:
            self._waiters.remove(waiter)
            self._keeper.wake(self)

    async def look(self) -> None:
        """Have the death of a server that is thought to run noticed now, not at the next poll."""
        with trio.move_on_after(LOOK):
            try:
                await self.poll()
            except Exception as error:
                logger.warning("cannot tell whether server %s runs: %s", self.server_id, root_cause(error))

    async def poll(self) -> None:
        """As `look`, with the deadline of the backend's own. Raises what keeps it from asking."""
        if isinstance(self.state, Ready):
            await self._work.look(self.state)

    @property
    def waiting(self) -> int:
        return len(self._mailbox)

    @property
    def may_sleep(self) -> bool:
        """Nothing to do before somebody asks or the work of the state has news."""
        return (
            self.is_sound
            and not self._mailbox
            and self._failure is None
            and self._messages is None
            and self._last_resort_at == NEVER
        )

    @property
    def may_rest(self) -> bool:
        """Nothing will ever come of its own accord, and nobody waits for it to."""
        return self.may_sleep and has_ended(self.state) and not self._waiters

    async def run(self) -> None:
        """Do what is to be done, until the actor may sleep. Raises whatever bug it meets; it may be run again."""
        try:
            if not self.is_sound:
                await self._fold()
            while not self.may_sleep:
                await self._do_next()
        except BaseException as error:
            self.is_sound = False
            self._end_work()
            self._refuse_current(unreadable(error))
            raise

    def abandon(self, error: HubError) -> None:
        """Refuse everything that waits."""
        for call in self._mailbox.take_all():
            call.refuse(error)

    # --- work ---

    def _begin_work(self) -> None:
        """Of the present state, in place of the work there was."""
        self._end_work()
        self._failure = None
        if not has_ended(self.state):
            self._task = WorkTask(partial(self._work.live, self.state), self._work_failed, self._task)
            self._keeper.begin(self._task)

    def _end_work(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _work_failed(self, error: Exception) -> None:
        self._failure = error
        self._nudge()

    def _nudge(self) -> None:
        self._mailbox.nudge()
        self._keeper.wake(self)

    async def _tell(self, command: Report | Stop) -> None:
        """Have the actor's own command answered, however long that takes: what has happened cannot be refused."""
        if isinstance(command, Report):
            codec.decode(codec.encode(command.news))  # a broken spawner must not make the log unreadable
        delays = LOG_RETRY.delays()
        while not self.is_at_rest:
            call: Call[Command, Server] = Call(command, self._by(), None)
            self._mailbox.put(call, own=True)
            self._keeper.wake(self)
            try:
                await call.wait()
            except UnavailableError:
                await trio.sleep(next(delays))
            else:
                return

    def add_message(self, message: Progress) -> None:
        """A progress message of the spawn under way."""
        if self._messages is None:
            return
        try:
            codec.decode(codec.encode(as_event("", message)))
        except Exception:
            logger.exception("a progress message of server %s cannot be recorded", self.server_id)
            return
        self._messages.add(message, trio.current_time())
        self._nudge()

    # --- entering states ---

    async def _fold(self) -> None:
        before, state = self.state, Stopped()
        records = await self._runtime.store.read(self._stream, self._fold_from)
        self._version = records[-1].version if records else self._fold_from
        self.is_sound = True
        after = self._after(state, self._with_hub_start(records))
        self._enter(before, after)
        if is_same_phase(before, after):
            self._begin_work()

    def _with_hub_start(self, records: Sequence[Record]) -> list[Record]:
        if self._since is None:
            return list(records)
        return sorted([*records, self._since], key=lambda record: record.position)

    def _after(self, state: Server, records: Sequence[Record]) -> Server:
        for record in records:
            after = _evolved(state, record)
            if not is_same_phase(state, after):
                self._entered = record.position
            state = after
        return state

    def _enter(self, before: Server, after: Server) -> None:
        self.state = after
        if not is_same_phase(before, after):
            now = trio.current_time()
            self._messages = Messages(now) if isinstance(after, Spawning) else None
            self._last_resort_at = (
                now + last_resort(after, self._runtime.deadlines_of(after.user_options or {}))[0]
            )
            self._begin_work()
            if isinstance(after, Ready):
                self._keeper.watch(self.server_id, after)
            self._runtime.on_change(self.server_id, before, after)
        for waiter in self._waiters:
            waiter.consider(after)

    # --- deciding ---

    @property
    def _stream(self) -> str:
        return server_stream(self.server_id)

    def _by(self) -> By:
        return By("hub", cause=self._entered or None)

    async def _do_next(self) -> None:
        call = await self._next_call()
        if call is not None:
            self._current = call
            await self._answer(call)
            self._current = None
        elif self._last_resort_at <= trio.current_time():
            await self._use_last_resort()
        elif self._messages is not None and self._is_due(self._messages):
            await self._record_messages()

    async def _next_call(self) -> Call[Command, Server] | None:
        """The next call, or None when something else may have to be done."""
        if self._failure is not None:
            raise self._failure
        due = self._messages.due if self._messages is not None else None
        wake_at = self._last_resort_at if due is None else min(due, self._last_resort_at)
        with trio.move_on_at(wake_at):
            return await self._mailbox.take()
        return None

    async def _answer(self, call: Call[Command, Server]) -> None:
        try:
            if isinstance(call.command, Report):
                await self._record_messages(decide(self.state, call.command))
            else:
                await self._record_messages()
                await self._record(decide(self.state, call.command), call.by, call.idempotency)
        except HubError as refusal:
            call.refuse(refusal)
        else:
            call.answer(self.state)

    async def _use_last_resort(self) -> None:
        _, news = last_resort(self.state, self._runtime.deadlines_of(self.state.user_options or {}))
        assert news is not None, "this state has no deadline"
        logger.error("the work of server %s has outlived its deadlines", self.server_id)
        self._last_resort_at = trio.current_time() + LOG_RETRY.longest
        try:
            await self._record(decide(self.state, Report(news)), self._by())
        except UnavailableError:
            logger.warning("that cannot be recorded now")

    # --- recording ---

    def _is_due(self, messages: Messages) -> bool:
        return messages.due is not None and messages.due <= trio.current_time()

    async def _record_messages(self, events: Sequence[ServerEvent] = ()) -> None:
        """Record the messages that wait, followed by `events`. Without those it is no matter if that fails."""
        messages = self._messages
        taken = messages.take(trio.current_time()) if messages is not None else []
        room = MAX_MESSAGES - self.state.messages if isinstance(self.state, Spawning) else 0
        told = [as_event(self.state.spawn_id, message) for message in taken[: max(0, room)]]
        try:
            await self._record([*told, *events], self._by())
        except UnavailableError:
            if messages is not None:
                messages.put_back(taken, trio.current_time(), LOG_RETRY.longest)
            if events:
                raise

    async def _record(
        self, events: Sequence[ServerEvent], by: By, idempotency: IdempotencyRecord | None = None
    ) -> None:
        """Append, then evolve. The version named is the one expected: another one means two writers, a bug."""
        if not events and idempotency is None:
            return
        try:
            records = await self._runtime.store.append(
                Write(self._stream, self._version, events), by=by, idempotency=idempotency
            )
        except UnavailableError:
            self._be_patient()
            raise
        if records:
            self._version = records[-1].version
        self._enter(self.state, self._after(self.state, records))

    def _be_patient(self) -> None:
        """While the log cannot be written, it is not the work that is late."""
        self._last_resort_at = max(self._last_resort_at, trio.current_time() + GRACE)

    def _extend(self, seconds: float) -> None:
        """The present state may last so much longer."""
        self._last_resort_at += seconds

    def _refuse_current(self, reason: UnavailableError | None) -> None:
        if self._current is not None and not self._current.is_answered:
            lost = DoubtError("The hub lost track of this server; please ask again.")
            self._current.refuse(reason or lost)


class Waiter:
    """Someone who waits for a state. An error in the condition is the waiter's own."""

    __slots__ = ("_answer", "_holds", "_settled")

    def __init__(self, holds: Callable[[Server], bool]) -> None:
        self._holds = holds
        self._settled = trio.Event()
        self._answer: outcome.Outcome[Server] | None = None

    def consider(self, state: Server) -> None:
        if self._answer is None:
            answer = outcome.capture(self._holds, state)
            if isinstance(answer, outcome.Error):
                self._answer = answer
            elif answer.value:
                self._answer = outcome.Value(state)
            if self._answer is not None:
                self._settled.set()

    async def wait(self) -> Server:
        await self._settled.wait()
        assert self._answer is not None
        return self._answer.unwrap()


def _evolved(state: Server, record: Record) -> Server:
    if isinstance(record.event, HubStarted):
        return on_hub_started(state, record.event)
    return evolve(state, record.event)  # type: ignore[arg-type]  # a server's stream holds nothing else
