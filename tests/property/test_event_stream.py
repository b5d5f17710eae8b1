"""The event stream: who sees what, whatever happens; and nobody misses an event, whatever happens to the connection."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from core import group, token
from core.events.file.store import Write
from core.events.record import HUB, Record
from core.events.server import OptionsStored, server_stream
from core.events.token import TokenIssued
from core.events.user import user_stream
from core.user import AddServer, Change, Create, FinishDeletion, RequestDeletion
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.effort import examples
from tests.live import LiveStream, live
from web.hub.hub import Hub

NAMES = ("bob", "carol", "dave")
FILTERS = ("", "!user=bob", "!user=carol", "!group=students")
BELOW = {
    "read:users": {"read:users", "read:users:name", "read:users:groups"},
    "read:users:name": {"read:users:name"},
    "read:users:groups": {"read:users:groups"},
    "read:servers": {"read:servers", "read:users:name"},
    "read:tokens": {"read:tokens"},
    "read:groups": {"read:groups", "read:groups:name"},
    "read:hub": {"read:hub"},
}
WANTED = {
    "user.created": "read:users",
    "user.renamed": "read:users:name",
    "user.admin-granted": "read:users:name",
    "user.admin-revoked": "read:users:name",
    "user.deletion-requested": "read:users:name",
    "user.deleted": "read:users:name",
    "user.server-added": "read:servers",
    "server.options-stored": "read:servers",
    "token.issued": "read:tokens",
    "token.revoked": "read:tokens",
}


class World:
    """A hub, and what the model needs to know of it: names by id, members, and whom each stream is about."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.called: dict[str, str] = {}
        self.gone: set[str] = set()
        self.members: set[str] = set()
        self.owner: dict[str, str] = {}
        self.tokens: list[str] = []

    def present(self, uid: str) -> str | None:
        """The name by which scopes know a user; the last one of who is gone, unless another bears it."""
        name = self.called[uid]
        taken = any(
            self.called[other] == name and other not in self.gone for other in self.called if other != uid
        )
        return None if taken else name

    def may(self, scopes: frozenset[str], scope: str, uid: str | None) -> bool:
        """The model."""
        name = self.present(uid) if uid else None
        in_group = uid in self.members and uid not in self.gone and name is not None
        for held in scopes:
            below, _, narrowed = held.partition("!")
            if scope in BELOW[below] and (
                not narrowed
                or (name and narrowed == f"user={name}")
                or (narrowed == "group=students" and in_group)
            ):
                return True
        return False

    def sees(self, scopes: frozenset[str], record: Record) -> bool:
        tag = record.event.__struct_config__.tag
        if tag.startswith("group."):
            may = any(held in ("read:groups", "read:groups!group=students") for held in scopes)
            named = list(getattr(record.event, "users", ()))
            return may or any(self.may(scopes, "read:users:groups", uid) for uid in named)
        if tag in WANTED:
            return self.may(scopes, WANTED[str(tag)], self.owner[record.stream])
        return str(tag).startswith("hub.") and "read:hub" in scopes

    # --- what may happen: each is one append ---

    def _user(self, which: int) -> str | None:
        there = [uid for uid in self.called if uid not in self.gone]
        return there[which % len(there)] if there else None

    async def create(self, which: int) -> None:
        name = NAMES[which % len(NAMES)]
        if any(self.called[uid] == name and uid not in self.gone for uid in self.called):
            return
        uid = f"u{len(self.called)}"
        self.called[uid] = name
        self.owner[user_stream(uid)] = self.owner[server_stream(f"v{uid}")] = uid
        await self.hub.entities.users.ask(uid, Create(name, f"v{uid}"), by=HUB)

    async def rename(self, which: int) -> None:
        uid, name = self._user(which), NAMES[which % len(NAMES)]
        if uid and all(self.called[other] != name or other in self.gone for other in self.called):
            self.called[uid] = name
            await self.hub.entities.users.ask(uid, Change(name=name), by=HUB)

    async def promote(self, which: int) -> None:
        if uid := self._user(which):
            await self.hub.entities.users.ask(uid, Change(admin=which % 2 == 0), by=HUB)

    async def delete(self, which: int) -> None:
        if uid := self._user(which):
            await self.hub.entities.users.ask(uid, RequestDeletion(), by=HUB)
            await self.settle()
            self.gone.add(uid)
            self.members.discard(uid)
            await self.hub.entities.users.ask(uid, FinishDeletion(), by=HUB)

    async def add_server(self, which: int) -> None:
        if uid := self._user(which):
            server = f"w{len(self.owner)}"
            self.owner[server_stream(server)] = uid
            await self.hub.entities.users.ask(
                uid, AddServer(server, f"lab{len(self.owner)}", "", None, 0), by=HUB
            )

    async def store_options(self, which: int) -> None:
        streams = [stream for stream in self.owner if stream.startswith("server/")]
        if streams:
            stream = streams[which % len(streams)]
            version = self.hub.store.version(stream)
            await self.hub.store.append(Write(stream, version, [OptionsStored({"a": which})]), by=HUB)

    async def join(self, which: int) -> None:
        if (uid := self._user(which)) and uid not in self.members:
            self.members.add(uid)
            await self.hub.entities.groups.ask("g", group.Join((uid,)), by=HUB)

    async def leave(self, which: int) -> None:
        if (uid := self._user(which)) and uid in self.members:
            self.members.discard(uid)
            await self.hub.entities.groups.ask("g", group.Leave((uid,)), by=HUB)

    async def issue(self, which: int) -> None:
        if uid := self._user(which):
            name = f"t{len(self.owner)}"
            self.tokens.append(name)
            self.owner[f"token/{name}"] = uid
            await self.hub.entities.tokens.ask(
                name, token.Issue(user_stream(uid), f"of {name}", ["self"]), by=HUB
            )

    async def revoke(self, which: int) -> None:
        if self.tokens:
            name = self.tokens.pop(which % len(self.tokens))
            await self.hub.entities.tokens.ask(name, token.Revoke(), by=HUB)

    # --- what must hold ---

    async def settle(self) -> None:
        """Everybody has seen what there was, and exactly what the model says of this moment."""
        await wait_all_tasks_blocked()
        new = self.hub.store.read_all(self.position)
        self.position = new[-1].position if new else self.position
        for scopes, stream in self.readers:
            seen = [one.data["position"] for one in stream.now()]
            assert seen == [record.position for record in new if self.sees(scopes, record)], (scopes, new)

    position = 0
    readers: tuple[tuple[frozenset[str], LiveStream], ...] = ()


