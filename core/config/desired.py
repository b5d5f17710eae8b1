"""What a configuration wants to be there when a hub starts, checked before anything of it happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from core.config.configured_rights import ConfiguredRights, configured_rights
from core.config.roles import ADMIN, USER, LoadedRoles, RoleError, load_custom_scopes, load_roles
from core.naming.user_names import UserNames
from core.plugins.admission import blocked_names
from core.scopes import ScopeTable, void_scopes
from core.settings import GroupSettings, Settings


class DesiredState(Struct, frozen=True):
    """`users`: who must exist, by the names they are stored under. `admins`: who must be an administrator.

    Who is blocked is none, and joins and holds nothing, whatever else the configuration says of them.

    `no_other_admins`: the configuration lists all administrators.
    """

    names: UserNames
    rights: ConfiguredRights
    roles: LoadedRoles
    groups: dict[str, GroupSettings]
    users: frozenset[str]
    admins: frozenset[str]
    no_other_admins: bool
    warnings: tuple[str, ...]


def desired_state(settings: Settings) -> DesiredState:
    """Raises ConfigError, RoleError or InvalidError: one line on what cannot be wished for."""
    names = UserNames(settings.authenticator.username_pattern, settings.authenticator.username_map)
    custom, warnings = load_custom_scopes(settings.hub.custom_scopes)
    table = ScopeTable(custom)
    roles = _roles(settings, table)
    scopes = settings.spawner.server_token_scopes
    void = void_scopes([] if callable(scopes) else scopes, table)
    groups = dict.fromkeys(_groups_of(roles), GroupSettings()) | settings.hub.load_groups
    listed = roles.members[ADMIN].users
    admins = settings.authenticator.admin_users if listed is None else listed
    blocked = blocked_names(settings.authenticator, names)
    return DesiredState(
        names,
        configured_rights(table, roles, blocked),
        roles,
        groups,
        frozenset(map(names.stored, _users_of(settings, roles))),
        frozenset(map(names.stored, admins)) - blocked,
        listed is not None,
        (
            *warnings,
            *roles.warnings,
            *_warnings(roles),
            *(f"c.Spawner.server_token_scopes: {line}" for line in void),
        ),
    )


def _roles(settings: Settings, table: ScopeTable) -> LoadedRoles:
    try:
        return load_roles(
            settings.hub.load_roles,
            services={service.name for service in settings.hub.services},
            extra_user_scopes=settings.hub.extra_user_scopes,
            managed_by_authenticator=settings.authenticator.manage_roles,
            table=table,
        )
    except RoleError as error:
        raise RoleError(f"c.JupyterHub.load_roles: {error}") from None


def _warnings(roles: LoadedRoles) -> Iterator[str]:
    listed = roles.members[USER].users
    if listed is not None:
        yield f"Role 'user' lists its users: {len(listed)} hold it, and nobody else, nor who comes later."


def _groups_of(roles: LoadedRoles) -> Iterator[str]:
    for members in roles.members.values():
        yield from sorted(members.groups or ())


def _users_of(settings: Settings, roles: LoadedRoles) -> Iterator[str]:
    yield from settings.authenticator.admin_users
    yield from settings.authenticator.allowed_users
    yield from settings.hub.api_tokens.values()
    yield from _members(settings.hub.load_groups.values())
    for members in roles.members.values():
        yield from members.users or ()


def _members(groups: Iterable[GroupSettings]) -> Iterator[str]:
    for group in groups:
        yield from group.users
