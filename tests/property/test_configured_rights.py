"""Any history under any configurations: nobody holds what the present one denies, whatever they held before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from trio.testing import MockClock

from core.events.record import HUB
from core.role import GrantRole
from core.scopes import NOTHING, Answer, User, check
from core.settings import AuthenticatorSettings, GroupSettings, Settings
from projections import groups, roles, sessions, tokens, users
from projections.sharing import shares
from projections.users import UserRow
from tests.conftest import ADMIN_TOKEN, Client, settings_for_tests
from tests.effort import examples
from tests.unit.web.lifecycle.lives import How, Lives

NAMES = ("bob", "carol", "dave")
GROUPS = ("red", "blue")
CONFIGURED = {f"the-configured-token-of-{name}": name for name in NAMES}

some_names = st.frozensets(st.sampled_from(NAMES))
lists = st.none() | some_names  # of a role's users; None: the key is left out
people, teams = st.sampled_from(NAMES), st.sampled_from(GROUPS)


@dataclass(frozen=True)
class Configuration:
    blocked: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()  # admin_users
    listed: dict[str, frozenset[str] | None] = field(  # by role: its users
        default_factory=lambda: {"tutor": None, "user": None}
    )
    teams: dict[str, frozenset[str]] = field(default_factory=dict)  # load_groups
    tokens: frozenset[str] = frozenset()  # whose api_tokens there are

    def settings(self) -> Settings:
        scopes = {"tutor": {"scopes": ["list:users"]}}
        given = [
            {"name": name, **scopes.get(name, {}), **({} if its is None else {"users": sorted(its)})}
            for name, its in self.listed.items()
        ]
        made = settings_for_tests(
            load_roles=[*given, {"name": "ops", "services": ["ops"], "scopes": ["read:hub"]}],
            load_groups={name: GroupSettings(users=sorted(its)) for name, its in self.teams.items()},
            api_tokens={ADMIN_TOKEN: "alice"}
            | {token: name for token, name in CONFIGURED.items() if name in self.tokens},
        )
        login = AuthenticatorSettings(
            admin_users={"alice", *self.admins}, allow_all=True, blocked_users=set(self.blocked)
        )
        return replace(made, authenticator=login)


configurations = st.builds(
    Configuration,
    blocked=some_names,
    admins=some_names,
    listed=st.fixed_dictionaries({"tutor": lists, "user": lists}),
    teams=st.dictionaries(teams, some_names),
    tokens=some_names,
)

STEPS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "configure": {"wanted": configurations, "how": st.sampled_from(["restart", "reload"])},
    "make_admin": {"name": people},
    "join": {"name": people, "team": teams},
    "grant": {"name": people, "role": st.sampled_from(["tutor", "user"])},
    "issue": {"name": people},
    "log_in": {"name": people},
    "share": {"name": people, "to": people},
    "start": {"name": people},
    "rename": {"name": people, "to": people},
}
OFTEN = ("configure",) * 3


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from((*OFTEN, *STEPS)))
    return name, draw(st.fixed_dictionaries(STEPS[name]))


class Play:
    """Everything is given by alice or by the hub itself. `tokens` and `browsers`: all there ever were, by user id."""

    def __init__(self, world: Lives) -> None:
        self.world = world
        self.present = Configuration()
        self.tokens: dict[str, str] = {}
        self.browsers: dict[str, str] = {}
        self.revoked: set[str] = set()  # given before their owner was blocked, and so gone for good

    @property
    def db(self) -> Any:
        return self.world.hub.store.db

    def row(self, name: str) -> UserRow | None:
        return users.by_name(self.db, name)

    # --- steps ---

    async def configure(self, wanted: Configuration, how: How) -> None:
        await self.world.change(wanted.settings(), how)
        self.present = wanted
        self.revoked |= {token for token, owner in self.tokens.items() if self.is_blocked(owner)}
        self.check_log()

    async def make_admin(self, name: str) -> None:
        await self.world.admin.patch(f"/users/{name}", json={"admin": True})

    async def join(self, name: str, team: str) -> None:
        await self.world.admin.post(f"/groups/{team}", json={"users": []})
        await self.world.admin.post(f"/groups/{team}/users", json={"users": [name]})

    async def grant(self, name: str, role: str) -> None:
        if (row := self.row(name)) is not None:
            await self.world.hub.entities.roles.ask(role, GrantRole(frozenset({f"user/{row.id}"})), by=HUB)

    async def issue(self, name: str) -> None:
        if (row := self.row(name)) is not None:
            self.tokens[await self.world.token_of(name)] = row.id

    async def log_in(self, name: str) -> None:
        if (row := self.row(name)) is not None:
            session = await self.world.hub.sessions.open(row.id, address="192.0.2.1")
            self.browsers[session.secret] = row.id

    async def share(self, name: str, to: str) -> None:
        await self.world.admin.post(f"/shares/{name}/", json={"user": to})

    async def start(self, name: str) -> None:
        answer = await self.world.admin.post(f"/users/{name}/server")
        assert (answer.status_code == 403) is (name in self.present.blocked and self.row(name) is not None)

    async def rename(self, name: str, to: str) -> None:
        row = self.row(name)
        answer = await self.world.admin.patch(f"/users/{name}", json={"name": to})
        if answer.status_code == 200 and row is not None and to in self.present.blocked and to != name:
            self.revoked |= {token for token, owner in self.tokens.items() if owner == row.id}

    # --- what must hold ---

    def is_blocked(self, user_id: str) -> bool:
        row = users.by_id(self.db, user_id)
        return row is not None and row.name in self.present.blocked

    async def check(self) -> None:
        for name in self.present.blocked:
            if (row := self.row(name)) is not None:
                await self.check_holds_nothing(row)
        configured = {token: row.id for token, name in CONFIGURED.items() if (row := self.row(name))}
        for token, owner in {**self.tokens, **configured}.items():
            if token in self.revoked or self.is_blocked(owner):
                async with Client(self.world.hub, token) as client:
                    assert (await client.get("/user")).status_code == 403
        for secret, owner in self.browsers.items():
            session = self.world.hub.sessions.find(secret)
            identity = None if session is None else self.world.hub.rights.of_session(session)
            assert identity is None or not self.is_blocked(owner)

    async def check_holds_nothing(self, row: UserRow) -> None:
        rights = self.world.hub.rights
        assert rights.of_user(row) == NOTHING
        assert rights.roles_of_user(row) == rights.grants_of_user(row) == []
        model = (await self.world.admin.get(f"/users/{row.name}")).json()
        assert (model["roles"], model["admin"]) == ([], False)
        assert (await self.world.admin.post(f"/users/{row.name}/server")).status_code == 403

    def check_log(self) -> None:
        """After a start or a reload what is recorded is no more than the configuration lets be, too."""
        for name in NAMES:
            if (row := self.row(name)) is not None:
                if name in self.present.blocked:
                    self.check_nothing_recorded(row)
                self.check_listed(row)

    def check_nothing_recorded(self, row: UserRow) -> None:
        holder = f"user/{row.id}"
        assert not row.admin
        assert groups.of_user(self.db, row.id) == roles.granted_to(self.db, holder) == []
        assert sessions.ids_of_user(self.db, row.id) == tokens.of_owner(self.db, holder) == []
        assert shares.servers_shared_with(self.db, holder) == []

    def check_listed(self, row: UserRow) -> None:
        """Who is not blocked and is listed holds the role, and nobody else does."""
        rights, is_blocked = self.world.hub.rights, row.name in self.present.blocked
        held = rights.roles_of_user(row)
        for role, listed in self.present.listed.items():
            named = row.name in listed if listed is not None else role == "user"
            assert (role in held) is (named and not is_blocked), (row.name, role, held)
        may = check(rights.of_user(row), "servers", User(row.name), rights.memberships)
        if "user" not in held and "admin" not in held:
            assert may is Answer.ABSENT
        if row.name in self.present.admins:
            assert ("admin" in held) is not is_blocked

    async def check_servers(self) -> None:
        """At the end: what was running for who is blocked has stopped."""
        for name in self.present.blocked:
            if self.row(name) is not None:
                await self.world.wait_all(name, "stopped")


@settings(max_examples=examples(60))
@given(st.lists(steps(), min_size=3, max_size=12))
def test_nobody_holds_what_the_present_configuration_denies(
    history: list[tuple[str, dict[str, Any]]],
) -> None:
    async def play() -> None:
        world = Lives()
        await world.begin(Configuration().settings())
        try:
            for name in NAMES:
                await world.admin.post(f"/users/{name}")
            playing = Play(world)
            for name, arguments in history:
                await getattr(playing, name)(**arguments)
                await playing.check()
            await playing.check_servers()
        finally:
            await world.end()

    trio.run(play, clock=MockClock(autojump_threshold=0))