held = st.frozensets(
    st.builds("{}{}".format, st.sampled_from(sorted(BELOW)), st.sampled_from(FILTERS)), min_size=1, max_size=3
)
steps = st.tuples(
    st.sampled_from(
        (
            "create",
            "rename",
            "promote",
            "delete",
            "add_server",
            "store_options",
            "join",
            "leave",
            "issue",
            "revoke",
        )
    ),
    st.integers(0, 8),
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(held, min_size=2, max_size=4), st.lists(steps, min_size=10, max_size=40))
def test_a_stream_shows_exactly_what_its_caller_may_see_at_that_moment(
    scopes_of_readers: list[frozenset[str]], program: list[tuple[str, int]]
) -> None:
    async def play() -> None:
        async with a_hub() as (hub, alice), AsyncExitStack() as stack:
            world = World(hub)
            await hub.entities.groups.ask("g", group.Create("students"), by=HUB)
            clients = [await reader(alice, scopes) for scopes in scopes_of_readers]
            head = world.position = hub.store.head
            streams = [await stack.enter_async_context(live(one, f"/events?after={head}")) for one in clients]
            world.readers = tuple(zip(scopes_of_readers, streams, strict=True))
            for number in range(len(NAMES)):
                await world.create(number)
                await world.settle()
            for name, which in program:
                await getattr(world, name)(which)
                await world.settle()
            world.position = head
            again = [await stack.enter_async_context(live(one, f"/events?after={head}")) for one in clients]
            world.readers = tuple(zip(scopes_of_readers, again, strict=True))
            await world.settle()  # who comes later sees what is for them now, of all that has been

    trio.run(play, clock=MockClock(autojump_threshold=0))


@asynccontextmanager
async def a_hub() -> AsyncIterator[tuple[Hub, Client]]:
    async with (
        hub_in_memory(settings_for_tests(services=[], load_roles=[])) as hub,
        Client(hub, ADMIN_TOKEN) as alice,
    ):
        yield hub, alice
    hub.store.close()


