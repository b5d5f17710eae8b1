"""What the configuration says about rights, as it is now: it holds whatever the log says that was given before."""

from __future__ import annotations

from msgspec import Struct

from core.config.roles import ADMIN, USER, LoadedRoles
from core.scopes import STANDARD, ScopeTable


class ConfiguredRights(Struct, frozen=True):
    """`blocked`: the names, as stored, of those who hold nothing at all.

    `everybody_is_user`: False where the configuration lists who holds the role `user`; `admin_services_by_flag`: False
    where it lists the services with the role `admin`. Then the log says who they are.
    """

    table: ScopeTable = STANDARD
    blocked: frozenset[str] = frozenset()
    everybody_is_user: bool = True
    admin_services_by_flag: bool = True


def configured_rights(table: ScopeTable, roles: LoadedRoles, blocked: frozenset[str]) -> ConfiguredRights:
    return ConfiguredRights(
        table,
        blocked,
        everybody_is_user=roles.members[USER].users is None,
        admin_services_by_flag=roles.members[ADMIN].services is None,
    )
