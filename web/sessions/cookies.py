"""The hub's cookies: what they are called, where they are sent, and with which attributes.

Names and paths are JupyterHub's. Unlike there they are `SameSite=Lax` unless the configuration says otherwise.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from werkzeug.sansio.request import Request
from werkzeug.sansio.response import Response

from core.settings import HubSettings
from web.site.public_url import browser_scheme

DEEPEST = 12  # segments of a path below which planted cookies are looked for; each costs two headers
SESSION_ID = "jupyterhub-session-id"
XSRF = "_xsrf"
LANGUAGE = "callboard-language"
LANGUAGE_LIFE = 365 * 24 * 3600  # seconds
SERVICES = "jupyterhub-services"  # of older hubs; only ever cleared

# tornado's names of attributes, as `cookie_options` has them, and Werkzeug's
_ATTRIBUTES = {
    "samesite": "samesite",
    "secure": "secure",
    "domain": "domain",
    "httponly": "httponly",
    "path": "path",
    "max_age": "max_age",
    "max-age": "max_age",
    "expires": "expires",
    "partitioned": "partitioned",
}


class Cookies:
    def __init__(self, settings: HubSettings) -> None:
        prefixed = settings.cookie_host_prefix_enabled
        self.login = f"{'__Host-' if prefixed else ''}jupyterhub-hub-login"
        self._prefixed = prefixed
        self._base = settings.base_url
        self._public_scheme = urlsplit(settings.public_url).scheme
        self._domain = urlsplit(settings.subdomain_host).hostname or None
        self._options = _attributes(settings.tornado_settings.cookie_options)
        self._xsrf_options = _attributes(settings.tornado_settings.xsrf_cookie_kwargs)
        self._max_age = int(settings.cookie_max_age_days * 24 * 3600)

    # --- reading ---

    def login_of(self, request: Request) -> str | None:
        """The secret in the login cookie.

        None as well if there are two that differ: one of them was planted, by a page below another path or on another
        subdomain, and nobody can tell which.
        """
        found = set(request.cookies.getlist(self.login))
        return found.pop() if len(found) == 1 else None

    def has_planted_login(self, request: Request) -> bool:
        return len(set(request.cookies.getlist(self.login))) > 1

    # --- writing ---

    def set_login(self, request: Request, response: Response, secret: str) -> None:
        self._set(request, response, self.login, secret, httponly=True, max_age=self._max_age)

    def set_session_id(self, request: Request, response: Response, session_id: str) -> None:
        """It goes to servers and services too, which keep apart by it what they remember."""
        options = {"path": self._base, "httponly": True} | ({"domain": self._domain} if self._domain else {})
        self._set(request, response, SESSION_ID, session_id, **options)

    def set_xsrf(self, request: Request, response: Response, token: str, max_age: int | None) -> None:
        """Read by the scripts of the hub's pages. `max_age`: seconds; None: as long as the browser is open."""
        self._set(request, response, XSRF, token, max_age=max_age, **self._xsrf_options)

    def set_language(self, request: Request, response: Response, language: str) -> None:
        """Of the hub's pages, as somebody chose it in this browser."""
        self._set(
            request,
            response,
            LANGUAGE,
            language,
            path=self._hub_path,
            httponly=True,
            max_age=LANGUAGE_LIFE,
        )

    def set_state(
        self, request: Request, response: Response, name: str, value: str, *, path: str, max_age: int
    ) -> None:
        """Of a login that goes on elsewhere and ends at `path`."""
        self._set(request, response, name, value, path=path, httponly=True, max_age=max_age)

    def clear(self, request: Request, response: Response) -> None:
        """All that says who is logged in."""
        secure = self.is_secure(request)
        for name, path in (
            (self.login, self._login_path),
            (XSRF, self._hub_path),
            (SERVICES, f"{self._base}services"),
        ):
            response.delete_cookie(name, path=path, secure=secure or self._prefixed, samesite="Lax")
        response.delete_cookie(SESSION_ID, path=self._base, domain=self._domain, secure=secure)

    def clear_planted(self, request: Request, response: Response) -> None:
        """Those of the name of the login cookie that could have been set for this path alone."""
        if self._prefixed:
            return
        path = request.path
        ends = [index for index, character in enumerate(path) if character == "/"]
        for end in [*ends[:DEEPEST], len(path)]:
            for candidate in (path[:end], path[: end + 1]):
                if len(candidate) >= len(self._hub_path) - 1:
                    response.delete_cookie(self.login, path=candidate)

    @property
    def _hub_path(self) -> str:
        return f"{self._base}hub/"

    @property
    def _login_path(self) -> str:
        return "/" if self._prefixed else self._hub_path

    def _set(self, request: Request, response: Response, name: str, value: str, **options: Any) -> None:
        attributes: dict[str, Any] = {
            "path": self._hub_path,
            "samesite": "Lax",
            "secure": self.is_secure(request),
            **self._options,
            **options,
        }
        if name.startswith("__Host-"):
            attributes |= {"path": "/", "secure": True, "domain": None}
        response.set_cookie(name, value, **attributes)

    def is_secure(self, request: Request) -> bool:
        """Whether browsers may send the cookies of this answer back over https alone."""
        by_address = (self._public_scheme or browser_scheme(request)) == "https"
        return bool(self._options.get("secure", by_address))


def _attributes(given: dict[str, Any]) -> dict[str, Any]:
    return {_ATTRIBUTES[name.lower()]: value for name, value in given.items() if name.lower() in _ATTRIBUTES}
