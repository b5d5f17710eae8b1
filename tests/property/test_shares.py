"""Any history of people, groups, servers, shares and codes, against a model of who may do what that fits on a page."""

from __future__ import annotations

from collections import Counter
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from core.events.file.store import Write
from core.events.group import GroupCreated, GroupDeleted, UsersJoined, UsersLeft, group_stream
from core.events.record import HUB
from core.naming.ids import new_id
from core.scopes import BUILT_IN
from core.scopes.table import SELF_SCOPES
from projections import ALL, groups, users
from projections.rebuild import drift
from projections.sharing.shares import Listing, listed
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.effort import examples
from web.hub.hub import Hub

TABLES = ("shares", "share_codes")
PEOPLE = ("bob", "carol", "dave")
NOWHERE = ("bob", "none")
SCOPES = ("access:servers", "read:servers", "servers", "shares")
EVERYBODY = {"name": "user", "scopes": ["self", "shares!user", "read:users:name", "read:groups:name"]}

people = st.sampled_from(PEOPLE)
actors = st.sampled_from(("alice", "alice", *PEOPLE))
numbers = st.integers(0, 9)  # of a server there is, or a code; 9 for one there is not
grantees = st.one_of(*(st.just(("user", name)) for name in PEOPLE), st.just(("group", "red")))
scopes = st.frozensets(st.sampled_from(SCOPES), min_size=1)


STEPS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "grant": {"actor": actors, "place": numbers, "grantee": grantees, "scopes": scopes},
    "issue": {"actor": actors, "place": numbers, "scopes": scopes},
    "accept": {"actor": people, "which": numbers},
    "join": {"name": people},
    "add_server": {"name": people, "server": st.sampled_from(("lab", "desk"))},
    "revoke": {"actor": actors, "place": numbers, "grantee": grantees, "scopes": st.none() | scopes},
    "revoke_all": {"actor": actors, "place": numbers},
    "leave": {"actor": people, "place": numbers},
    "withdraw": {"place": numbers},
    "remove_server": {"named": numbers},
    "rename_server": {"named": numbers, "name": st.sampled_from(("lab", "desk"))},
    "add_user": {"name": people},
    "delete_user": {"name": people},
    "leave_group": {"name": people},
    "delete_group": {},
}
OFTEN = (
    ("grant",) * 20 + ("issue", "accept", "revoke", "add_user") * 4 + ("join", "add_server", "add_server") * 3
)


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """More is made than unmade, so that there is something to lose."""
    name = draw(st.sampled_from((*OFTEN, *STEPS)))
    return name, draw(st.fixed_dictionaries(STEPS[name]))


def below(scope: str) -> set[str]:
    """What comes with a scope that has the filter of a server."""
    subs = (sub for sub in BUILT_IN[scope].subscopes if not sub.startswith("read:user"))
    return {scope}.union(*map(below, subs))


class Model:
    """What ought to be. Servers, users and groups stand for themselves: none is ever equal to a later one."""

    def __init__(self) -> None:
        self.users = {name: object() for name in PEOPLE}
        self.servers = {(name, ""): object() for name in PEOPLE}
        self.red: object | None = object()
        self.members: set[str] = set()
        self.shares: dict[tuple[object, object], set[str]] = {}
        self.codes: dict[str, tuple[object, frozenset[str]]] = {}

    def shared(self, user: str, place: tuple[str, str]) -> set[str]:
        """Directly and through the group."""
        server, through = self.servers.get(place), self.red if user in self.members else None
        return self.shares.get((server, self.users[user]), set()) | self.shares.get((server, through), set())

    def may(self, user: str, place: tuple[str, str]) -> set[str]:
        own = {*SELF_SCOPES, "shares"} if user == place[0] else set()
        return set().union(*map(below, own | self.shared(user, place)))

    def grantee(self, kind: str, name: str) -> object | None:
        return self.users.get(name) if kind == "user" else self.red

    def forget(self, gone: object) -> None:
        self.shares = {pair: scopes for pair, scopes in self.shares.items() if gone not in pair}
        self.codes = {code: one for code, one in self.codes.items() if one[0] is not gone}


