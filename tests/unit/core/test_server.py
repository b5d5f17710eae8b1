"""The life of a server, as tables: what each command does in each state, and what each event makes of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from core.errors import AlreadyRunningError, HubError, PendingError
from core.events import codec
from core.events.hub import HubStarted
from core.events.server import (
    LeftoverEnded,
    OptionsStored,
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
    has_ended,
    is_same_phase,
    on_hub_started,
    replay,
)

ID, OTHER, OLD = "s1", "s0", "s-old"
URL, PREFIX, OPTIONS = "http://10.0.0.1:80", "/user/alice/", {"image": "x"}

NEVER = Stopped()
STOPPED = Stopped(OPTIONS, SpawnFailed(ID, "no room"), ID, (OLD,))
QUEUED = Queued(ID, OPTIONS, PREFIX, "alice", "", OTHER, (OLD,))
SPAWNING = Spawning(ID, OPTIONS, PREFIX, "alice", "", OTHER, leftovers=(OLD,))
ANSWERED = replace(SPAWNING, url=URL)
READY = Ready(ID, OPTIONS, PREFIX, URL, (OLD,))
CHECKING = Checking(ID, OPTIONS, PREFIX, URL, (OLD,))
UNSEEN = replace(CHECKING, lost="Its node is down.")
STOPPING = Stopping(ID, OPTIONS, (OLD,))

STATES: dict[str, Server] = {
    "never": NEVER,
    "stopped": STOPPED,
    "queued": QUEUED,
    "spawning": SPAWNING,
    "answered": ANSWERED,
    "ready": READY,
    "checking": CHECKING,
    "stopping": STOPPING,
    "node lost": UNSEEN,
}

START = Start("s2", "u1", "alice", "", PREFIX, None, "digest", ["scope"])
START_WITH = replace(START, user_options={"image": "y"})


def requested(options: dict[str, Any], leftovers: tuple[str, ...] = (), previous: str = "") -> SpawnRequested:
    return SpawnRequested("s2", "u1", "alice", "", PREFIX, options, "digest", ["scope"], leftovers, previous)


Refusal = type[HubError]
NONE: list[ServerEvent] = []
RUNS: Refusal = AlreadyRunningError
WAIT: Refusal = PendingError


def due(news: News) -> list[ServerEvent]:
    return [news]


ADMITTED, PROGRESSED = SpawnAdmitted(ID), SpawnProgressed(ID, "pulling", 20)
SAID, MOVED = SpawnAnswered(ID, URL), SpawnAnswered(ID, "http://10.0.0.1:81")
SUCCEEDED, FAILED, UNDONE = SpawnSucceeded(ID), SpawnFailed(ID, "no"), SpawnFailed(ID, "no", leftover=True)
ENDED, UNENDED = ServerStopped(ID, 0), ServerStopped(ID, leftover=True)
DIED, ADOPTED, LOST = ServerDied(ID, 1), ServerAdopted(ID), ServerLost(ID, 1)
LEFT = LeftoverEnded(OLD, 0)
NOW_UNSEEN, ELSEWHERE_UNSEEN = OutOfSight(ID, UNSEEN.lost), OutOfSight(ID, "The zone is down.")

CANCEL, HALT = SpawnCancelled(ID, "why"), StopRequested(ID, "why")
GIVEN_UP = [CANCEL, ServerStopped(ID)]  # nothing had been begun: there is nothing to wait for
STORE = StoreOptions({"image": "z"})


def fenced(options: dict[str, Any]) -> list[ServerEvent]:
    """A new start in place of one that may still run: it is told apart, and goes on being ended."""
    return [
        StopRequested(ID, "A new start takes its place. Its node is down.", "reconciler"),
        UNENDED,
        requested(options, (OLD, ID), ID),
    ]


# One line a command; what it does in each of STATES, in that order.
TABLE: dict[str, tuple[Command, list[list[Any] | Refusal]]] = {
    "start": (
        START,
        [
            [requested({})],
            [requested(OPTIONS, (OLD,), ID)],
            NONE,
            NONE,
            NONE,
            RUNS,
            WAIT,
            WAIT,
            fenced(OPTIONS),
        ],
    ),
    "start with options": (
        START_WITH,
        [
            [requested({"image": "y"})],
            [requested({"image": "y"}, (OLD,), ID)],
            NONE,
            NONE,
            NONE,
            RUNS,
            WAIT,
            WAIT,
            fenced({"image": "y"}),
        ],
    ),
    "start in the queue": (
        replace(START, queued=True),
        [
            [replace(requested({}), queued=True)],
            [replace(requested(OPTIONS, (OLD,), ID), queued=True)],
            NONE,
            NONE,
            NONE,
            RUNS,
            WAIT,
            WAIT,
            [*fenced(OPTIONS)[:-1], replace(requested(OPTIONS, (OLD, ID), ID), queued=True)],
        ],
    ),
    "stop": (Stop("why"), [NONE, NONE, GIVEN_UP, [CANCEL], [CANCEL], [HALT], [HALT], NONE, [HALT]]),
    "stop this attempt": (
        Stop("why", ID),
        [NONE, NONE, GIVEN_UP, [CANCEL], [CANCEL], [HALT], [HALT], NONE, [HALT]],
    ),
    "stop another attempt": (Stop("why", OTHER), [NONE] * 9),
    "store options": (
        STORE,
        [[OptionsStored({"image": "z"})], [OptionsStored({"image": "z"})], *[WAIT] * 7],
    ),
    "store the same options": (StoreOptions(OPTIONS), [[OptionsStored(OPTIONS)], NONE, *[WAIT] * 7]),
    "admitted": (Report(ADMITTED), [NONE, NONE, due(ADMITTED), *[NONE] * 6]),
    "progressed": (
        Report(PROGRESSED),
        [NONE, NONE, NONE, due(PROGRESSED), due(PROGRESSED), *[NONE] * 4],
    ),
    "answered": (Report(SAID), [NONE, NONE, NONE, due(SAID), *[NONE] * 5]),
    "answered elsewhere": (Report(MOVED), [NONE, NONE, NONE, due(MOVED), due(MOVED), *[NONE] * 4]),
    "succeeded": (Report(SUCCEEDED), [NONE, NONE, NONE, NONE, due(SUCCEEDED), *[NONE] * 4]),
    "failed": (Report(FAILED), [NONE, NONE, due(FAILED), due(FAILED), due(FAILED), *[NONE] * 4]),
    "failed, left": (Report(UNDONE), [NONE, NONE, due(UNDONE), due(UNDONE), due(UNDONE), *[NONE] * 4]),
    "ended": (Report(ENDED), [*[NONE] * 7, due(ENDED), NONE]),
    "ended, left": (Report(UNENDED), [*[NONE] * 7, due(UNENDED), NONE]),
    "died": (Report(DIED), [*[NONE] * 5, due(DIED), *[NONE] * 3]),
    "adopted": (Report(ADOPTED), [*[NONE] * 6, due(ADOPTED), NONE, due(ADOPTED)]),
    "lost": (Report(LOST), [*[NONE] * 6, due(LOST), NONE, due(LOST)]),
    "leftover ended": (Report(LEFT), [NONE, *[due(LEFT)] * 8]),
    "node lost": (Report(NOW_UNSEEN), [*[NONE] * 5, due(NOW_UNSEEN), due(NOW_UNSEEN), NONE, NONE]),
    "another is lost": (
        Report(ELSEWHERE_UNSEEN),
        [*[NONE] * 5, *[due(ELSEWHERE_UNSEEN)] * 2, NONE, due(ELSEWHERE_UNSEEN)],
    ),
}


@pytest.mark.parametrize(
    ("server", "command", "expected"),
    [
        pytest.param(server, command, expected, id=f"{state}: {name}")
        for name, (command, line) in TABLE.items()
        for (state, server), expected in zip(STATES.items(), line, strict=True)
    ],
)
def test_decide(server: Server, command: Command, expected: list[ServerEvent] | Refusal) -> None:
    if isinstance(expected, list):
        assert decide(server, command) == expected
    else:
        with pytest.raises(expected):
            decide(server, command)


def test_the_table_has_every_command_and_all_news() -> None:
    commands = {type(command) for command, _ in TABLE.values()}
    assert commands == set(Command.__args__)
    news = {type(command.news) for command, _ in TABLE.values() if isinstance(command, Report)}
    assert news == set(News.__args__)
    assert {type(state) for state in STATES.values()} == set(Server.__args__)


LATE: list[News] = [
    SpawnAdmitted(OTHER),
    SpawnProgressed(OTHER, "pulling"),
    SpawnAnswered(OTHER, "http://late"),
    SpawnSucceeded(OTHER),
    SpawnFailed(OTHER, "no"),
    ServerStopped(OTHER),
    ServerDied(OTHER),
    ServerAdopted(OTHER),
    ServerLost(OTHER),
    OutOfSight(OTHER, "Its node is down."),
    LeftoverEnded(OTHER),
    LeftoverEnded(ID),  # this attempt is not a leftover
]


@pytest.mark.parametrize("server", STATES.values(), ids=STATES)
@pytest.mark.parametrize("news", LATE, ids=lambda news: f"{type(news).__name__} of {news.spawn_id}")
def test_late_news_decides_nothing(server: Server, news: News) -> None:
    assert decide(server, Report(news)) == []


def test_late_news_is_tried_of_every_kind() -> None:
    assert {type(news) for news in LATE} == set(News.__args__)


def test_messages_are_kept_up_to_fifty() -> None:
    server = replace(SPAWNING, messages=MAX_MESSAGES - 1)
    assert decide(server, Report(PROGRESSED)) == [PROGRESSED]
    full = evolve(server, PROGRESSED)
    assert decide(full, Report(PROGRESSED)) == []
    assert decide(full, Report(SAID)) == [SAID]


BOTH = (OLD, ID)

# The states an event can meet, and what it makes of them.
EVOLUTION: list[tuple[Server, ServerEvent, Server]] = [
    (
        NEVER,
        requested({"image": "y"}),
        Spawning("s2", {"image": "y"}, PREFIX, "alice"),
    ),
    (
        STOPPED,
        requested(OPTIONS, (OLD,), ID),
        Spawning("s2", OPTIONS, PREFIX, "alice", "", ID, leftovers=(OLD,)),
    ),
    (NEVER, replace(requested({}), queued=True), Queued("s2", {}, PREFIX, "alice")),
    (
        STOPPED,
        replace(requested(OPTIONS, (OLD,), ID), queued=True),
        Queued("s2", OPTIONS, PREFIX, "alice", "", ID, (OLD,)),
    ),
    (QUEUED, ADMITTED, SPAWNING),
    (QUEUED, FAILED, Stopped(OPTIONS, FAILED, OTHER, (OLD,))),
    (QUEUED, UNDONE, Stopped(OPTIONS, UNDONE, OTHER, BOTH)),
    (QUEUED, CANCEL, replace(STOPPING, kept=OTHER)),
    (QUEUED, ServerStopped(ID), Stopped(OPTIONS, None, OTHER, (OLD,))),
    (replace(STOPPING, kept=OTHER), ServerStopped(ID), Stopped(OPTIONS, None, OTHER, (OLD,))),
    (SPAWNING, PROGRESSED, replace(SPAWNING, messages=1)),
    (SPAWNING, SAID, ANSWERED),
    (ANSWERED, MOVED, replace(SPAWNING, url="http://10.0.0.1:81")),
    (ANSWERED, SUCCEEDED, READY),
    (SPAWNING, FAILED, Stopped(OPTIONS, FAILED, ID, (OLD,))),
    (ANSWERED, UNDONE, Stopped(OPTIONS, UNDONE, ID, BOTH)),
    (SPAWNING, CANCEL, STOPPING),
    (READY, HALT, STOPPING),
    (CHECKING, HALT, STOPPING),
    (STOPPING, ENDED, Stopped(OPTIONS, None, ID, (OLD,))),
    (STOPPING, UNENDED, Stopped(OPTIONS, None, ID, BOTH)),
    (READY, DIED, Stopped(OPTIONS, None, ID, (OLD,))),
    (CHECKING, ADOPTED, READY),
    (READY, NOW_UNSEEN, UNSEEN),
    (CHECKING, NOW_UNSEEN, UNSEEN),
    (UNSEEN, ELSEWHERE_UNSEEN, replace(CHECKING, lost="The zone is down.")),
    (UNSEEN, ADOPTED, READY),
    (CHECKING, LOST, Stopped(OPTIONS, None, ID, (OLD,))),
    (STOPPED, OptionsStored({"image": "z"}), replace(STOPPED, user_options={"image": "z"})),
    *[(state, LEFT, replace(state, leftovers=())) for name, state in STATES.items() if name != "never"],
]


@pytest.mark.parametrize(
    ("server", "event", "after"),
    EVOLUTION,
    ids=[f"{type(server).__name__} {type(event).__name__}" for server, event, _ in EVOLUTION],
)
def test_evolve(server: Server, event: ServerEvent, after: Server) -> None:
    assert evolve(server, event) == after


def test_whatever_decide_gives_is_in_the_table_of_evolve() -> None:
    met = {(type(server), type(event)) for server, event, _ in EVOLUTION}
    for (command, line), (place, server) in itertools.product(TABLE.values(), enumerate(STATES.values())):
        expected = line[place]
        if isinstance(expected, list):
            for event in expected:
                assert (type(server), type(event)) in met, (server, command)
                server = evolve(server, event)


@pytest.mark.parametrize("server", STATES.values(), ids=STATES)
def test_evolve_never_refuses(server: Server) -> None:
    """What has happened has happened: an older program may have decided otherwise."""
    for _, event, _ in EVOLUTION:
        assert isinstance(evolve(server, event), Server), event


@pytest.mark.parametrize("server", STATES.values(), ids=STATES)
def test_a_new_hub_doubts_only_what_was_ready(server: Server) -> None:
    assert on_hub_started(server, HubStarted("1")) == (CHECKING if server == READY else server)


@pytest.mark.parametrize("server", STATES.values(), ids=STATES)
def test_every_state_but_stopped_can_be_stopped(server: Server) -> None:
    """Every pending state accepts some command of the user's."""
    events = decide(server, Stop())
    assert bool(events) == (not isinstance(server, Stopped | Stopping))


