"""Changes that bring rights along: nobody gives by one what they do not hold themselves (as in CVE-2024-41942).

A place in a group is all that the group's roles allow. A name that the configuration mentions is what it says of that
name, at the next start of the hub.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from core.config.roles import ADMIN
from core.errors import ForbiddenError
from core.naming.user_names import UserNames
from core.scopes import NOBODY, excess_to_give
from core.settings import HubSettings
from web.rights.identity import Identity
from web.rights.rights import Rights
from web.sessions.logins import Logins


class Granting:
    """`settings`: as they are now."""

    def __init__(
        self, rights: Rights, logins: Logins, names: UserNames, settings: Callable[[], HubSettings]
    ) -> None:
        self._rights = rights
        self._logins = logins
        self._names = names
        self._settings = settings

    def check_may_grant(self, giver: Identity, roles: Iterable[str], what: str) -> None:
        """Raises ForbiddenError unless the giver holds all that these roles allow. `what` would give it."""
        if self.may_all_of_an_admin(giver):
            return
        if excess := self._excess(giver, roles):
            raise ForbiddenError(f"{what} comes with what you do not hold yourself: {', '.join(excess)}.")

    def may_all_of_an_admin(self, giver: Identity) -> bool:
        """Whether this is an administrator, with a credential that is not a narrow one."""
        return self._rights.is_admin(giver) and not self._excess(giver, [ADMIN])

    def _excess(self, giver: Identity, roles: Iterable[str]) -> list[str]:
        """What these roles allow and the giver's credential does not."""
        rights = self._rights
        given = {scope for role in roles for scope in rights.scopes_of_role(role)}
        return excess_to_give(given, NOBODY, giver.scopes, rights.memberships, rights.table)

    def roles_of_user_name(self, name: str) -> Iterator[str]:
        """Those that the configuration gives to whoever is called so."""
        if self._logins.admission.is_admin(name):
            yield ADMIN
        yield from self._roles_listing("users", name, self._names.normalize)
        for group, settings in self._settings().load_groups.items():
            if name in map(self._names.normalize, settings.users):
                yield from self.roles_of_group_name(group)

    def roles_of_group_name(self, name: str) -> Iterator[str]:
        return self._roles_listing("groups", name, str)

    def _roles_listing(self, kind: str, name: str, normalize: Callable[[str], str]) -> Iterator[str]:
        for role in self._settings().load_roles:
            if name in map(normalize, role.get(kind, ())):
                yield role["name"]
