"""News of shares: whatever happens to shares, groups and people, each is told what differs for them, the latest."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from core.events import Event
from core.events.group import GroupDeleted, UsersJoined, UsersLeft, group_stream
from core.events.record import HUB, By, Record
from core.events.share import ShareGranted, ShareRevoked, share_stream
from core.events.user import NewsSeen, ServerRemoved, UserDeleted, user_stream
from projections.sharing import share_news, shares
from tests.databases import in_memory
from tests.effort import examples

START = datetime(2026, 1, 28, tzinfo=UTC)
USERS = ("u0", "u1", "u2")
GROUPS = ("g0", "g1")
SERVERS = {"v0": "u0", "v1": "u1"}  # whose
GRANTEES = (*map(group_stream, GROUPS), *map(user_stream, USERS))

Pair = tuple[str, str]  # a user and a server
Step = tuple[str, Event]

some_users = st.lists(st.sampled_from(USERS), min_size=1, unique=True).map(tuple)
some_servers = st.sampled_from(sorted(SERVERS))
some_grantees = st.one_of(st.sampled_from(GRANTEES[:2]), st.sampled_from(GRANTEES))
some_groups = st.sampled_from(GROUPS).map(group_stream)


def granted(server: str, grantee: str) -> Step:
    return share_stream(f"{server}+{grantee}"), ShareGranted(SERVERS[server], server, grantee, [])


def revoked(server: str, grantee: str) -> Step:
    return share_stream(f"{server}+{grantee}"), ShareRevoked()


grants = st.builds(granted, some_servers, some_grantees)
joins = st.tuples(some_groups, st.builds(UsersJoined, some_users))
steps = st.one_of(
    *(grants, joins, grants, joins),
    st.builds(revoked, some_servers, some_grantees),
    st.tuples(some_groups, st.builds(UsersLeft, some_users)),
    st.tuples(some_groups, st.just(GroupDeleted())),
    some_servers.map(lambda server: (user_stream(SERVERS[server]), ServerRemoved(server))),
    st.tuples(st.sampled_from(USERS).map(user_stream), st.builds(NewsSeen, st.integers(0, 30))),
    st.tuples(st.sampled_from(USERS).map(user_stream), st.just(UserDeleted())),
)
doers = st.sampled_from([HUB, *(By(user_stream(user)) for user in USERS), By("user/u2", "login")])


class Model:
    def __init__(self) -> None:
        self.shared: set[tuple[str, str]] = set()
        self.members: set[tuple[str, str]] = {(user_stream(user), user) for user in USERS}
        self.news: dict[Pair, tuple[int, bool]] = {}

    def access(self) -> set[Pair]:
        return {
            (user, server)
            for server, grantee in self.shared
            for team, user in self.members
            if team == grantee and SERVERS[server] != user
        }

    def apply(self, record: Record) -> None:
        """What differs for somebody is news to them, unless they have done it."""
        before = self.access()
        self._change(record.stream, record.event)
        for pair in before ^ self.access():
            self.news[pair] = record.position, pair not in before
            if record.by == By(user_stream(pair[0])):
                del self.news[pair]
        gone = record.key if isinstance(record.event, UserDeleted) else ""
        seen = record.key, record.event.upto if isinstance(record.event, NewsSeen) else 0
        for user, server in list(self.news):
            if user == gone or (user == seen[0] and self.news[user, server][0] <= seen[1]):
                del self.news[user, server]

    def _change(self, stream: str, event: Event) -> None:
        match event:
            case ShareGranted(server=server, grantee=grantee):
                self.shared.add((server, grantee))
            case ShareRevoked():
                self.shared.discard(tuple(stream.removeprefix("share/").split("+")))
            case UsersJoined(users=users):
                self.members |= {(stream, user) for user in users}
            case UsersLeft(users=users):
                self.members -= {(stream, user) for user in users}
            case ServerRemoved(server=server):
                self.shared = {one for one in self.shared if one[0] != server}
            case GroupDeleted() | UserDeleted():
                gone = {server for server, owner in SERVERS.items() if user_stream(owner) == stream}
                self.shared = {one for one in self.shared if one[0] not in gone and one[1] != stream}
                left = {one for one in self.members if user_stream(one[1]) != stream and one[0] != stream}
                self.members = left | {(user_stream(user), user) for user in USERS}


def records(steps: Sequence[tuple[Step, By]]) -> Iterator[Record]:
    for position, ((stream, event), by) in enumerate(steps, 1):
        yield Record(position, stream, position, START + timedelta(seconds=position), by, event)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(steps, doers), min_size=10, max_size=30))
def test_news_is_what_differs_between_before_and_after(steps: list[tuple[Step, By]]) -> None:
    db, model = in_memory(), Model()
    shares.create(Database(db))
    for record in records(steps):
        event = record.event
        if isinstance(event, ShareGranted) and (event.server, event.grantee) in model.shared:
            continue
        shares.project(db, record)
        model.apply(record)
        rows = db.execute("SELECT user, server, position, change = 'given' FROM share_news")
        told = {(user, server): (position, bool(given)) for user, server, position, given in rows}
        assert told == model.news
        for user in USERS:
            check_names(db, model, user, record)


def check_names(db: sqlite3.Connection, model: Model, user: str, record: Record) -> None:
    """Whom it is said to be through gives it now."""
    for news in share_news.unseen(db, user, record.at):
        if news.change == "given":
            assert (news.server, news.grantee) in model.shared
            assert (news.grantee, user) in model.members
        elif news.change != "ended":
            assert news.grantee.startswith("group/")