class Play:
    """Does each step with the hub and with the model, and compares."""

    def __init__(self, hub: Hub, admin: Client) -> None:
        self.hub = hub
        self.clients = {"alice": admin}
        self.model = Model()

    async def begin(self) -> None:
        await self.admin.post("/users", json={"usernames": list(PEOPLE)})
        for name in PEOPLE:
            await self.take_token(name)
        await self.make_group()

    @property
    def admin(self) -> Client:
        return self.clients["alice"]

    async def take_token(self, name: str) -> None:
        token = (await self.admin.post(f"/users/{name}/tokens")).json()["token"]
        self.clients[name] = self.admin.with_token(token)

    async def make_group(self) -> None:
        self.group = new_id("g")
        await self.tell_group(GroupCreated("red"))

    async def tell_group(self, event: Any) -> None:
        stream = group_stream(self.group)
        await self.hub.store.append(Write(stream, self.hub.store.version(stream), [event]), by=HUB)

    def user_id(self, name: str) -> str:
        row = users.by_name(self.hub.store.db, name)
        assert row is not None
        return row.id

    def allows(self, actor: str, place: tuple[str, str], scopes: frozenset[str] = frozenset()) -> int:
        """The status a request of this actor's to share these scopes ought to have."""
        model = self.model
        if actor not in self.clients:
            return 0
        if actor != "alice":
            may = model.may(actor, place)
            if "shares" not in may:
                return 404
            if place in model.servers and not set().union(*map(below, scopes)) <= may:
                return 403
        return 200 if place in model.servers else 404

    def place(self, number: int) -> tuple[str, str]:
        there = sorted(self.model.servers)
        return NOWHERE if number == 9 or not there else there[number % len(there)]

    def named(self, number: int) -> tuple[str, str] | None:
        there = sorted(place for place in self.model.servers if place[1])
        return there[number % len(there)] if there else None

    # --- steps ---

    async def grant(
        self, actor: str, place: tuple[str, str], grantee: tuple[str, str], scopes: frozenset[str]
    ) -> None:
        status = self.allows(actor, place, scopes)
        to = self.model.grantee(*grantee)
        if status == 200 and to is None:
            status = 400
        if status:
            body = {grantee[0]: grantee[1], "scopes": sorted(scopes)}
            answer = await self.clients[actor].post(f"/shares/{'/'.join(place)}", json=body)
            assert answer.status_code == status, (answer.text, actor, place, grantee, scopes)
        if status == 200:
            held = self.model.shares.setdefault((self.model.servers[place], to), set())
            held |= scopes
            filter_ = "!server=" + "/".join(place)
            assert answer.json()["scopes"] == [scope + filter_ for scope in sorted(held)]

    async def revoke(
        self, actor: str, place: tuple[str, str], grantee: tuple[str, str], scopes: frozenset[str] | None
    ) -> None:
        status = self.allows(actor, place)
        if status:
            filter_ = "!server=" + "/".join(place)
            full = None if scopes is None else [scope + filter_ for scope in scopes]
            answer = await self.clients[actor].patch(
                f"/shares/{'/'.join(place)}", json={grantee[0]: grantee[1], "scopes": full}
            )
            assert answer.status_code == status
        if status == 200:
            pair = (self.model.servers[place], self.model.grantee(*grantee))
            left = self.model.shares.pop(pair, set()) - (scopes or set(SCOPES))
            if left:
                self.model.shares[pair] = left
            assert answer.json().get("scopes", []) == [scope + filter_ for scope in sorted(left)]

    async def revoke_all(self, actor: str, place: tuple[str, str]) -> None:
        status = self.allows(actor, place)
        if status:
            answer = await self.clients[actor].delete(f"/shares/{'/'.join(place)}")
            assert answer.status_code == (204 if status == 200 else status)
        if status == 200:
            server = self.model.servers[place]
            for pair in [pair for pair in self.model.shares if pair[0] is server]:
                del self.model.shares[pair]

    async def leave(self, actor: str, place: tuple[str, str]) -> None:
        if actor in self.clients:
            pair = (self.model.servers.get(place), self.model.users[actor])
            answer = await self.clients[actor].delete(f"/users/{actor}/shared/{'/'.join(place)}")
            assert answer.status_code == (204 if self.model.shares.pop(pair, None) else 404)

    async def issue(self, actor: str, place: tuple[str, str], scopes: frozenset[str]) -> None:
        status = self.allows(actor, place, scopes)
        if status:
            path = f"/share-codes/{'/'.join(place)}"
            answer = await self.clients[actor].post(path, json={"scopes": sorted(scopes)})
            assert answer.status_code == status, answer.text
        if status == 200:
            self.model.codes[answer.json()["code"]] = (self.model.servers[place], scopes)

    async def accept(self, actor: str, which: int) -> None:
        if actor not in self.clients or not self.model.codes:
            return
        code, (server, scopes) = list(self.model.codes.items())[which % len(self.model.codes)]
        is_own = server in [one for place, one in self.model.servers.items() if place[0] == actor]
        answer = await self.clients[actor].post(f"/shares/{code}/accept")
        assert answer.status_code == (400 if is_own else 200)
        if not is_own:
            held = self.model.shares.setdefault((server, self.model.users[actor]), set())
            held |= scopes

    async def withdraw(self, place: tuple[str, str]) -> None:
        server = self.model.servers.get(place)
        answer = await self.admin.delete(f"/share-codes/{'/'.join(place)}")
        assert answer.status_code == (204 if server else 404)
        self.model.codes = {code: one for code, one in self.model.codes.items() if one[0] is not server}

    async def add_server(self, name: str, server: str) -> None:
        if name in self.clients and (name, server) not in self.model.servers:
            await self.admin.put(f"/users/{name}/servers/{server}", json={})
            self.model.servers[name, server] = object()

    async def remove_server(self, named: int) -> None:
        if place := self.named(named):
            gone = {"remove": True}
            await self.admin.request("DELETE", f"/users/{place[0]}/servers/{place[1]}", json=gone)
            self.model.forget(self.model.servers.pop(place))

    async def rename_server(self, named: int, name: str) -> None:
        place = self.named(named)
        if place and (place[0], name) not in self.model.servers:
            await self.admin.patch(f"/users/{place[0]}/servers/{place[1]}", json={"name": name})
            self.model.servers[place[0], name] = self.model.servers.pop(place)

    async def add_user(self, name: str) -> None:
        if name not in self.clients:
            await self.admin.post(f"/users/{name}")
            await self.take_token(name)
            self.model.users[name], self.model.servers[name, ""] = object(), object()

    async def delete_user(self, name: str) -> None:
        if self.clients.pop(name, None):
            await self.admin.delete(f"/users/{name}")
            self.model.forget(self.model.users.pop(name))
            for place in [place for place in self.model.servers if place[0] == name]:
                self.model.forget(self.model.servers.pop(place))
            self.model.members.discard(name)

    async def join(self, name: str) -> None:
        if self.model.red is None:
            await self.make_group()
            self.model.red = object()
        if name in self.clients:
            await self.tell_group(UsersJoined((self.user_id(name),)))
            self.model.members.add(name)

    async def leave_group(self, name: str) -> None:
        if name in self.model.members:
            await self.tell_group(UsersLeft((self.user_id(name),)))
            self.model.members.remove(name)

    async def delete_group(self) -> None:
        if self.model.red is not None:
            await self.tell_group(GroupDeleted())
            self.model.forget(self.model.red)
            self.model.red, self.model.members = None, set()

    # --- what must hold ---

    async def check(self) -> None:
        self.check_shares()
        for name in self.clients.keys() - {"alice"}:
            await self.check_rights(name)

    def check_shares(self) -> None:
        db, model = self.hub.store.db, self.model
        names = {one: place for place, one in model.servers.items()}
        names_of = {one: ("user", name) for name, one in model.users.items()} | {model.red: ("group", "red")}
        expected = {(names[server], names_of[to]): scopes for (server, to), scopes in model.shares.items()}
        rows = [row for name in model.users for row in listed(db, Listing(owner=self.user_id(name)), 0, 1000)]
        found = [((row.server.owner, row.server.name), (row.kind, row.grantee)) for row in rows]
        assert max(Counter(found).values(), default=1) == 1
        filters = ["!server=" + "/".join(place) for place, _ in found]
        held = [
            {scope.removesuffix(filter_) for scope in row.scopes}
            for row, filter_ in zip(rows, filters, strict=True)
        ]
        assert dict(zip(found, held, strict=True)) == expected

    async def check_rights(self, name: str) -> None:
        """At once, with a token that has been in use all the time."""
        shown = (await self.clients[name].get("/user")).json()["scopes"]
        expected = {
            f"{scope}!server={'/'.join(place)}"
            for place in self.model.servers
            for shared in self.model.shared(name, place)
            for scope in below(shared)
        }
        assert {scope for scope in shown if "!server=" in scope} == expected

    def check_rebuilt(self) -> None:
        db = self.hub.store.db
        assert drift(db, ALL) == []
        count = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
        assert count == {"shares": len(self.model.shares), "share_codes": len(self.model.codes)}
        assert groups.count(db) == (self.model.red is not None)

    async def end(self) -> None:
        """Take everything away, piece by piece: nothing is left behind."""
        self.check_rebuilt()
        while any(name for _, name in self.model.servers):
            await self.remove_server(0)
        self.check_rebuilt()
        for name in PEOPLE:
            await self.delete_user(name)
        await self.delete_group()
        assert not self.model.shares
        assert not self.model.codes
        self.check_rebuilt()


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(steps(), min_size=15, max_size=30))
def test_shares_are_what_the_model_says(program: list[tuple[str, dict[str, Any]]]) -> None:
    async def play() -> None:
        chosen = settings_for_tests(services=[], load_roles=[EVERYBODY])
        async with hub_in_memory(chosen) as hub, Client(hub, ADMIN_TOKEN) as admin:
            game = Play(hub, admin)
            await game.begin()
            for name, arguments in program:
                if "place" in arguments:
                    arguments = {**arguments, "place": game.place(arguments["place"])}
                await getattr(game, name)(**arguments)
                await game.check()
            await game.end()

    trio.run(play, clock=MockClock(autojump_threshold=0))
