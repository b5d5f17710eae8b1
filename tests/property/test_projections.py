"""Any history: the tables kept are the tables rebuilt, names are unique, and the log alone rebuilds every state."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import projections
from core import job as jobs
from core import server as servers
from core import token as tokens
from core import user as users
from core.errors import HubError
from core.events import Event, activity, hub
from core.events.activity import ActivityRecorded
from core.events.file.database import MEMORY, open_to_look
from core.events.file.folding import Projection
from core.events.file.reading import read_stream
from core.events.file.writer import Writer
from core.events.hub import HubStarted, HubStopped
from core.events.job import job_stream
from core.events.log.append_request import AppendRequest, Write
from core.events.log.tables import Tables
from core.events.record import HUB
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
    SpawnFailed,
    SpawnProgressed,
    SpawnSucceeded,
    server_stream,
)
from core.events.token import token_stream
from core.events.user import user_stream
from projections import users as users_table
from projections.rebuild import drift, rebuilt
from tests.effort import examples
from tests.property.events import events, moments

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
IDS = ("u0", "u1", "u2", "v0", "v1", "v2", "v3", "v4", "t0", "t1", "s0", "s1")
NAMES = ("alice", "bob", "carol")

Command = Any


class Order(NamedTuple):
    """A command for an entity."""

    stream: str
    command: Command


Wish = Callable[["House"], Order]  # what somebody wants, in a house as they find it


# --- what may be wished for ---

user_ids = st.sampled_from(["u0", "u1", "u2"])
names = st.sampled_from(["alice", "bob", "carol"])
server_names = st.sampled_from(["lab", "gpu", ""])
options = st.none() | st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=1)
numbers = st.integers(0, 9)
flags = st.booleans()


def create(user: str, name: str, admin: bool) -> Wish:
    return lambda house: Order(user_stream(user), users.Create(name, house.new_id("v"), admin))


def of_user(user: str, command: Command) -> Wish:
    return lambda _: Order(user_stream(user), command)


def add_server(user: str, name: str, given: Any, limit: int) -> Wish:
    return lambda house: Order(user_stream(user), users.AddServer(house.new_id("v"), name, "", given, limit))


def rename_server(number: int, name: str) -> Wish:
    def wish(house: House) -> Order:
        owner, server, *_ = house.server(number)
        return Order(user_stream(owner), users.RenameServer(server, name, house.new_id("v")))

    return wish


def remove_server(number: int, is_over: bool) -> Wish:
    def wish(house: House) -> Order:
        owner, server, *_ = house.server(number)
        command = users.FinishRemoval(server) if is_over else users.RequestRemoval(server)
        return Order(user_stream(owner), command)

    return wish


user_wishes = st.one_of(
    st.builds(create, user_ids, names, flags),
    st.builds(of_user, user_ids, st.builds(users.Change, names | st.just(""), st.none() | flags)),
    st.builds(of_user, user_ids, st.sampled_from([users.RequestDeletion(), users.FinishDeletion()])),
    st.builds(add_server, user_ids, server_names, options, st.integers(0, 2)),
    st.builds(rename_server, numbers, server_names),
    st.builds(remove_server, numbers, flags),
)


def start(number: int, given: Any, queued: bool = False) -> Wish:
    def wish(house: House) -> Order:
        owner, server, user_name, server_name = house.server(number)
        spawn_id = house.new_id("s")
        prefix, digest = f"/user/{user_name}/{server_name}", f"of {spawn_id}"
        names = (user_name, server_name, prefix)
        command = servers.Start(spawn_id, owner, *names, given, digest, ["self"], queued)
        return Order(server_stream(server), command)

    return wish


def of_server(number: int, command: Command) -> Wish:
    return lambda house: Order(server_stream(house.server(number)[1]), command)


def go_on(number: int, well: bool, leftover: bool) -> Wish:
    """News that the server is waiting for, good or bad."""

    def wish(house: House) -> Order:
        server = server_stream(house.server(number)[1])
        return Order(server, servers.Report(due_news(house.state(server), well, leftover)))

    return wish


def due_news(state: Any, well: bool, leftover: bool) -> Any:
    match state:
        case servers.Queued():
            return SpawnAdmitted(state.spawn_id) if well else SpawnFailed(state.spawn_id, "too late")
        case servers.Spawning(url=""):
            answered = SpawnAnswered(state.spawn_id, "http://a")
            return answered if well else SpawnFailed(state.spawn_id, "no room", leftover=leftover)
        case servers.Spawning():
            return SpawnSucceeded(state.spawn_id)
        case servers.Ready():
            return SpawnSucceeded(state.spawn_id) if well else ServerDied(state.spawn_id, 1)
        case servers.Checking():
            return ServerAdopted(state.spawn_id) if well else ServerLost(state.spawn_id)
        case servers.Stopping():
            return ServerStopped(state.spawn_id, 0, leftover)
        case _:
            return LeftoverEnded(state.leftovers[0] if state.leftovers else "none")


def hear(number: int, news: Callable[[str], Any]) -> Wish:
    """News that may come too late, or make no sense."""

    def wish(house: House) -> Order:
        server = server_stream(house.server(number)[1])
        return Order(server, servers.Report(news(house.state(server).spawn_id)))

    return wish


any_news = st.one_of(
    st.builds(lambda text: lambda attempt: OutOfSight(attempt, text), st.text(max_size=3)),
    st.builds(lambda text: lambda attempt: SpawnProgressed(attempt, text), st.text(max_size=3)),
    st.sampled_from([SpawnSucceeded, ServerDied, ServerAdopted, ServerLost, ServerStopped, LeftoverEnded]),
)
server_commands = st.one_of(
    st.just(servers.Stop()), st.builds(servers.StoreOptions, options.map(lambda given: given or {}))
)
server_wishes = st.one_of(
    st.builds(start, numbers, options, flags),
    st.builds(start, numbers, options, flags),
    st.builds(go_on, numbers, st.just(True), flags),
    st.builds(go_on, numbers, flags, flags),
    st.builds(of_server, numbers, server_commands),
    st.builds(hear, numbers, any_news),
)


def issue(token: str, owner: str, expires_at: datetime | None, hint: str) -> Wish:
    return lambda house: Order(
        token_stream(token),
        tokens.Issue(owner, f"of {house.new_id('s')}", ["self"], expires_at=expires_at, hint=hint),
    )


token_ids = st.sampled_from(["t0", "t1", "t2"])
owners = user_ids.map(user_stream) | st.just("service/ops")
token_wishes = st.one_of(
    st.builds(issue, token_ids, owners, st.none() | moments, st.sampled_from(["", "s3cr"])),
    token_ids.map(lambda token: lambda _: Order(token_stream(token), tokens.Revoke())),
)

seen = st.dictionaries(st.sampled_from(IDS), moments, max_size=3)
hub_wishes = st.one_of(
    st.builds(ActivityRecorded, seen, seen, seen).map(lambda event: lambda _: Order(activity.STREAM, event)),
    st.just(lambda _: Order(hub.STREAM, HubStarted("0.1"))),
    st.just(lambda _: Order(hub.STREAM, HubStopped(servers=False))),
)

job_items = st.lists(st.sampled_from(["u0", "u1"]), max_size=2, unique=True).map(tuple)
job_commands = st.one_of(
    st.builds(
        jobs.Request, st.just("k"), job_items, due=st.none() | moments, key=st.sampled_from(["", "key"])
    ),
    st.builds(jobs.Progress, job_items, st.dictionaries(st.sampled_from(["u0", "u1"]), st.just("no"))),
    st.builds(jobs.PutOff, st.just("no"), moments),
    st.sampled_from([jobs.Try(), jobs.Finish(), jobs.Cancel(), jobs.GiveUp("no")]),
)
job_wishes = st.builds(
    lambda job, command: lambda _: Order(job_stream(job), command),
    st.sampled_from(["j0", "j1", "j2"]),
    job_commands,
)

desired_state = st.one_of(
    user_wishes, server_wishes, server_wishes, server_wishes, token_wishes, hub_wishes, job_wishes
)
histories = st.lists(st.lists(desired_state, min_size=1, max_size=4), min_size=10, max_size=50)


# --- carrying them out, as the actors do: fold, decide, append, evolve ---

INITIAL: dict[str, Any] = {
    "user": users.NoUser(),
    "server": servers.Stopped(),
    "token": tokens.NoToken(),
    "job": jobs.NoJob(),
    activity.STREAM: None,
    hub.STREAM: None,
}
DECIDE: dict[str, Callable[[Any, Any], Sequence[Any]]] = {
    "user": users.decide,
    "server": servers.decide,
    "token": tokens.decide,
    "job": jobs.decide,
    activity.STREAM: lambda _, event: [event],
    hub.STREAM: lambda _, event: [event],
}
EVOLVE: dict[str, Callable[[Any, Any], Any]] = {
    "user": users.evolve,
    "server": servers.evolve,
    "token": tokens.evolve,
    "job": jobs.evolve,
    activity.STREAM: lambda state, _: state,
    hub.STREAM: lambda state, _: state,
}


class House:
    """A log, and the states of all that has a stream in it. It begins with two users."""

    def __init__(self) -> None:
        self._ticks = 0
        self._last = dict.fromkeys("sv", -1)
        self.writer = Writer(MEMORY, projections.ALL, self._now)
        self.states: dict[str, tuple[Any, int]] = {}
        self.carry_out([create("u0", "alice", True), create("u1", "bob", False)])

    def _now(self) -> datetime:
        """A clock that is ahead by a day for two of ten ticks."""
        self._ticks += 1
        ahead = timedelta(days=1) if self._ticks % 10 in (5, 6) else timedelta(0)
        return START + ahead + timedelta(seconds=self._ticks)

    def new_id(self, kind: str) -> str:
        """One nobody has had before, as the shells around deciding make them."""
        self._last[kind] += 1
        return f"{kind}{self._last[kind]}"

    def state(self, stream: str) -> Any:
        return self.states.get(stream, (INITIAL[stream.partition("/")[0]], 0))[0]

    def server(self, number: int) -> tuple[str, str, str, str]:
        """One of all servers: its user's id, its own, and their names."""
        known = [
            (stream.partition("/")[2], server, user.name, name)
            for stream, (user, _) in self.states.items()
            if isinstance(user, users.User)
            for server, name in user.servers.items()
        ]
        return known[number % len(known)] if known else ("u0", "v0", "alice", "")

    def carry_out(self, batch: Iterable[Wish]) -> None:
        """In one commit, as far as they are for different streams."""
        units: dict[str, AppendRequest] = {}
        for wish in batch:
            stream, command = wish(self)
            kind = stream.partition("/")[0]
            state, version = self.states.get(stream, (INITIAL[kind], 0))
            try:
                decided = DECIDE[kind](state, command)
            except HubError:
                continue
            if decided and stream not in units:
                units[stream] = AppendRequest([Write(stream, version, decided)], HUB)
        if units:
            self.writer.commit(list(units.values()))
        for unit in units.values():
            self._evolve(unit)

    def _evolve(self, unit: AppendRequest) -> None:
        assert unit.error is None or isinstance(unit.error, HubError), unit.error
        for record in unit.records:
            kind = record.kind
            state, _ = self.states.get(record.stream, (INITIAL[kind], 0))
            self.states[record.stream] = EVOLVE[kind](state, record.event), record.version
            if isinstance(record.event, HubStarted):
                self._put_in_doubt(record.event)

    def _put_in_doubt(self, event: HubStarted) -> None:
        for stream, (state, version) in self.states.items():
            if stream.startswith("server/"):
                self.states[stream] = servers.on_hub_started(state, event), version

    def close(self) -> None:
        self.writer.close()


