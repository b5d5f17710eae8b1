"""Any history of users, groups, roles and tokens, against a model of who may do what that fits on a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from core.config.roles import DEFAULT_ROLES
from core.events.record import HUB
from core.role import GrantRole, Withdraw
from core.scopes import BUILT_IN, Answer, User, check
from core.scopes.table import SELF_SCOPES
from projections import ALL, groups, names, tokens, users
from projections.rebuild import drift
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.effort import examples
from web.hub.hub import Hub

NAMES = ("bob", "carol", "dave", "erin")
GROUPS = ("red", "blue")
ROLES = {
    "tutor": ["read:users!group=red", "list:users!group=red"],
    "lister": ["list:users", "read:users:activity!user=bob"],
    "keeper": ["admin:users!group=blue", "tokens!user=carol"],
    "groupie": ["groups!group=blue", "servers!server=carol/"],
    "boss": ["admin:users", "read:roles"],
}
ASKED = (
    "self",
    "read:users",
    "list:users",
    "read:users!group=red",
    "admin:users!user=carol",
    "tokens!user",
    "groups",
)

# Which scopes show which keys of a user, in the words of the API's documentation.
SHOWN = {
    "admin": {"read:users", "read:users:name", "read:roles:users"},
    "user_info": {"read:users", "read:users:name"},
    "roles": {"read:users", "read:roles:users"},
    "groups": {"read:users", "read:users:groups"},
    "server": {"read:users"},
    "pending": {"read:users"},
    "created": {"read:users"},
    "last_activity": {"read:users", "read:users:activity"},
    "servers": {"read:servers"},
    "auth_state": {"admin:auth_state"},
}

Held = set[tuple[str, str]]  # a scope, and its filter or ""


def below(scope: str, filter_: str) -> set[str]:
    subs = (
        sub for sub in BUILT_IN[scope].subscopes if not (filter_[:7] == "server=" and sub[:9] == "read:user")
    )
    return {scope}.union(*(below(sub, filter_) for sub in subs))


def expanded(raw: set[str], owner: str) -> Held:
    held: Held = set()
    for text in {*raw} - {"self"} | ({f"{scope}!user" for scope in SELF_SCOPES} if "self" in raw else set()):
        scope, _, filter_ = text.partition("!")
        held |= {(sub, f"user={owner}" if filter_ == "user" else filter_) for sub in below(scope, filter_)}
    return held


class Model:
    """What ought to be: names of users and groups stand for themselves, roles are given by name."""

    def __init__(self) -> None:
        self.admins: dict[str, bool] = {}  # of every user but alice
        self.members: dict[str, set[str]] = {}  # of every group
        self.roles: dict[str, set[str]] = {}  # held by `user/NAME` or `group/NAME`
        self.tokens: dict[str, tuple[str, set[str]]] = {}  # the owner's name and the scopes asked for

    def held(self, user: str) -> Held:
        of_groups = (f"group/{name}" for name, members in self.members.items() if user in members)
        roles = {"user"}.union(*(self.roles.get(holder, set()) for holder in (f"user/{user}", *of_groups)))
        raw = {scope for role in roles for scope in ROLES.get(role, ["self"])}
        return expanded(raw, user) | (ADMINISTRATOR if self.admins[user] else set())

    def covers(self, held: Held, scope: str, user: str) -> bool:
        filters = {
            "",
            f"user={user}",
            *(f"group={name}" for name in self.members if user in self.members[name]),
        }
        return any((scope, filter_) in held for filter_ in filters)

    def rights(self, token: str) -> Callable[[str, str], bool]:
        """A token allows what it was issued for, as far as its owner holds it now."""
        owner, asked = self.tokens[token]
        owned = self.held(owner)
        if "inherit" in asked:
            return lambda scope, user: self.covers(owned, scope, user)
        wanted = expanded(asked | {f"read:users:{part}!user" for part in ("name", "groups")}, owner)
        return lambda scope, user: self.covers(owned, scope, user) and self.covers(wanted, scope, user)


ADMINISTRATOR = expanded(set(DEFAULT_ROLES["admin"].scopes), "")

people = st.sampled_from(NAMES)
teams = st.sampled_from(GROUPS)
holders = st.one_of(people.map(lambda name: f"user/{name}"), teams.map(lambda name: f"group/{name}"))
asked_scopes = st.one_of(st.just(frozenset({"inherit"})), st.frozensets(st.sampled_from(ASKED), min_size=1))
numbers = st.integers(0, 9)

STEPS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "create_user": {"name": people, "admin": st.booleans(), "by": numbers},
    "delete_user": {"name": people, "by": numbers},
    "rename": {"name": people, "to": people},
    "set_admin": {"name": people, "admin": st.booleans(), "by": numbers},
    "create_group": {"name": teams, "member": people},
    "delete_group": {"name": teams},
    "join": {"name": teams, "member": people, "by": numbers},
    "part": {"name": teams, "member": people},
    "grant": {"role": st.sampled_from(tuple(ROLES)), "holder": holders},
    "withdraw": {"role": st.sampled_from(tuple(ROLES)), "holder": holders},
    "issue": {"owner": people, "scopes": asked_scopes, "by": numbers},
    "revoke": {"which": numbers},
    "start": {"name": people},
    "stop": {"name": people},
}
OFTEN = ("create_user",) * 4 + ("grant", "issue") * 5 + ("join", "create_group") * 2


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """More is made than unmade, so that there is something to lose."""
    name = draw(st.sampled_from((*OFTEN, *STEPS)))
    return name, draw(st.fixed_dictionaries(STEPS[name]))


class Play:
    """Does each step with the hub and with the model, and compares. `by`: which token asks, mostly alice's."""

    def __init__(self, hub: Hub, alice: Client) -> None:
        self.hub, self.alice = hub, alice
        self.model = Model()
        self.clients: dict[str, Client] = {}

    def caller(self, number: int) -> str | None:
        """The id of somebody's token; None for alice."""
        known = sorted(self.clients)
        return known[number % len(known)] if number >= 4 and known else None

    async def send(self, by: str | None, method: str, path: str, body: Any = None) -> int:
        client = self.alice if by is None else self.clients[by]
        return (await client.request(method, path, json=body)).status_code

    def may(self, by: str | None, scope: str, user: str) -> bool:
        return by is None or self.model.rights(by)(scope, user)

    def is_admin(self, by: str | None) -> bool:
        """By a credential that is not a narrow one."""
        if by is None:
            return True
        owner, asked = self.model.tokens[by]
        return self.model.admins[owner] and "inherit" in asked

    def id_of(self, holder: str) -> str | None:
        kind, _, name = holder.partition("/")
        row = (users if kind == "user" else groups).by_name(self.hub.store.db, name)
        return None if row is None else f"{kind}/{row.id}"

    # --- steps ---

    async def create_user(self, name: str, admin: bool, by: int) -> None:
        caller = self.caller(by)
        allowed = self.may(caller, "admin:users", name) and (self.is_admin(caller) or not admin)
        taken = names.holder_of(self.hub.store.db, "user", name) is not None
        status = await self.send(caller, "POST", f"/users/{name}", {"admin": admin})
        assert (status == 201) is (allowed and not taken), status
        if status == 201:
            self.model.admins[name] = admin

    async def delete_user(self, name: str, by: int) -> None:
        caller, model = self.caller(by), self.model
        oneself = caller is not None and model.tokens[caller][0] == name
        allowed = self.may(caller, "delete:users", name) and name in model.admins and not oneself
        status = await self.send(caller, "DELETE", f"/users/{name}")
        assert (status == 204) is allowed, status
        if status == 204:
            del model.admins[name]
            model.roles.pop(f"user/{name}", None)
            for members in model.members.values():
                members.discard(name)
            for token in [token for token, (owner, _) in model.tokens.items() if owner == name]:
                del model.tokens[token]
                assert await self.send(token, "GET", "/user") == 403
                del self.clients[token]

    async def rename(self, name: str, to: str) -> None:
        model = self.model
        holder = self.id_of(f"user/{name}")
        free = names.holder_of(self.hub.store.db, "user", to)
        status = await self.send(None, "PATCH", f"/users/{name}", {"name": to})
        assert (status == 200) is (holder is not None and (free is None or holder == f"user/{free}"))
        if status == 200 and name != to:
            model.admins[to] = model.admins.pop(name)
            model.roles[f"user/{to}"] = model.roles.pop(f"user/{name}", set())
            for members in model.members.values():
                if name in members:
                    members.remove(name)
                    members.add(to)
            model.tokens = {
                token: (to if owner == name else owner, asked)
                for token, (owner, asked) in model.tokens.items()
            }

    async def set_admin(self, name: str, admin: bool, by: int) -> None:
        caller, model = self.caller(by), self.model
        allowed = self.may(caller, "admin:users", name) and name in model.admins
        if allowed and (admin or model.admins[name]):
            allowed = self.is_admin(caller)
        status = await self.send(caller, "PATCH", f"/users/{name}", {"admin": admin})
        assert (status == 200) is allowed, status
        if status == 200:
            model.admins[name] = admin

    async def create_group(self, name: str, member: str) -> None:
        status = await self.send(None, "POST", f"/groups/{name}", {"users": [member]})
        assert (status == 201) is (name not in self.model.members and member in self.model.admins)
        if status == 201:
            self.model.members[name] = {member}

    async def delete_group(self, name: str) -> None:
        status = await self.send(None, "DELETE", f"/groups/{name}")
        assert (status == 204) is (name in self.model.members)
        self.model.members.pop(name, None)
        self.model.roles.pop(f"group/{name}", None)

    async def join(self, name: str, member: str, by: int) -> None:
        caller, model = self.caller(by), self.model
        owned = None if caller is None else model.held(model.tokens[caller][0])
        asked = None if caller is None else model.tokens[caller][1]
        allowed = owned is None or bool(
            {("groups", ""), ("groups", f"group={name}")} & owned and asked and {"inherit", "groups"} & asked
        )
        status = await self.send(caller, "POST", f"/groups/{name}/users", {"users": [member]})
        assert (status == 200) is (allowed and name in model.members and member in model.admins), status
        if status == 200:
            model.members[name].add(member)

    async def part(self, name: str, member: str) -> None:
        status = await self.send(None, "DELETE", f"/groups/{name}/users", {"users": [member]})
        assert (status == 200) is (name in self.model.members and member in self.model.admins)
        if status == 200:
            self.model.members[name].discard(member)

    async def grant(self, role: str, holder: str) -> None:
        if holder_id := self.id_of(holder):
            await self.hub.entities.roles.ask(role, GrantRole(frozenset({holder_id})), by=HUB)
            self.model.roles.setdefault(holder, set()).add(role)

    async def withdraw(self, role: str, holder: str) -> None:
        if holder_id := self.id_of(holder):
            await self.hub.entities.roles.ask(role, Withdraw(frozenset({holder_id})), by=HUB)
            self.model.roles.get(holder, set()).discard(role)

    async def issue(self, owner: str, scopes: frozenset[str], by: int) -> None:
        """Nobody is given a token that allows more than they may."""
        caller, model = self.caller(by), self.model
        status = 403
        if owner in model.admins and self.may(caller, "tokens", owner):
            beyond = scopes != {"inherit"} and not self.owned_by(owner, scopes)
            status = 400 if beyond else 201
        client = self.alice if caller is None else self.clients[caller]
        answer = await client.post(f"/users/{owner}/tokens", json={"scopes": sorted(scopes)})
        assert answer.status_code == status, (
            answer.text,
            owner,
            scopes,
            model.held(owner) if owner in model.admins else 0,
        )
        if status == 201:
            token = answer.json()
            model.tokens[token["id"]] = owner, set(scopes)
            self.clients[token["id"]] = self.alice.with_token(token["token"])

    def owned_by(self, owner: str, scopes: frozenset[str]) -> bool:
        """A scope about a group goes beyond one about each of its members: more may join."""
        held = self.model.held(owner)

        def has(scope: str, filter_: str) -> bool:
            if (scope, "") in held or (scope, filter_) in held:
                return True
            return filter_[:5] == "user=" and self.model.covers(held, scope, filter_[5:])

        return all(has(*one) for one in expanded(set(scopes), owner))

    async def revoke(self, which: int) -> None:
        if (token := self.caller(which)) is not None:
            owner, _ = self.model.tokens.pop(token)
            assert await self.send(None, "DELETE", f"/users/{owner}/tokens/{token}") == 204
            assert await self.send(token, "GET", "/user") == 403
            del self.clients[token]

    async def start(self, name: str) -> None:
        assert await self.send(None, "POST", f"/users/{name}/server") in (
            (201, 400) if name in self.model.admins else (404,)
        )

    async def stop(self, name: str) -> None:
        assert await self.send(None, "DELETE", f"/users/{name}/server") == (
            204 if name in self.model.admins else 404
        )

    # --- what must hold ---

    async def check(self) -> None:
        for token, client in self.clients.items():
            await self.check_token(token, client)

    async def check_token(self, token: str, client: Client) -> None:
        """At once, with a token that has been in use all the time."""
        model, (owner, _) = self.model, self.model.tokens[token]
        may = model.rights(token)
        me = (await client.get("/user")).json()
        assert (me["name"], me["token_id"]) == (owner, token)
        row = tokens.by_id(self.hub.store.db, token)
        assert row is not None
        identity = self.hub.rights.by_token(row)
        assert identity is not None
        for name in model.admins:
            for scope in SCOPES:
                answer = check(identity.scopes, scope, User(name), self.hub.rights.memberships)
                assert (answer is Answer.ALLOWED) is may(scope, name), (scope, name)
            answered = await client.get(f"/users/{name}")
            assert (answered.status_code == 200) is any(may(scope, name) for scope in READING)
            if answered.status_code == 200:
                self.check_keys(may, name, answered.json())
        listing = await client.get("/users")
        if listing.status_code == 200:
            shown = {user["name"]: user for user in listing.json() if user["name"] != "alice"}
            assert shown.keys() == {name for name in model.admins if may("list:users", name)}
            for name, user in shown.items():
                self.check_keys(may, name, user)

    def check_keys(self, may: Callable[[str, str], bool], name: str, shown: dict[str, Any]) -> None:
        """Every key that some scope shows, and no other."""
        keys = {key for key, scopes in SHOWN.items() if any(may(scope, name) for scope in scopes)}
        by_one_server = {"servers"} if name == "carol" else set()  # the role `groupie`
        assert keys <= shown.keys() - {"kind", "name"} <= keys | by_one_server
        if "groups" in shown:
            assert set(shown["groups"]) == {
                team for team, members in self.model.members.items() if name in members
            }
        if "roles" in shown:
            own = self.model.roles.get(f"user/{name}", set()) | {"user"}
            assert set(shown["roles"]) == own | ({"admin"} if self.model.admins[name] else set())

    def check_rebuilt(self) -> None:
        db = self.hub.store.db
        assert drift(db, ALL) == []
        assert users.count(db, users.Listing()) == len(self.model.admins) + 1
        assert {row.name for row in groups.listed(db, None)} == self.model.members.keys()


