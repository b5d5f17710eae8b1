"""Reconciles the log with the desired state when a hub starts: what the configuration wants and is missing is done.

So a start with the configuration of the last one records nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from functools import partial

from core.actors.new_users import creations
from core.config.desired import DesiredState
from core.config.logins.login_checks import login_warnings
from core.config.roles import ADMIN, RoleMembers
from core.errors import AlreadyExistsError
from core.events.group import group_stream
from core.events.record import HUB
from core.events.user import user_stream
from core.group import Create as CreateGroup
from core.group import Join, ReplaceProperties
from core.naming.ids import new_id
from core.role import Define, GrantExactly, Remove
from core.settings import GroupSettings, Settings
from core.token import HINT, Issue, Revoke, check_length, prefix_of, quick_digest, slow_digest
from core.user import Change
from projections import groups, names, roles, tokens, users
from web.hub.hub import Hub
from web.lifecycle.carrying_out import Step
from web.rights.moved_tokens import moved_in

AT_ONCE = 500  # users added in one append

logger = logging.getLogger("callboard.config")


async def reconcile(hub: Hub, desired_state: DesiredState) -> None:
    for _, do in bootstrap_steps(hub, desired_state):
        await do()


def bootstrap_steps(hub: Hub, desired_state: DesiredState) -> Iterator[Step]:
    for warning in (*desired_state.warnings, *login_warnings(hub.settings)):
        logger.warning("%s", warning)
    yield "blocked users", hub.acts.disarming.disarm_all
    yield "users", partial(_add_users, hub, desired_state.users, desired_state.admins)
    yield "administrators", partial(_set_admins, hub, desired_state)
    for name, group in desired_state.groups.items():
        yield f"group {name}", partial(_load_group, hub, name, group)
    yield "roles", partial(_define_roles, hub, desired_state)
    for name, members in desired_state.roles.members.items():
        yield f"role {name}", partial(_grant, hub, name, members)
    yield "tokens", partial(_add_tokens, hub)


# --- users ---


def admins(settings: Settings) -> set[str]:
    return {name.lower() for name in settings.authenticator.admin_users}


async def ensure_user(hub: Hub, name: str, *, admin: bool = False) -> str:
    """The id of the user of this name, who exists from now on. Raises AlreadyExistsError for somebody's old name."""
    name = hub.user_names.stored(name)
    await _add_users(hub, [name], [name] if admin else [])
    row = users.by_name(hub.store.db, name)
    if row is None:
        raise AlreadyExistsError(f"Somebody who was called {name} still runs a server under that name.")
    if admin and not row.admin:
        await hub.entities.users.ask(row.id, Change(admin=True), by=HUB)
    return row.id


async def _add_users(hub: Hub, wanted: Collection[str], admins: Collection[str]) -> None:
    db = hub.store.db
    missing = sorted(set(wanted) - users.existing(db, wanted).keys())
    taken = [name for name in missing if names.holder_of(db, "user", name) is not None]
    for name in taken:
        logger.warning("user %s is not added: somebody who had that name still runs a server under it", name)
    new = [name for name in missing if name not in taken]
    for start in range(0, len(new), AT_ONCE):
        await hub.store.append(*creations(new[start : start + AT_ONCE], admins=admins), by=HUB)


async def _set_admins(hub: Hub, desired_state: DesiredState) -> None:
    """What is taken away goes first: it is recorded though the disk be full."""
    present = users.administrators(hub.store.db)
    for name in present.keys() - desired_state.admins if desired_state.no_other_admins else ():
        await hub.entities.users.ask(present[name], Change(admin=False), by=HUB)
    for user_id in users.existing(hub.store.db, desired_state.admins - present.keys()).values():
        await hub.entities.users.ask(user_id, Change(admin=True), by=HUB)


# --- groups and roles ---


async def _load_group(hub: Hub, name: str, group: GroupSettings) -> None:
    """Users are only ever added; properties, where there are any, replace all.

    A group that is as it should be is not asked: folding one of a long past takes its time.
    """
    members = _ids(hub, group.users)
    row = groups.by_name(hub.store.db, name)
    if row is None:
        await hub.entities.groups.ask(new_id("g"), CreateGroup(name, members, group.properties or {}), by=HUB)
        return
    if not groups.among_members(hub.store.db, row.id, members).issuperset(members):
        await hub.entities.groups.ask(row.id, Join(members), by=HUB)
    if group.properties is not None and group.properties != row.all_properties():
        await hub.entities.groups.ask(row.id, ReplaceProperties(group.properties), by=HUB)


async def _define_roles(hub: Hub, desired_state: DesiredState) -> None:
    """Exactly those of the configuration, and those that the authenticator manages."""
    wanted = desired_state.roles.roles
    resets = hub.settings.authenticator.reset_managed_roles_on_startup
    for row in roles.defined(hub.store.db):
        if row.name not in wanted and (resets or not row.managed):
            await hub.entities.roles.ask(row.name, Remove(), by=HUB)
    for role in wanted.values():
        await hub.entities.roles.ask(role.name, Define(role.description, role.scopes), by=HUB)


async def _grant(hub: Hub, role: str, members: RoleMembers) -> None:
    """Admin flags say which users and, left out here, which services hold `admin`."""
    kinds, holders = set(), set()
    if members.users is not None and role != ADMIN:
        kinds.add("user")
        holders |= {user_stream(user_id) for user_id in _ids(hub, members.users)}
    if members.groups is not None:
        kinds.add("group")
        rows = groups.listed(hub.store.db, members.groups, limit=len(members.groups))
        holders |= {group_stream(row.id) for row in rows}
    if members.services is not None or role == ADMIN:
        kinds.add("service")
        holders |= {f"service/{service}" for service in members.services or ()}
    await hub.entities.roles.ask(role, GrantExactly(frozenset(kinds), frozenset(holders)), by=HUB)


def _ids(hub: Hub, named: Iterable[str]) -> tuple[str, ...]:
    """Of the users with these names, in their order; without those who are blocked."""
    stored = [name for name in map(hub.user_names.stored, named) if name not in hub.rights.blocked]
    known = users.existing(hub.store.db, stored)
    return tuple(known[name] for name in stored if name in known)


# --- tokens ---


async def _add_tokens(hub: Hub) -> None:
    """Added once and never removed, as in JupyterHub."""
    settings = hub.settings.hub
    for token, name in settings.api_tokens.items():
        for user_id in _ids(hub, [name]):
            await _ensure_token(hub, token, user_stream(user_id))
    for service in settings.services:
        row = hub.services.get(service.name)
        if service.api_token and row is not None and row.from_config:
            await _ensure_token(hub, service.api_token, f"service/{service.name}")
    for token, service_name in settings.service_tokens.items():
        await _ensure_token(hub, token, f"service/{service_name}")


async def _ensure_token(hub: Hub, token: str, owner: str) -> None:
    db, trusted = hub.store.db, hub.settings.hub.trust_user_provided_tokens
    quick, slow = quick_digest(check_length(token)), slow_digest(token, hub.store.fact("salt"))
    digest = quick if trusted else slow
    known = tokens.by_digest(db, quick) or tokens.by_digest(db, slow) or moved_in(db, token)
    if known is not None:
        if known.owner == owner:
            return
        await hub.entities.tokens.ask(known.id, Revoke("The configuration gives it to another."), by=HUB)
    by_index, by_hint = (prefix_of(token), "") if trusted else ("", token[:HINT])
    note = "generated by configuration"
    issue = Issue(owner, digest, ["inherit"], note, hint=by_hint, prefix=by_index)
    await hub.entities.tokens.ask(new_id("t"), issue, by=HUB)
