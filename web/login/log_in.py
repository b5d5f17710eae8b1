"""From credentials to a user of the hub: who are they, may they come in, and what does the login say about them?

Nothing is recorded before somebody has proved who they are.
"""

from __future__ import annotations

import logging
import time

from msgspec import UNSET, Struct
from msgspec.structs import replace

from core.errors import AlreadyExistsError, ForbiddenError, InvalidError
from core.events.record import By
from core.events.user import user_stream
from core.naming.ids import new_id
from core.naming.names import MAX_USER_NAME
from core.plugins.authenticator import Credentials, Login
from core.user import Change, Create
from projections import names, users
from projections.users import UserRow
from web.hub.hub import Hub
from web.login.groups import put_into_groups
from web.login.hook import after_hook
from web.login.roles import give_roles
from web.rights.identity import Identity

logger = logging.getLogger("callboard.login")


class LoggedIn(Struct, frozen=True):
    """`is_new`: this login made the user."""

    user: UserRow
    is_new: bool = False


async def log_in(hub: Hub, credentials: Credentials, *, address: str) -> LoggedIn | None:
    """The user behind these credentials; None if they are wrong.

    Raises ForbiddenError for who may not come in, ThrottledError after too many failures, UnavailableError when the
    authenticator cannot ask. `credentials`: the fields of the login form. `address`: whom they came from.
    """
    began = time.monotonic()
    logged_in = None
    try:
        login = await _prove(hub, credentials, address)
        logged_in = None if login is None else await user_of_login(hub, login)
    except ForbiddenError:
        hub.refusals.login(address)
        raise
    finally:
        hub.metrics.logged_in(time.monotonic() - began, success=logged_in is not None)
    return logged_in


async def identify_by_login(hub: Hub, credentials: Credentials, *, address: str) -> Identity | None:
    """Whom these credentials belong to, with all they may do. Nothing is made or changed: strangers are nobody.

    Raises as `log_in` does.
    """
    login = await _prove(hub, credentials, address)
    name = None if login is None else _stored_name(hub, login)
    row = None if name is None else users.by_name(hub.store.db, name)
    if row is None:
        return None
    hub.logins.admission.check(row.name, exists=True, allowed=login is not None and login.allowed)
    return Identity("user", row.id, row.name, hub.rights.of_user(row))


async def _prove(hub: Hub, credentials: Credentials, address: str) -> Login | None:
    """What the authenticator says. Who keeps failing waits, and failures are counted."""
    name = hub.user_names.normalize(str(credentials.get("username", ""))[:MAX_USER_NAME])
    async with hub.logins.gate.attempt(name, address) as attempt:
        login = await hub.logins.authenticator.authenticate(credentials)
        if login is not None:
            attempt.succeeded()
            return login
    hub.refusals.login(address, names.holder_of(hub.store.db, "user", name) or "")
    return None


async def user_of_login(hub: Hub, login: Login) -> LoggedIn | None:
    """The user of somebody who has proved who they are; made if need be, and changed to what the login says.

    None for a name that no user can have. Raises ForbiddenError for who may not come in.
    """
    name = _stored_name(hub, login)
    if name is None:
        return None
    row = users.by_name(hub.store.db, name)
    hub.logins.admission.check(name, exists=row is not None, allowed=login.allowed)
    if row is not None and row.leaving:
        raise ForbiddenError(f"User {name} is being deleted.")
    admin = True if login.admin is None and hub.logins.admission.is_admin(name) else login.admin
    login = await after_hook(hub, replace(login, name=name, admin=admin))
    if hub.settings.authenticator.manage_groups and login.groups is None:
        logger.error("manage_groups is set, and the authenticator tells no groups: nobody can log in")
        raise ForbiddenError(
            "This login tells no groups, which this hub needs. Please tell its administrators."
        )
    is_new = row is None and await _create(hub, login)
    user = _present(hub, name)
    if not is_new:
        await _change(hub, user.id, login)
    if hub.settings.authenticator.manage_groups and login.groups is not None:
        await put_into_groups(hub, user.id, login.groups, by=by_login(user.id))
    if hub.settings.authenticator.manage_roles and login.roles is not None:
        await give_roles(hub, user.id, login.roles, by=by_login(user.id))
    hub.logins.confirmations.note(user.id)
    return LoggedIn(_present(hub, name), is_new)


def _stored_name(hub: Hub, login: Login) -> str | None:
    """None for a name that no user can have."""
    try:
        return hub.user_names.stored(login.name)
    except InvalidError as error:
        logger.warning("a login under a name that cannot be: %s", error.message)
        return None


def by_login(user_id: str) -> By:
    """As the log records what a login does."""
    return By(user_stream(user_id), "login")


async def _create(hub: Hub, login: Login) -> bool:
    """Whether it was this login that made the user: two may come at once."""
    try:
        await hub.logins.authenticator.check_new_user(login.name)
    except InvalidError as error:
        raise ForbiddenError(error.message) from None
    user_id = new_id("u")
    keep = hub.logins.auth_states.change(user_id, login.auth_state)
    command = Create(login.name, new_id("v"), bool(login.admin), login.user_info, True if keep else None)
    try:
        await hub.entities.users.ask(user_id, command, by=by_login(user_id), changes=keep)
    except AlreadyExistsError:
        return False
    return True


async def _change(hub: Hub, user_id: str, login: Login) -> None:
    """What the login says, where it is something new. It keeps no auth_state where it brings none."""
    keep = hub.logins.auth_states.change(user_id, login.auth_state)
    command = Change(
        admin=login.admin,
        user_info=UNSET if login.user_info is None else login.user_info,
        auth_state=login.auth_state is not None if keep else None,
    )
    await hub.entities.users.ask(user_id, command, by=by_login(user_id), changes=keep)


def _present(hub: Hub, name: str) -> UserRow:
    row = users.by_name(hub.store.db, name)
    if row is None:
        raise ForbiddenError(f"Somebody who was called {name} still runs a server under that name.")
    return row
