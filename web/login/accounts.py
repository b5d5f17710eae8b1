"""The user of somebody who has proved who they are: made if need be, and changed to what the login says."""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec import UNSET, Struct
from msgspec.structs import replace

from core.actors.hub_entities import Users
from core.errors import AlreadyExistsError, ForbiddenError, InvalidError
from core.events.log.tables import Tables
from core.events.record import By
from core.events.user import user_stream
from core.naming.ids import new_id
from core.naming.user_names import UserNames
from core.plugins.authenticator import Login
from core.settings import AuthenticatorSettings
from core.user import Change, Create
from projections import users
from projections.users import UserRow
from web.login.groups import LoginGroups
from web.login.hook import after_hook
from web.login.request_facts import RequestFacts
from web.login.roles import LoginRoles
from web.sessions.logins import Logins

logger = logging.getLogger("callboard.login")


class LoggedIn(Struct, frozen=True):
    """`is_new`: this login made the user."""

    user: UserRow
    is_new: bool = False


class Accounts:
    """`settings`: as they are now. `authenticator`: what hooks are handed for it."""

    def __init__(
        self,
        db: Tables,
        entities: Users,
        groups: LoginGroups,
        roles: LoginRoles,
        names: UserNames,
        logins: Logins,
        settings: Callable[[], AuthenticatorSettings],
        authenticator: Callable[[], object],
    ) -> None:
        self._authenticator = authenticator
        self._db = db
        self._entities = entities
        self._groups = groups
        self._roles = roles
        self._names = names
        self._logins = logins
        self._settings = settings

    async def of_login(self, login: Login, request: RequestFacts | None = None) -> LoggedIn | None:
        """None for a name that no user can have. Raises ForbiddenError for who may not come in."""
        name = self.name_of(login)
        if name is None:
            return None
        is_known = self._check(name, login)
        admin = True if login.admin is None and self._logins.admission.is_admin(name) else login.admin
        login = replace(login, name=name, admin=admin)
        if not login.is_settled:
            hook, hooks = self._settings().post_auth_hook, self._logins.hooks
            login = await after_hook(hook, hooks, self._authenticator(), login, request)
            self._check_groups_told(login)
        is_new = not is_known and await self._create(login)
        user = self._present(name)
        if not is_new:
            await self._change(user.id, login)
        await self._manage(user.id, login)
        self._logins.confirmations.note(user.id)
        return LoggedIn(self._present(name), is_new)

    def name_of(self, login: Login) -> str | None:
        """As it is stored; None for a name that no user can have."""
        try:
            return self._names.check(login.name) if login.is_settled else self._names.stored(login.name)
        except InvalidError as error:
            logger.warning("a login under a name that cannot be: %s", error.message)
            return None

    def _check(self, name: str, login: Login) -> bool:
        """Whether there is such a user. Raises ForbiddenError for who may not come in."""
        row = users.by_name(self._db, name)
        self._logins.admission.check(name, exists=row is not None, allowed=login.allowed)
        if row is not None and row.leaving:
            raise ForbiddenError(f"User {name} is being deleted.")
        return row is not None

    def _check_groups_told(self, login: Login) -> None:
        if self._settings().manage_groups and login.groups is None:
            logger.error("manage_groups is set, and the authenticator tells no groups: nobody can log in")
            raise ForbiddenError(
                "This login tells no groups, which this hub needs. Please tell its administrators."
            )

    async def _create(self, login: Login) -> bool:
        """Whether it was this login that made the user: two may come at once."""
        try:
            await self._logins.authenticator.check_new_user(login.name)
        except InvalidError as error:
            raise ForbiddenError(error.message) from None
        user_id = new_id("u")
        keep = self._logins.auth_states.change(user_id, login.auth_state)
        command = Create(login.name, new_id("v"), bool(login.admin), login.user_info, True if keep else None)
        try:
            await self._entities.ask(user_id, command, by=_by_login(user_id), changes=keep)
        except AlreadyExistsError:
            return False
        return True

    async def _change(self, user_id: str, login: Login) -> None:
        """What the login says, where it is something new. It keeps no auth_state where it brings none."""
        keep = self._logins.auth_states.change(user_id, login.auth_state)
        command = Change(
            admin=login.admin,
            user_info=UNSET if login.user_info is None else login.user_info,
            auth_state=login.auth_state is not None if keep else None,
        )
        await self._entities.ask(user_id, command, by=_by_login(user_id), changes=keep)

    async def _manage(self, user_id: str, login: Login) -> None:
        """Groups and roles, where logins say which."""
        if self._settings().manage_groups and login.groups is not None:
            await self._groups.put(user_id, login.groups, by=_by_login(user_id))
        if self._settings().manage_roles and login.roles is not None:
            await self._roles.give(user_id, login.roles, by=_by_login(user_id))

    def _present(self, name: str) -> UserRow:
        row = users.by_name(self._db, name)
        if row is None:
            raise ForbiddenError(f"Somebody who was called {name} still runs a server under that name.")
        return row


def _by_login(user_id: str) -> By:
    """As the log records what a login does."""
    return By(user_stream(user_id), "login")