@pytest.mark.parametrize("server", STATES.values(), ids=STATES)
def test_only_a_server_without_leftovers_has_ended(server: Server) -> None:
    assert has_ended(server) == (server == NEVER)
    assert has_ended(replace(server, leftovers=())) == isinstance(server, Stopped)


def test_a_phase_is_a_state_of_one_attempt() -> None:
    assert is_same_phase(SPAWNING, ANSWERED)
    assert is_same_phase(STOPPED, replace(STOPPED, leftovers=()))
    assert not is_same_phase(SPAWNING, replace(SPAWNING, spawn_id="s2"))
    assert not is_same_phase(READY, CHECKING)


STORY: list[ServerEvent | HubStarted] = [
    OptionsStored({"image": "y"}),
    requested(OPTIONS),
    SpawnFailed("s2", "no", leftover=True),
    OptionsStored({"image": "z"}),
    replace(requested(OPTIONS, ("s2",), "s2"), spawn_id=ID),
    PROGRESSED,
    SAID,
    SUCCEEDED,
    HubStarted("1"),
    LeftoverEnded("s2"),
    ADOPTED,
]


def test_a_story() -> None:
    assert replay(STORY) == Ready(ID, OPTIONS, PREFIX, URL)
    assert replay(STORY[:3]) == Stopped(OPTIONS, SpawnFailed("s2", "no", leftover=True), "s2", ("s2",))
    assert replay(STORY[:9]) == Checking(ID, OPTIONS, PREFIX, URL, ("s2",))


@pytest.mark.parametrize("length", range(len(STORY) + 1))
def test_a_fold_may_begin_at_the_last_start(length: int) -> None:
    story = STORY[:length]
    starts = [place for place, event in enumerate(story) if isinstance(event, SpawnRequested)]
    if starts:
        assert replay(story[starts[-1] :]) == replay(story)


def test_what_is_decided_survives_the_log() -> None:
    for _, line in TABLE.values():
        for expected in line:
            for event in expected if isinstance(expected, list) else []:
                assert codec.decode(codec.encode(event)) == event
