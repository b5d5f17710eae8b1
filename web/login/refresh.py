"""Whether a login of some time ago still stands, asked of the authenticator now and then.

Source of the rules: JupyterHub 6.1.1. Who came with a cookie and no longer stands must log in again; a token goes on
working, for nobody can log in for it, unless `auth_refresh_strict` is set.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Literal

import trio

from core.errors import ForbiddenError, UnavailableError
from core.events.log.tables import Tables
from core.events.record import By
from core.events.user import user_stream
from core.naming.user_names import UserNames
from core.plugins.authenticator import Login, RefreshingAuthenticator
from core.settings import AuthenticatorSettings
from projections import users
from projections.users import UserRow
from web.login.accounts import Accounts
from web.login.request_facts import RequestFacts
from web.rights.identity import Identity
from web.sessions.logins import Logins

ASKED_AGAIN_AFTER = 60.0  # seconds, where the answer was no or there was none

logger = logging.getLogger("callboard.login")


class LoginRefresh:
    """`settings`: as they are now."""

    def __init__(
        self,
        db: Tables,
        accounts: Accounts,
        names: UserNames,
        logins: Logins,
        settings: Callable[[], AuthenticatorSettings],
    ) -> None:
        self._db = db
        self._accounts = accounts
        self._names = names
        self._logins = logins
        self._settings = settings

    async def confirmed(
        self, identity: Identity | None, facts: Callable[[], RequestFacts]
    ) -> Identity | None:
        """The caller, unless their login no longer stands and that matters to how they came.

        `facts`: of the request, where somebody is to be asked.
        """
        if identity is None or identity.kind != "user" or not self._is_asked():
            return identity
        user, request = users.by_id(self._db, identity.id), facts()
        if user is None or await self._still_stands(user, request):
            return identity
        is_strict = self._settings().auth_refresh_strict
        return None if request.by_cookie or is_strict else identity

    async def check_before(self, user: UserRow, *, by: By, request: RequestFacts | None) -> None:
        """For `refresh_pre_spawn` and `refresh_pre_stop`: ask now. Raises ForbiddenError for who must log in first.

        Whoever acts for somebody else, or by a token, is not kept from it unless `auth_refresh_strict` is set.
        """
        if not self._is_asked() or await self._still_stands(user, request, ask_now=True):
            return
        is_own = by.principal == user_stream(user.id)
        by_cookie = request is not None and request.by_cookie
        if (is_own and by_cookie) or self._settings().auth_refresh_strict:
            raise ForbiddenError(f"The login of {user.name} has expired. Please log in again.")
        logger.warning("the login of %s has expired; what %s asked for goes on", user.name, by.principal)

    def _is_asked(self) -> bool:
        return self._settings().auth_refresh_age > 0 and self._logins.refreshes

    async def _still_stands(
        self, user: UserRow, request: RequestFacts | None, *, ask_now: bool = False
    ) -> bool:
        """Of many requests at once one asks, and the others wait for its answer."""
        confirmations = self._logins.confirmations
        after = trio.current_time() if ask_now else -math.inf
        known = confirmations.about(user.id, after=after)
        if known is not None:
            return known
        async with confirmations.turns.take(user.id):
            known = confirmations.about(user.id, after=after)
            return await self._ask(user, request) if known is None else known

    async def _ask(self, user: UserRow, request: RequestFacts | None) -> bool:
        """What the answer says is stored as that of a login is."""
        authenticator, confirmations = self._logins.authenticator, self._logins.confirmations
        assert isinstance(authenticator, RefreshingAuthenticator), "nobody else is asked"
        try:
            login = await authenticator.refresh(user.name, self._logins.auth_states.of(user.id))
            stands = await self._is_kept(user, login, request)
        except UnavailableError as error:
            logger.warning("whether the login of %s still stands is not known: %s", user.name, error.message)
            confirmations.note(user.id, seconds=ASKED_AGAIN_AFTER)
            return True
        except ForbiddenError as error:
            logger.warning("the login of %s no longer stands: %s", user.name, error.message)
            stands = False
        if not stands:
            confirmations.note(user.id, stands=False, seconds=ASKED_AGAIN_AFTER)
        return stands

    async def _is_kept(
        self, user: UserRow, login: Login | Literal[True] | None, request: RequestFacts | None
    ) -> bool:
        """Whether the answer says that the login stands; what it says besides is stored as that of a login is."""
        if login is None or login is True:
            confirmed = login is True
            if confirmed:
                self._logins.confirmations.note(user.id)
            return confirmed
        same = login.name == user.name or self._names.normalize(login.name) == user.name
        return same and await self._accounts.of_login(login, request) is not None
