"""What of JupyterHub's BaseHandler is ours here: who is logged in, cookies, proofs, and what a login does.

The functions below become attributes of BaseHandler itself, once for the process: overrides in plug-ins still win, and
their `super()` finds these. Methods that are not coroutines only note what is to be done, and the hub opens or ends
the session before it sends the answer. All else (`login_user`, `get_next_url`, `render_template`, `write_error`, signed
cookies) stays JupyterHub's. Source of what is replaced, and of what each of them means: JupyterHub 6.1.1.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import scopes
from jupyterhub.handlers.base import BaseHandler
from tornado.web import HTTPError, RequestHandler

from core.asyncio_thread.call import ask_hub
from core.errors import HubError
from web.authenticators.jupyterhub.asking import HubSide, UserFacts
from web.authenticators.jupyterhub.exchange import Exchange
from web.authenticators.jupyterhub.models import login_of, reconciled
from web.authenticators.jupyterhub.refusals import as_http_error

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def exchange_of(handler: Any) -> Exchange:
    found: Exchange = handler.request.connection
    return found


def is_meant(handler: Any) -> None:
    """Raises HTTPError (403) where it is not proved that a page of the hub meant this request."""
    asking = exchange_of(handler).asking
    if handler.request.method in SAFE_METHODS or asking.by_token:
        return
    if asking.foreign:
        raise HTTPError(403, asking.foreign)
    headers = handler.request.headers
    given = (
        handler.get_argument("_xsrf", "") or headers.get("X-Xsrftoken", "") or headers.get("X-Csrftoken", "")
    )
    if not given:
        raise HTTPError(403, f"'_xsrf' argument missing from {handler.request.method}")
    if given not in asking.valid_xsrf:
        raise HTTPError(403, f"XSRF cookie does not match {handler.request.method} argument '_xsrf'")


class NoTimer:
    """`statsd`: BaseHandler has it no more, and NativeAuthenticator 1.3 uses it."""

    def timer(self, name: str) -> NoTimer:
        del name
        return self

    def start(self) -> NoTimer:
        return self

    def stop(self, send: bool = True) -> None:
        del send

    def incr(self, name: str) -> None:
        del name


class Ours:
    """Attributes of BaseHandler. `self` is a handler: there is no `super()` in here."""

    statsd = NoTimer()
    _token_authenticated = False

    async def get_current_user(self: Any) -> Any:
        if not hasattr(self, "_jupyterhub_user"):
            name = exchange_of(self).asking.user
            self._token_authenticated = exchange_of(self).asking.by_token
            self._jupyterhub_user = self.find_user(name) if name else None
        return self._jupyterhub_user

    def _resolve_roles_and_scopes(self: Any) -> None:
        self.expanded_scopes = set(exchange_of(self).asking.scopes)
        self.parsed_scopes = scopes.parse_scopes(self.expanded_scopes)

    def get_token(self: Any) -> None:
        """None: tokens are the hub's, and no plug-in sees one."""

    def get_current_user_cookie(self: Any) -> Any:
        return getattr(self, "_jupyterhub_user", None)

    def get_session_cookie(self: Any) -> str:
        return exchange_of(self).asking.session

    def set_session_cookie(self: Any) -> str:
        return exchange_of(self).asking.session

    def set_login_cookie(self: Any, user: Any) -> None:
        exchange_of(self).login = user.name
        self._jupyterhub_user = user

    def set_hub_cookie(self: Any, user: Any) -> None:
        exchange_of(self).login = user.name

    def clear_login_cookie(self: Any, name: str | None = None) -> None:
        del name
        exchange = exchange_of(self)
        exchange.login, exchange.logout = "", True

    @property
    def xsrf_token(self: Any) -> bytes:
        return exchange_of(self).asking.xsrf.encode()

    check_xsrf_cookie = is_meant

    @property
    def template_namespace(self: Any) -> dict[str, Any]:
        """The variables of the hub's own pages: its templates are what plug-ins extend."""
        return {
            **exchange_of(self).asking.shown,
            "user": self.current_user,
            "login_service": self.authenticator.login_service,
            "login_url": self.settings["login_url"],
            "logout_url": self.settings["logout_url"],
            "parsed_scopes": self.parsed_scopes,
            "expanded_scopes": self.expanded_scopes,
        }

    def static_url(self: Any, path: str, include_host: bool | None = None, **more: Any) -> str:
        del include_host, more
        find = exchange_of(self).asking.shown.get("static_url")
        return str(find(path)) if find else f"{self.hub.base_url}static/{path}"

    def user_from_username(self: Any, username: str) -> Any:
        """Somebody whom the hub may not know yet: if they are logged in, it makes them its user then."""
        return self.settings["world"].user_called(username)

    async def auth_to_user(self: Any, authenticated: Any, user: Any = None) -> Any:
        """Who they are is known; the hub says whether and as what they come in, and keeps what their login brings."""
        del user
        world = self.settings["world"]
        model = {"name": authenticated} if isinstance(authenticated, str) else authenticated
        try:
            model = await reconciled(self.authenticator, model, _hub(self))
            facts: UserFacts = await ask_hub(_hub(self).admit, login_of(self.authenticator, model))
        except HubError as refused:
            raise as_http_error(refused) from refused
        return world.user_of(facts)

    async def spawn_single_user(
        self: Any, user: Any, server_name: str = "", options: dict[str, Any] | None = None
    ) -> None:
        asker = exchange_of(self).asking.user
        try:
            await ask_hub(_hub(self).start, user.name, server_name, options, asker)
        except HubError as refused:
            raise as_http_error(refused) from refused

    async def stop_single_user(self: Any, user: Any, server_name: str = "") -> None:
        try:
            await ask_hub(_hub(self).stop, user.name, server_name, exchange_of(self).asking.user)
        except HubError as refused:
            raise as_http_error(refused) from refused


def _hub(handler: Any) -> HubSide:
    found: HubSide = handler.settings["world"].hub
    return found


def with_our_proof(handler: type[RequestHandler]) -> type[RequestHandler]:
    """The class, or one derived from it where it would go by tornado's own proof, which any cookie gives."""
    if issubclass(handler, BaseHandler) or handler.check_xsrf_cookie is not RequestHandler.check_xsrf_cookie:
        return handler
    return type(
        handler.__name__, (handler,), {"check_xsrf_cookie": is_meant, "__module__": handler.__module__}
    )


def patch_base_handler() -> None:
    """Called again it changes nothing."""
    for name, value in vars(Ours).items():
        if not name.startswith("__"):
            setattr(BaseHandler, name, value)
