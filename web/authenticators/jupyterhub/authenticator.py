"""An authenticator class written for JupyterHub, behind the hub's own protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from core.errors import HubError, InvalidError, UnavailableError
from core.plugins.authenticator import Credentials, Login
from core.plugins.sent_request import SentRequest
from core.settings import AuthenticatorSettings
from web.authenticators.jupyterhub.asking import Answered, Asking, Traits, UserFacts
from web.authenticators.jupyterhub.in_thread import World
from web.authenticators.jupyterhub.refusals import as_hub_error
from web.authenticators.jupyterhub.thread import PluginThread

CHANGEABLE = (
    "admin_users",
    "allow_all",
    "allow_existing_users",
    "allowed_users",
    "auto_login",
    "blocked_users",
)


class JupyterHubAuthenticator:
    """Who may come in is for the class to say (`check_allowed`, `check_blocked_users`); what they may do is not."""

    def __init__(self, thread: PluginThread, traits: Traits) -> None:
        self._thread = thread
        self._traits = traits

    # --- logging in ---

    async def authenticate(self, credentials: Credentials) -> Login | None:
        return await self.authenticate_request(credentials, SentRequest())

    async def authenticate_request(self, credentials: Credentials, request: SentRequest) -> Login | None:
        """No credentials at all: what the request itself says is to do."""
        fields: Mapping[str, Any] | None = dict(credentials) or None
        try:
            return await self._thread.call(World.authenticate, Asking(request), fields, what="a login")
        except Exception as error:
            _refuse(error)
            raise

    async def configure(self, settings: AuthenticatorSettings) -> None:
        """Take what may change while the hub runs: who may come in, and who is an administrator."""
        values = {name: getattr(settings, name) for name in CHANGEABLE}
        await self._thread.call(World.change, values, what="the authenticator's settings")

    # --- who can be a user ---

    async def check_new_user(self, name: str) -> None:
        await self._check(World.check_new, name)

    async def check_user(self, name: str) -> None:
        """Asked about everybody when the hub starts: where there is nothing to say, nobody is."""
        if not self._traits.knows_users:
            return
        await self._check(World.check, self._thread.facts_called(name))

    async def _check(self, function: Any, who: UserFacts | str) -> None:
        try:
            await self._thread.call(function, who, what="whether somebody can be a user")
        except HubError:
            raise
        except Exception as error:
            raise InvalidError(f"The authenticator does not take this user: {error}") from error

    # --- pages ---

    @property
    def login_service(self) -> str:
        return self._traits.login_service

    @property
    def login_path(self) -> str:
        return self._traits.login_path

    @property
    def logout_path(self) -> str:
        return self._traits.logout_path

    async def login_html(self, shown: Mapping[str, str]) -> str:
        return await self._thread.call(World.login_html, shown, what="the login page")

    # --- starts ---

    async def before_start(self, name: str, spawner: Any) -> None:
        await self._thread.call(
            World.before_start, self._thread.facts_called(name), spawner, what=f"pre_spawn_start for {name}"
        )

    async def after_stop(self, name: str, spawner: Any) -> None:
        await self._thread.call(
            World.after_stop, self._thread.facts_called(name), spawner, what=f"post_spawn_stop for {name}"
        )


class RefreshingJupyterHubAuthenticator(JupyterHubAuthenticator):
    """One whose class can say later whether a login still stands: not every one is asked in vain."""

    async def refresh(self, name: str, auth_state: dict[str, Any] | None) -> Login | Literal[True] | None:
        del auth_state  # they ask for it themselves, if they want it
        facts = self._thread.facts_called(name)
        try:
            found = await self._thread.call(
                World.refresh,
                facts,
                Asking(SentRequest(), name),
                what=f"whether the login of {name} still stands",
            )
        except Exception as error:
            _refuse(error)
            raise UnavailableError("the authenticator failed") from error
        return None if found is False else found


class PluginPages:
    """Pages of plug-ins: of an authenticator, and those that the configuration adds (`extra_handlers`)."""

    def __init__(self, thread: PluginThread, traits: Traits) -> None:
        self._thread = thread
        self.patterns = traits.paths

    async def serve(self, asking: Asking) -> Answered:
        """Raises UnavailableError where no answer came in time."""
        return await self._thread.call(
            World.serve, asking, what=f"{asking.request.method} of a plug-in's page"
        )


def _refuse(error: Exception) -> None:
    """Raises what a person is told, where anything is. Else it is a fault of the plug-in's."""
    refusal = as_hub_error(error)
    if refusal is not None:
        raise refusal from (None if refusal is error else error)
