"""Changes that bring rights along: nobody gives by one what they do not hold themselves (as in CVE-2024-41942).

A place in a group is all that the group's roles allow. A name that the configuration mentions is what it says of that
name, at the next start of the hub.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.config.roles import ADMIN
from core.errors import ForbiddenError
from core.scopes import NOBODY, excess_to_give
from web.request.context import caller, hub, scopes


def check_may_grant(roles: Iterable[str], what: str) -> None:
    """Raises ForbiddenError unless the caller holds all that these roles allow. `what` would give it."""
    if may_all_of_an_admin():
        return
    if excess := _excess(roles):
        raise ForbiddenError(f"{what} comes with what you do not hold yourself: {', '.join(excess)}.")


def may_all_of_an_admin() -> bool:
    """Whether an administrator asks, by a credential that is not a narrow one."""
    return hub().rights.is_admin(caller()) and not _excess([ADMIN])


def _excess(roles: Iterable[str]) -> list[str]:
    """What these roles allow and the caller's credential does not."""
    rights = hub().rights
    given = {scope for role in roles for scope in rights.scopes_of_role(role)}
    return excess_to_give(given, NOBODY, scopes(), rights.memberships, rights.table)


def roles_of_user_name(name: str) -> Iterator[str]:
    """Those that the configuration gives to whoever is called so."""
    the_hub = hub()
    if the_hub.logins.admission.is_admin(name):
        yield ADMIN
    yield from _roles_listing("users", name)
    for group, settings in the_hub.settings.hub.load_groups.items():
        if name in map(the_hub.user_names.normalize, settings.users):
            yield from roles_of_group_name(group)


def roles_of_group_name(name: str) -> Iterator[str]:
    return _roles_listing("groups", name)


def _roles_listing(kind: str, name: str) -> Iterator[str]:
    normalize = hub().user_names.normalize if kind == "users" else str
    for role in hub().settings.hub.load_roles:
        if name in map(normalize, role.get(kind, ())):
            yield role["name"]