SCOPES = tuple(
    scope
    for scope in BUILT_IN
    if scope.partition(":")[0] in ("read", "list", "admin", "users", "tokens", "delete")
)
READING = (
    *("read:users", "read:users:name", "read:servers", "read:users:groups"),
    *("read:users:activity", "read:roles:users"),
)


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(steps(), min_size=15, max_size=30))
def test_rights_are_what_the_model_says(program: list[tuple[str, dict[str, Any]]]) -> None:
    async def play() -> None:
        roles = [{"name": name, "scopes": scopes} for name, scopes in ROLES.items()]
        chosen = settings_for_tests(services=[], load_roles=roles)
        async with hub_in_memory(chosen) as hub, Client(hub, ADMIN_TOKEN) as alice:
            game = Play(hub, alice)
            for name, arguments in program:
                await getattr(game, name)(**arguments)
                await game.check()
            game.check_rebuilt()

    trio.run(play, clock=MockClock(autojump_threshold=0))


# --- names under way ---

moments = st.integers(0, 30)
deeds = st.tuples(
    moments,
    st.sampled_from(("start", "start", "start", "stop", "rename", "delete", "create")),
    st.sampled_from(NAMES[:2]),
    st.sampled_from(NAMES[:3]),
    st.sampled_from(("", "lab")),
    st.sampled_from((0, 3, 40)),
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(deeds, min_size=4, max_size=25))
def test_renames_and_deletions_amid_starts_leave_nothing_behind(
    program: list[tuple[int, str, str, str, str, int]],
) -> None:
    """All at once: whatever comes of it is legal, and at the end nothing runs, no name is held, no route leads on."""

    async def do(client: Client, at: int, deed: str, name: str, other: str, server: str, delay: int) -> None:
        await trio.sleep(at)
        where = f"/users/{name}/servers/{server}"
        simulate = {"simulate": {"delay": delay, "stop_delay": delay / 10}}
        requests = {
            "start": ("POST", where, simulate),
            "stop": ("DELETE", where, None),
            "rename": ("PATCH", f"/users/{name}", {"name": other}),
            "delete": ("DELETE", f"/users/{name}", None),
            "create": ("POST", f"/users/{other}", None),
        }
        method, path, body = requests[deed]
        answer = await client.request(method, path, json=body)
        assert answer.status_code < 500 or answer.status_code == 503 or deed == "start", answer.text

    async def play() -> None:
        async with (
            hub_in_memory(settings_for_tests(services=[], load_roles=[])) as hub,
            Client(hub, ADMIN_TOKEN) as alice,
        ):
            await alice.post("/users", json={"usernames": list(NAMES[:2])})
            async with trio.open_nursery() as nursery:
                for deed in program:
                    nursery.start_soon(do, alice, *deed)
            db = hub.store.db
            for user in (await alice.get("/users")).json():
                if user["name"] != "alice":
                    await alice.delete(f"/users/{user['name']}")
            await trio.sleep(100)
            assert [user["name"] for user in (await alice.get("/users")).json()] == ["alice"]
            assert await hub.spawner.list_attempts() == []
            held = db.execute("SELECT name FROM names WHERE kind = 'user'").fetchall()
            assert held == [("alice",)]
            for table in ("names_in_use", "users_servers", "memberships"):
                assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
            assert drift(db, ALL) == []

    trio.run(play, clock=MockClock(autojump_threshold=0))