async def reader(alice: Client, scopes: frozenset[str]) -> Client:
    """A token of alice's, who may grant what groups there are not yet, too."""
    answer = await alice.post("/users/alice/tokens", json={"scopes": sorted(scopes)})
    assert answer.status_code == 201, answer.text
    return alice.with_token(answer.json()["token"])


# --- nothing lost, nothing twice ---

EVENTS, CUTS = 10_000, 1_000


class Plan(NamedTuple):
    """Of one test: how many events come at a time, and after how many a reader is cut off."""

    seed: int
    burst: int
    timeout: int


async def write_many(hub: Hub, plan: Plan) -> None:
    chance, version = random.Random(plan.seed), 0
    while version < EVENTS:
        count = min(chance.randint(1, plan.burst), EVENTS - version)
        events = [OptionsStored({"number": version + number + 1}) for number in range(count)]
        await hub.store.append(Write(server_stream("v"), version, events), by=HUB)
        version += count
        await trio.sleep(chance.random())


async def read_in_pieces(alice: Client, begin: int, plan: Plan, seen: list[int]) -> int:
    """Follow all events, and be cut off again and again; the number of times."""
    chance, last, cuts = random.Random(plan.seed + 1), begin, 0
    while len(seen) < EVENTS:
        async with live(
            alice, "/events?type=server", last_id=str(last), buffer=chance.choice((0, 1, 50))
        ) as stream:
            for _ in range(chance.randint(0, plan.timeout)):
                told: Any = await stream.next()
                if told.kind == "resume":
                    break
                last = int(told.id)
                seen.append(told.data["data"]["user_options"]["number"])
                if len(seen) == EVENTS:
                    break
        cuts += 1
    return cuts


def play_cuts(plan: Plan) -> int:
    async def play() -> int:
        async with a_hub() as (hub, alice), trio.open_nursery() as nursery:
            seen: list[int] = []
            nursery.start_soon(write_many, hub, plan)
            cuts = await read_in_pieces(alice, hub.store.head, plan, seen)
            assert seen == list(range(1, EVENTS + 1))
            return cuts

    return trio.run(play, clock=MockClock(autojump_threshold=0))


def test_a_reader_cut_off_a_thousand_times_has_seen_each_of_ten_thousand_events_once() -> None:
    assert play_cuts(Plan(seed=1, burst=20, timeout=19)) >= CUTS


def test_neither_does_one_who_is_behind_from_beginning_to_end() -> None:
    assert play_cuts(Plan(seed=2, burst=3000, timeout=400)) >= 30


# --- secrets ---

CANARY = "canary-3f9a"


async def test_no_secret_is_in_any_event_shown() -> None:
    chosen = settings_for_tests(api_tokens={ADMIN_TOKEN: "alice", CANARY: "alice"})
    async with hub_in_memory(chosen) as hub, Client(hub, ADMIN_TOKEN) as alice:
        await alice.post("/users", json={"usernames": ["bob"]})
        secret = (await alice.post("/users/bob/tokens")).json()["token"]
        options = {
            "env": {"DB_PASSWORD": CANARY, "nested": [{"api_token": CANARY}]},
            "command": f"--token={CANARY}",
        }
        await alice.post("/users/bob/servers/lab", json=options)
        code = (await alice.post("/share-codes/bob/lab")).json()["code"]
        with_secrets = TokenIssued("user/u", CANARY, [], hint=CANARY[:4])
        await hub.store.append(Write("token/x", 0, [with_secrets]), by=HUB)
        async with live(alice, "/events") as stream:
            await wait_all_tasks_blocked()
            shown = [one.data for one in stream.now()]
        text = str(shown)
        assert {"token.issued", "share-code.issued", "server.spawn-requested"} <= {
            one["type"] for one in shown
        }
        assert len(shown) == hub.store.head
        secrets = [CANARY, secret, code, ADMIN_TOKEN, "cana"]
        secrets += [
            row[0]
            for row in hub.store.db.execute("SELECT digest FROM tokens UNION SELECT digest FROM share_codes")
        ]
        assert [one for one in secrets if one in text] == []
    hub.store.close()
