"""Any order of commands to one server, and what must hold after each."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.errors import HubError
from core.events import codec
from core.events.hub import HubStarted
from core.events.server import (
    LeftoverEnded,
    OutOfSight,
    ServerAdopted,
    ServerDied,
    ServerEvent,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    SpawnProgressed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)
from core.server import (
    MAX_MESSAGES,
    Checking,
    Command,
    News,
    Queued,
    Ready,
    Report,
    Server,
    Spawning,
    Start,
    Stop,
    Stopped,
    Stopping,
    StoreOptions,
    decide,
    evolve,
    on_hub_started,
    replay,
)

options = st.one_of(st.none(), st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=1))
statuses = st.one_of(st.none(), st.integers(-15, 2))

# News of an attempt: of the present one mostly, now and then of another.
kinds_of_news = st.one_of(
    st.builds(lambda text: lambda spawn_id: SpawnProgressed(spawn_id, text), st.text(max_size=3)),
    st.builds(
        lambda url: lambda spawn_id: SpawnAnswered(spawn_id, url), st.sampled_from(["http://a", "http://b"])
    ),
    st.just(SpawnAdmitted),
    st.just(SpawnSucceeded),
    st.builds(lambda left: lambda spawn_id: SpawnFailed(spawn_id, "no", leftover=left), st.booleans()),
    st.builds(
        lambda status, left: lambda spawn_id: ServerStopped(spawn_id, status, left), statuses, st.booleans()
    ),
    st.builds(lambda status: lambda spawn_id: ServerDied(spawn_id, status), statuses),
    st.just(ServerAdopted),
    st.builds(lambda why: lambda spawn_id: OutOfSight(spawn_id, why), st.sampled_from(["Down.", "Away."])),
    st.builds(lambda status: lambda spawn_id: ServerLost(spawn_id, status), statuses),
    st.builds(lambda status: lambda spawn_id: LeftoverEnded(spawn_id, status), statuses),
)

ENDS = (SpawnFailed, ServerStopped, ServerDied, ServerLost)


class ServerLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.server: Server = Stopped()
        self.log: list[ServerEvent | HubStarted] = []
        self.spawn_ids: list[str] = []
        self.open: set[str] = set()  # attempts that were begun and have not come to an end
        self.left: set[str] = set()  # attempts whose end was never confirmed

    def tell(self, command: Command) -> list[ServerEvent]:
        try:
            events = decide(self.server, command)
        except HubError:
            return []
        for event in events:
            self.server = evolve(self.server, event)
            self.log.append(event)
            self.note(event)
        return events

    def note(self, event: ServerEvent) -> None:
        """A ten-line model: which attempts are open, which are left behind."""
        if isinstance(event, SpawnRequested):
            self.open.add(event.spawn_id)
        elif isinstance(event, ENDS):
            self.open.remove(event.spawn_id)
            if isinstance(event, SpawnFailed | ServerStopped) and event.leftover:
                self.left.add(event.spawn_id)
        elif isinstance(event, LeftoverEnded):
            self.left.remove(event.spawn_id)

    @rule(user_options=options, queued=st.booleans())
    def start(self, user_options: dict[str, int] | None, queued: bool) -> None:
        spawn_id = f"s{len(self.spawn_ids)}"
        was = self.server
        events = self.tell(
            Start(
                spawn_id, "u1", "alice", "", "/user/alice/", user_options, f"digest of {spawn_id}", [], queued
            )
        )
        if events:
            self.spawn_ids.append(spawn_id)
            assert isinstance(was, Stopped) or was.spawn_id in self.left, (
                "it may still run, and was forgotten"
            )
            assert isinstance(was, Stopped) or (isinstance(was, Checking) and was.lost)
            assert isinstance(self.server, Queued if queued else Spawning)
            assert self.server.user_options == (
                was.user_options or {} if user_options is None else user_options
            )

    @rule(which=st.integers(0, 3))
    def stop(self, which: int) -> None:
        spawn_id = (
            None if which == 0 else self.spawn_ids[-which] if which <= len(self.spawn_ids) else "s-none"
        )
        was = self.server
        events = self.tell(Stop("why", spawn_id))
        meant = spawn_id in (None, was.spawn_id)
        if meant and isinstance(was, Spawning | Ready | Checking):
            assert isinstance(self.server, Stopping)
        elif meant and isinstance(was, Queued):
            assert isinstance(self.server, Stopped), "nothing was begun: there is nothing to end"
        else:
            assert events == []

    @rule(user_options=options)
    def store_options(self, user_options: dict[str, int] | None) -> None:
        self.tell(StoreOptions(user_options or {}))

    @precondition(lambda self: self.spawn_ids)
    @rule(kind=kinds_of_news, ago=st.sampled_from([1, 1, 1, 1, 2, 3]))
    def report(self, kind, ago: int) -> None:  # type: ignore[no-untyped-def]
        news: News = kind(self.spawn_ids[-min(ago, len(self.spawn_ids))])
        was = self.server
        events = self.tell(Report(news))
        if isinstance(news, LeftoverEnded):
            assert bool(events) == (news.spawn_id in was.leftovers)
        elif news.spawn_id != was.spawn_id:
            assert events == [], "late news has decided something"

    @precondition(lambda self: isinstance(self.server, Queued))
    @rule()
    def acquire_slot(self) -> None:
        self.tell(Report(SpawnAdmitted(self.server.spawn_id)))
        assert isinstance(self.server, Spawning)

    @precondition(lambda self: isinstance(self.server, Spawning))
    @rule()
    def succeed(self) -> None:
        self.tell(Report(SpawnAnswered(self.server.spawn_id, "http://a")))
        self.tell(Report(SpawnSucceeded(self.server.spawn_id)))
        assert isinstance(self.server, Ready)

    @precondition(lambda self: isinstance(self.server, Ready))
    @rule(why=st.sampled_from(["Down.", "Away."]), comes_back=st.booleans())
    def lose_its_node(self, why: str, comes_back: bool) -> None:
        ready = self.server
        assert self.tell(Report(OutOfSight(ready.spawn_id, why)))
        assert self.server.leftovers == ready.leftovers, "that it is lost does not end it"
        if comes_back:
            self.tell(Report(ServerAdopted(ready.spawn_id)))
            assert self.server == ready

    @precondition(lambda self: self.left)
    @rule(choice=st.randoms(use_true_random=False))
    def end_leftover(self, choice) -> None:  # type: ignore[no-untyped-def]
        assert self.tell(Report(LeftoverEnded(choice.choice(sorted(self.left)))))

    @rule()
    def restart_hub(self) -> None:
        event = HubStarted("1")
        self.server = on_hub_started(self.server, event)
        self.log.append(event)

    @invariant()
    def the_log_alone_rebuilds_the_server(self) -> None:
        assert replay(map(codec.decode, map(codec.encode, self.log))) == self.server  # type: ignore[arg-type]

    @invariant()
    def so_does_the_log_from_the_last_start_on(self) -> None:
        starts = [place for place, event in enumerate(self.log) if isinstance(event, SpawnRequested)]
        if starts:
            assert replay(self.log[starts[-1] :]) == self.server

    @invariant()
    def older_starts_of_the_hub_need_not_be_told(self) -> None:
        """An actor folds its own stream and the start of its own hub, not those of the hubs before."""
        hubs = [place for place, event in enumerate(self.log) if isinstance(event, HubStarted)]
        told = [e for place, e in enumerate(self.log) if not isinstance(e, HubStarted) or place in hubs[-1:]]
        assert replay(told) == self.server

    @invariant()
    def at_most_one_spawn_is_open(self) -> None:
        assert len(self.open) <= 1
        assert self.open == (set() if isinstance(self.server, Stopped) else {self.server.spawn_id})

    @invariant()
    def leftovers_are_remembered_until_they_have_ended(self) -> None:
        assert set(self.server.leftovers) == self.left
        assert len(self.server.leftovers) == len(self.left)

    @invariant()
    def nothing_ends_that_was_not_begun_and_nothing_begins_twice(self) -> None:
        begun = [event.spawn_id for event in self.log if isinstance(event, SpawnRequested)]
        ended = [event.spawn_id for event in self.log if isinstance(event, ENDS)]
        assert len(set(begun)) == len(begun)
        assert len(set(ended)) == len(ended)
        assert set(ended) <= set(begun)

    @invariant()
    def who_is_ready_has_answered(self) -> None:
        if isinstance(self.server, Ready | Checking):
            assert self.server.url

    @invariant()
    def every_pending_state_can_be_left_by_the_user(self) -> None:
        if isinstance(self.server, Queued | Spawning | Checking):
            event, *_ = decide(self.server, Stop())
            assert isinstance(event, SpawnCancelled | StopRequested)

    @invariant()
    def messages_are_few(self) -> None:
        told: dict[str, int] = {}
        for event in self.log:
            if isinstance(event, SpawnProgressed):
                told[event.spawn_id] = told.get(event.spawn_id, 0) + 1
        assert max(told.values(), default=0) <= MAX_MESSAGES


TestServerLife = ServerLife.TestCase