def tables_of(db: Tables) -> dict[str, list[Any]]:
    return {
        table: sorted(db.execute(f"SELECT * FROM [{table}]").fetchall(), key=repr)
        for projection in projections.ALL
        for table in projection.TABLES
    }


def check_rebuilt(writer: Writer, wanted: Sequence[Projection] = projections.ALL) -> None:
    assert drift(writer.connection, wanted) == []


@settings(deadline=None, max_examples=examples(150))
@given(histories)
def test_after_any_history_the_tables_are_what_the_log_says(batches: list[list[Wish]]) -> None:
    house = House()
    for batch in batches:
        house.carry_out(batch)
    check_rebuilt(house.writer)
    for projection in projections.ALL:
        check_rebuilt(house.writer, [projection])  # none of them may need another's table
    check_names(house)
    check_users_and_tokens(house)
    house.close()


@settings(deadline=None, max_examples=examples(60))
@given(histories)
def test_the_tables_folded_up_to_a_position_are_what_they_were_then(batches: list[list[Wish]]) -> None:
    house = House()
    then = []
    for batch in batches:
        house.carry_out(batch)
        then.append((house.writer.position, tables_of(house.writer.connection)))
    for position, tables in then[:: max(1, len(then) // 4)]:
        with closing(rebuilt(house.writer.connection, projections.ALL, position)) as own:
            assert tables_of(own) == tables
    house.close()


def test_a_fold_may_go_into_a_file_of_its_own(tmp_path: Path) -> None:
    house = House()
    file = str(tmp_path / "then.sqlite")
    rebuilt(house.writer.connection, projections.ALL, 1, into=file).close()
    with closing(open_to_look(file)) as then:
        assert [row.name for row in users_table.listed(then, users_table.Listing())] == ["alice"]
    house.close()


def test_every_query_takes_the_database_it_reads() -> None:
    """So that what is asked of the present can be asked of the past."""
    queries = [
        query
        for projection in projections.ALL
        for name, query in inspect.getmembers(projection, inspect.isfunction)
        if query.__module__ == projection.__name__
        and not name.startswith("_")  # type: ignore[attr-defined]
        and "execute(" in inspect.getsource(query)
    ]
    assert len(queries) > 50
    strangers = [
        query.__qualname__ for query in queries if next(iter(inspect.signature(query).parameters)) != "db"
    ]
    assert strangers == []


def test_a_history_can_come_to_all_that_can_happen_to_a_server() -> None:
    """So that the property above is about something."""
    restart: Wish = lambda _: Order(hub.STREAM, HubStarted("0.1"))  # noqa: E731
    stop = of_server(0, servers.Stop())
    begin, onward, badly = start(0, {"a": 1}), go_on(0, True, False), go_on(0, False, True)
    unseen = hear(0, lambda attempt: OutOfSight(attempt, "Its node is down."))
    to_ready = [begin, onward, hear(0, lambda attempt: SpawnProgressed(attempt, "here")), onward]
    house = House()
    for wish in [
        *(
            *to_ready,
            stop,
            go_on(0, True, True),
            go_on(0, True, False),
        ),  # stopped with a leftover, which ended
        *(begin, badly, begin, stop, onward),  # failed; cancelled
        *(start(0, None, True), stop, start(0, None, True), onward, badly),  # waited: given up; admitted
        *(*to_ready, badly, *to_ready, restart, onward, restart, badly),  # died; adopted, lost
        *(
            *to_ready,
            unseen,
            onward,
            unseen,
            begin,
            stop,
            onward,
        ),  # its node lost, and found; fenced by a new start
        of_server(0, servers.StoreOptions({"b": 2})),
    ]:
        house.carry_out([wish])
        check_rebuilt(house.writer)
    happened = {row[0] for row in house.writer.connection.execute("SELECT DISTINCT type FROM events")}
    assert {kind.__struct_config__.tag for kind in get_args(ServerEvent)} <= happened
    house.close()


def check_names(house: House) -> None:
    """No two users have one name, and the table of names says whose it is."""
    living = {
        s.partition("/")[2]: state for s, (state, _) in house.states.items() if isinstance(state, users.User)
    }
    called = [user.name for user in living.values()]
    assert len(set(called)) == len(called)
    for user_id, user in living.items():
        row = house.writer.connection.execute(
            "SELECT holder FROM names WHERE kind = 'user' AND scope = '' AND name = ?", (user.name,)
        ).fetchone()
        assert row == (user_id,)


def check_users_and_tokens(house: House) -> None:
    """The rows are the states that the actors have."""
    db = house.writer.connection
    for stream, (state, _) in house.states.items():
        kind, _, entity = stream.partition("/")
        if kind == "user":
            row = db.execute("SELECT name, admin, leaving FROM users WHERE id = ?", (entity,)).fetchone()
            known = isinstance(state, users.User)
            assert row == ((state.name, state.admin, state.leaving) if known else None)
        if kind == "token" and isinstance(state, tokens.NoToken):
            assert db.execute("SELECT 1 FROM tokens WHERE id = ?", (entity,)).fetchone() is None


@settings(deadline=None, max_examples=examples(60))
@given(histories)
def test_after_any_history_a_stream_read_again_gives_the_state_its_actor_has(
    batches: list[list[Wish]],
) -> None:
    house = House()
    for batch in batches:
        house.carry_out(batch)
    starts = read_stream(house.writer.connection, hub.STREAM, 0, 1000)
    for stream, (state, version) in house.states.items():
        kind = stream.partition("/")[0]
        again, last = INITIAL[kind], 0
        records = read_stream(house.writer.connection, stream, 0, 1000)
        for record in sorted([*records, *starts], key=lambda record: record.position):
            if record.stream == stream:
                again, last = EVOLVE[kind](again, record.event), record.version
            elif kind == "server" and isinstance(record.event, HubStarted):
                again = servers.on_hub_started(again, record.event)
        assert (again, last) == (state, version)
    house.close()


# --- histories that nobody would have decided: tables must bear them too, or refuse them alone ---

few_texts = st.sampled_from([*IDS, *NAMES, "user/u0", "user/u1", "group/u2", "s1", "s2", "lab", ""])
few_streams = st.one_of(
    *(st.sampled_from(IDS).map(stream) for stream in (user_stream, server_stream, token_stream)),
    st.sampled_from([f"{kind}/{id}" for kind in ("group", "share", "share-code", "role") for id in IDS[:3]]),
    st.sampled_from(["service/ops", "route//extra/", hub.STREAM, activity.STREAM]),
)


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
@settings(deadline=None, max_examples=examples(150))
@given(st.lists(st.lists(st.tuples(few_streams, events(few_texts)), min_size=1, max_size=3), max_size=25))
def test_after_any_events_at_all_the_tables_are_what_the_log_says(
    batches: list[list[tuple[str, Event]]],
) -> None:
    writer = Writer(MEMORY, projections.ALL)
    versions: dict[str, int] = {}
    for batch in batches:
        units = [
            AppendRequest([Write(stream, versions.get(stream, 0), [event])], HUB)
            for stream, event in dict(batch).items()
        ]
        writer.commit(units)
        for unit in units:
            for record in unit.records:
                versions[record.stream] = record.version
    assert writer.trouble == ""
    check_rebuilt(writer)
    writer.close()
