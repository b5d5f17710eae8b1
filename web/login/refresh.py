"""Whether a login of some time ago still stands, asked of the authenticator now and then.

Source of the rules: JupyterHub 6.1.1. Who came with a cookie and no longer stands must log in again; a token goes on
working, for nobody can log in for it, unless `auth_refresh_strict` is set.
"""

from __future__ import annotations

import logging

import trio

from core.errors import ForbiddenError, UnavailableError
from core.plugins.authenticator import RefreshingAuthenticator
from projections import users
from projections.users import UserRow
from web.hub.hub import Hub
from web.login.log_in import user_of_login
from web.rights.identity import Identity

ASKED_AGAIN_AFTER = 60.0  # seconds, where the answer was no or there was none

logger = logging.getLogger("callboard.login")


async def confirmed(hub: Hub, identity: Identity | None, *, by_cookie: bool) -> Identity | None:
    """The caller, unless their login no longer stands and that matters to how they came."""
    if identity is None or identity.kind != "user" or not _is_asked(hub):
        return identity
    user = users.by_id(hub.store.db, identity.id)
    if user is None or await still_stands(hub, user):
        return identity
    is_strict = hub.settings.authenticator.auth_refresh_strict
    return None if by_cookie or is_strict else identity


async def check_before(hub: Hub, user: UserRow, caller: Identity, *, by_cookie: bool) -> None:
    """For `refresh_pre_spawn` and `refresh_pre_stop`: ask now. Raises ForbiddenError for who must log in first.

    Whoever acts for somebody else, or by a token, is not kept from it unless `auth_refresh_strict` is set.
    """
    if not _is_asked(hub) or await still_stands(hub, user, ask_now=True):
        return
    is_own = (caller.kind, caller.id) == ("user", user.id)
    if (is_own and by_cookie) or hub.settings.authenticator.auth_refresh_strict:
        raise ForbiddenError(f"The login of {user.name} has expired. Please log in again.")
    logger.warning("the login of %s has expired; what %s asked for goes on", user.name, caller.principal)


def _is_asked(hub: Hub) -> bool:
    return hub.settings.authenticator.auth_refresh_age > 0 and isinstance(
        hub.logins.authenticator, RefreshingAuthenticator
    )


async def still_stands(hub: Hub, user: UserRow, *, ask_now: bool = False) -> bool:
    """Of many requests at once one asks, and the others wait for its answer."""
    known = None if ask_now else hub.logins.confirmations.about(user.id)
    if known is not None:
        return known
    began = trio.current_time()
    async with hub.logins.confirmations.turns.take(user.id):
        known = None if ask_now and trio.current_time() == began else hub.logins.confirmations.about(user.id)
        return await _ask(hub, user) if known is None else known


async def _ask(hub: Hub, user: UserRow) -> bool:
    """What the answer says is stored as that of a login is."""
    assert isinstance(hub.logins.authenticator, RefreshingAuthenticator), "nobody else is asked"
    try:
        login = await hub.logins.authenticator.refresh(user.name, hub.logins.auth_states.of(user.id))
        stands = login is not None and hub.user_names.normalize(login.name) == user.name
        if login is not None and stands:
            stands = await user_of_login(hub, login) is not None
    except UnavailableError as error:
        logger.warning("whether the login of %s still stands is not known: %s", user.name, error.message)
        hub.logins.confirmations.note(user.id, seconds=ASKED_AGAIN_AFTER)
        return True
    except ForbiddenError as error:
        logger.warning("the login of %s no longer stands: %s", user.name, error.message)
        stands = False
    if not stands:
        hub.logins.confirmations.note(user.id, stands=False, seconds=ASKED_AGAIN_AFTER)
    return stands
