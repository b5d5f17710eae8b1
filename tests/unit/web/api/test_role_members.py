"""A list of members in `load_roles` is exactly who holds the role: every role and kind, after a start and a reload."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from core.config.roles import RoleError
from core.events.record import HUB
from core.group import Join
from core.role import GrantRole
from core.settings import ServiceSettings, Settings
from core.token import new_token
from core.user import Change, Create
from projections import groups
from tests.conftest import Client
from tests.unit.web.lifecycle.lives import How, Lives, configured, lives
from web.control.offline import full_token

NAMED = {"users": ("bob", "carol"), "groups": ("red", "blue"), "services": ("cull", "grader")}
ROLES = ("tutor", "user", "admin")
HOWS: tuple[How, ...] = ("restart", "reload")
CASES = list(product(ROLES, NAMED, HOWS))


def giving(role: str, **members: Iterable[str]) -> Settings:
    spec: dict[str, Any] = {"name": role, **{kind: list(names) for kind, names in members.items()}}
    if role == "tutor":
        spec["scopes"] = ["list:users"]
    everybody = {"name": "all-of-them", "scopes": ["read:hub"], **NAMED}
    made = configured(
        load_roles=[spec, everybody], services=[ServiceSettings(name) for name in NAMED["services"]]
    )
    return replace(made, authenticator=replace(made.authenticator, admin_users=set()))


def holders(world: Lives, role: str, kind: str) -> set[str]:
    """Of those there are, by what they may do now."""
    rights, db = world.hub.rights, world.hub.store.db

    def roles_of(name: str) -> list[str]:
        if kind == "users":
            return rights.roles_of_user(world.user(name))
        if kind == "services":
            return rights.roles_of_service(name)
        row = groups.by_name(db, name)
        assert row is not None
        return rights.roles_of_group(row.id)

    return {name for name in NAMED[kind] if role in roles_of(name)}


async def grant(world: Lives, role: str, kind: str, name: str) -> None:
    """While the hub runs, past its configuration."""
    ask = world.hub.entities.roles.ask
    if kind == "services":
        await ask(role, GrantRole(frozenset({f"service/{name}"})), by=HUB)
    elif kind == "groups":
        row = groups.by_name(world.hub.store.db, name)
        assert row is not None
        await ask(role, GrantRole(frozenset({f"group/{row.id}"})), by=HUB)
    elif role == "admin":
        await world.hub.entities.users.ask(world.user(name).id, Change(admin=True), by=HUB)
    else:
        await ask(role, GrantRole(frozenset({f"user/{world.user(name).id}"})), by=HUB)


@pytest.mark.parametrize(("role", "kind", "how"), CASES)
async def test_a_list_is_exactly_who_holds_the_role(role: str, kind: str, how: How) -> None:
    one, other = NAMED[kind]
    async with lives(giving(role, **{kind: [one]})) as world:
        assert holders(world, role, kind) == {one}
        for wanted in ({one}, {other}, {one, other}, set()):
            await grant(world, role, kind, one)
            await grant(world, role, kind, other)
            await world.change(giving(role, **{kind: wanted}), how)
            assert holders(world, role, kind) == wanted


LEFT_OUT = {("user", "users"): {"bob", "carol"}, ("admin", "users"): {"bob"}}  # flags stay as they are


@pytest.mark.parametrize(("role", "kind", "how"), CASES)
async def test_a_key_left_out_is_nobody_but_where_everybody_or_a_flag_holds_it(
    role: str, kind: str, how: How
) -> None:
    async with lives(giving(role, **{kind: [NAMED[kind][0]]})) as world:
        await world.change(giving(role), how)
        assert holders(world, role, kind) == LEFT_OUT.get((role, kind), set())


def new(name: str) -> Create:
    return Create(name, f"v-{name}")


async def issue(world: Lives, name: str) -> str:
    """A token of all that the user may do."""
    token = new_token()
    await world.hub.entities.tokens.ask(f"t-{name}", full_token(f"user/{world.user(name).id}", token), by=HUB)
    return token


async def join(world: Lives, group: str, user: str) -> None:
    row = groups.by_name(world.hub.store.db, group)
    assert row is not None
    await world.hub.entities.groups.ask(row.id, Join((world.user(user).id,)), by=HUB)


@pytest.mark.parametrize("how", HOWS)
async def test_who_is_not_listed_for_the_role_user_has_nothing_of_self(how: How) -> None:
    async with lives(giving("user")) as world:
        tokens = {}
        for name in (*NAMED["users"], "dave"):
            if name == "dave":
                await world.hub.entities.users.ask("u-dave", new("dave"), by=HUB)
            tokens[name] = await issue(world, name)
        for listed in ({"users": ["bob"]}, {"users": [], "groups": ["red"]}):
            await world.change(giving("user", **listed), how)
            if "groups" in listed:
                await join(world, "red", "carol")
            held = "carol" if "groups" in listed else "bob"
            for name, token in tokens.items():
                async with Client(world.hub, token) as client:
                    assert (await client.get(f"/users/{name}")).status_code == (200 if name == held else 403)
                    assert (await client.post(f"/users/{name}/server")).status_code in (
                        (201, 400) if name == held else (403,)
                    )
        await world.change(giving("user"), how)
        for name, token in tokens.items():
            async with Client(world.hub, token) as client:
                assert (await client.get(f"/users/{name}")).status_code == 200


async def test_who_comes_later_is_not_listed_either() -> None:
    async with lives(giving("user", users=["bob"])) as world:
        await world.hub.entities.users.ask("u-dave", new("dave"), by=HUB)
        assert world.hub.rights.roles_of_user(world.user("dave")) == []
        assert "user" in world.hub.rights.roles_of_user(world.user("bob"))


@pytest.mark.parametrize(("role", "kind"), list(product(ROLES, ("users", "groups"))))
async def test_an_authenticator_that_manages_roles_and_a_list_stop_the_hub(role: str, kind: str) -> None:
    wanted = giving(role, **{kind: [NAMED[kind][0]]})
    wanted = replace(wanted, authenticator=replace(wanted.authenticator, manage_roles=True))
    with pytest.raises(RoleError, match=rf"c\.JupyterHub\.load_roles: Role .*: {kind} cannot be listed"):
        async with lives(wanted):
            raise AssertionError("it has begun")
