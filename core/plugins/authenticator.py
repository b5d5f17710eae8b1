"""What the hub asks of a way to log in.

Every authenticator has `authenticate`. One that sends the browser elsewhere to log in (OpenID Connect, SAML) is a
`RedirectAuthenticator` besides; one that can say later whether a login still stands is a `RefreshingAuthenticator`, one
that can say who could still log in at all a `CheckingAuthenticator`.
Who may come in once they are known is not for them to say: see `core/plugins/admission.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, runtime_checkable

from msgspec import Struct

from core.plugins.sent_request import SentRequest

Credentials = Mapping[str, Any]


class Login(Struct, frozen=True):
    """Somebody who has proved who they are. None: the way of logging in does not say.

    `name`: as the authenticator knows it; the hub normalises it. `groups`: all the groups they are in, `()` for none.
    `auth_state` is secret: it is only ever kept encrypted. `user_info`: for others to see. `allowed`: True where
    the authenticator itself lets this person in, for their group say, whoever `allowed_users` names. `roles`: all the
    roles they hold in their own right, each `{"name", "description", "scopes"}`; the last two for those that only
    the authenticator knows. `is_settled`: the authenticator has done all that is usually done about a login:
    the name is as it is to be stored, and `post_auth_hook` has been called.
    """

    name: str
    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    auth_state: dict[str, Any] | None = None
    user_info: dict[str, Any] | None = None
    allowed: bool = False
    roles: tuple[dict[str, Any], ...] | None = None
    is_settled: bool = False


class Authenticator(Protocol):
    """Tells who somebody is. Slow ones must not hold the event loop up: threads or helper processes."""

    async def authenticate(self, credentials: Credentials) -> Login | None:
        """None if the credentials are no good. `credentials`: the fields of the login form, or a request's `auth`.

        Raises ForbiddenError, worded for the person, for who is known but may not come in, and UnavailableError
        when nobody can be asked at the moment.
        """

    async def check_new_user(self, name: str) -> None:
        """Before a user is made. Raises InvalidError for a name under which nobody could ever log in.

        Where the hub's users are those of the system it may make that one first.
        """


class Redirect(Struct, frozen=True):
    """Where to send the browser, and what it is to bring back in a cookie.

    `state_cookie`: opaque text of at most 3 KiB, safe in a cookie. Whoever sends the redirect sets it HttpOnly, for the
    path of the callback alone and for ten minutes at most, and clears it when the callback is answered.
    """

    url: str
    state_cookie: str


@runtime_checkable
class RedirectAuthenticator(Authenticator, Protocol):
    """Has people log in elsewhere: they leave with `begin` and come back to the callback URL with `finish`.

    Its `authenticate` answers None: there is no form to fill in.
    """

    @property
    def login_service(self) -> str:
        """What the button on the login page calls it."""

    async def begin(self, next_url: str, callback_url: str) -> Redirect:
        """`next_url`: a checked path of this hub to go on to after the login. `callback_url`: absolute.

        Raises UnavailableError when the provider cannot be asked where to log in. Nothing is remembered here
        between `begin` and `finish`: all that matters is in the cookie, and cannot be forged.
        """

    async def finish(
        self, callback_url: str, query: Mapping[str, str], state_cookie: str
    ) -> tuple[Login, str]:
        """Who came back, and the `next_url` they left with. `query`: of the callback; `callback_url` is without it.

        Raises ForbiddenError, worded for the person, where the answer cannot be trusted (no cookie, another's
        cookie, a state that does not match, a bad signature) or the provider said no, and UnavailableError.
        """


@runtime_checkable
class RefreshingAuthenticator(Authenticator, Protocol):
    """Can say later whether a login still stands. Asked at most once per `auth_refresh_age` and user."""

    async def refresh(self, name: str, auth_state: dict[str, Any] | None) -> Login | Literal[True] | None:
        """The login as it is now, to be stored; True: it stands as it is; None: this person must log in again.

        Raises UnavailableError when nobody can be asked: the login then stands until the next time.
        """


@runtime_checkable
class CheckingAuthenticator(Authenticator, Protocol):
    """Its users are those of another system and may go there untold: it is asked about each when the hub starts."""

    async def check_user(self, name: str) -> None:
        """Raises InvalidError for somebody who could no longer log in, and UnavailableError.

        Where the other system follows the hub, it may add there whoever is missing.
        """


@runtime_checkable
class RequestAuthenticator(Authenticator, Protocol):
    """Looks at more of a request than the fields of a form: a header, or where it comes from."""

    async def authenticate_request(self, credentials: Credentials, request: SentRequest) -> Login | None:
        """As `authenticate`."""


@runtime_checkable
class PagedAuthenticator(Authenticator, Protocol):
    """Has pages of its own, or says where people are to be sent and what the hub's login page shows.

    `login_service`: what the button says that leads to `login_path`; `""` where there is a form. The paths are those
    of the hub's own pages where it has none.
    """

    @property
    def login_service(self) -> str: ...
    @property
    def login_path(self) -> str: ...
    @property
    def logout_path(self) -> str: ...

    async def login_html(self, shown: Mapping[str, str]) -> str:
        """HTML in place of the form; `""` for none. `shown`: `next`, `username`, `login_error`, `xsrf`."""


@runtime_checkable
class StartAuthenticator(Protocol):
    """Has a say in each start, and hears of each end, of a server."""

    async def before_start(self, name: str, spawner: Any) -> None:
        """It may change `spawner`, which hooks see too. Raises what keeps the server from being started."""

    async def after_stop(self, name: str, spawner: Any) -> None:
        """What fails here hinders nothing."""


@runtime_checkable
class SessionAuthenticator(Protocol):
    """Opens a session of the system around each server. What fails there hinders nothing."""

    @property
    def opens_sessions(self) -> bool: ...

    async def open_session(self, name: str) -> None:
        """Before a server of this user starts."""

    async def close_session(self, name: str) -> None:
        """After it has ended."""
