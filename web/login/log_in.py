"""From credentials to a user of the hub: who are they, and may they come in?

Nothing is recorded before somebody has proved who they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from core.errors import ForbiddenError
from core.events.log.tables import Tables
from core.logins.failures import Refusals
from core.naming.names import MAX_USER_NAME
from core.naming.user_names import UserNames
from core.plugins.authenticator import Credentials, Login, RequestAuthenticator
from core.scopes import Scopes
from projections import names, users
from projections.users import UserRow
from web.login.accounts import Accounts, LoggedIn
from web.login.request_facts import RequestFacts
from web.monitoring.metrics import Metrics
from web.rights.identity import Identity
from web.sessions.logins import Logins


class CredentialLogin:
    """`scopes_of`: all that a user may do."""

    def __init__(
        self,
        db: Tables,
        accounts: Accounts,
        names: UserNames,
        logins: Logins,
        refusals: Refusals,
        metrics: Metrics,
        scopes_of: Callable[[UserRow], Scopes],
    ) -> None:
        self._db = db
        self._accounts = accounts
        self._names = names
        self._logins = logins
        self._refusals = refusals
        self._metrics = metrics
        self._scopes_of = scopes_of

    async def log_in(
        self, credentials: Credentials, *, address: str, request: RequestFacts | None = None
    ) -> LoggedIn | None:
        """The user behind these credentials; None if they are wrong.

        Raises ForbiddenError for who may not come in, ThrottledError after too many failures, UnavailableError when the
        authenticator cannot ask. `credentials`: the fields of the login form. `address`: whom they came from.
        """
        began = time.monotonic()
        logged_in = None
        try:
            login = await self._prove(credentials, address, request)
            logged_in = None if login is None else await self._accounts.of_login(login, request)
        except ForbiddenError:
            self._refusals.login(address)
            raise
        finally:
            self._metrics.logged_in(time.monotonic() - began, success=logged_in is not None)
        return logged_in

    async def identify(
        self, credentials: Credentials, *, address: str, request: RequestFacts | None = None
    ) -> Identity | None:
        """Whom these credentials belong to, with all they may do. Nothing is made or changed: strangers are nobody.

        Raises as `log_in` does.
        """
        login = await self._prove(credentials, address, request)
        name = None if login is None else self._accounts.name_of(login)
        row = None if name is None else users.by_name(self._db, name)
        if row is None:
            return None
        self._logins.admission.check(row.name, exists=True, allowed=login is not None and login.allowed)
        return Identity("user", row.id, row.name, self._scopes_of(row))

    async def _prove(
        self, credentials: Credentials, address: str, request: RequestFacts | None
    ) -> Login | None:
        """What the authenticator says. Who keeps failing waits, and failures are counted."""
        name = self._names.normalize(str(credentials.get("username", ""))[:MAX_USER_NAME])
        async with self._logins.gate.attempt(name, address) as attempt:
            login = await self._ask(credentials, request)
            if login is not None:
                attempt.succeeded()
                return login
        self._refusals.login(address, names.holder_of(self._db, "user", name) or "")
        return None

    async def _ask(self, credentials: Credentials, request: RequestFacts | None) -> Login | None:
        authenticator = self._logins.authenticator
        if request is not None and isinstance(authenticator, RequestAuthenticator):
            return await authenticator.authenticate_request(credentials, request.sent())
        return await authenticator.authenticate(credentials)
