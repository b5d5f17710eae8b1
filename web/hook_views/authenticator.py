"""The way to log in, as `authenticator`, where it is one of the hub's own. Source of the names: JupyterHub's."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import asdict

from core.errors import InvalidError
from core.naming.user_names import UserNames
from core.plugins.admission import Admission
from core.settings import Settings
from web.hook_views.read_only import ReadOnlyDict, ReadOnlyList, ReadOnlySet
from web.hook_views.rows import NO_ROWS
from web.hook_views.traitlets_names import OF_TRAITLETS
from web.hook_views.view import View

_LOGS_IN = (
    "the hub logs people in; c.Authenticator.post_auth_hook changes or refuses a login by what it returns"
)
_USERS = "users are added and deleted through the REST API"
_STARTS = "c.Spawner.pre_spawn_hook and c.Spawner.post_stop_hook are called around starts"
_CHANGED = (
    "the configuration says who may log in; a hook says `admin` and `groups` of a login by what it returns"
)


class AuthenticatorView(View):
    """Its options are attributes, those of its own class too, as the configuration has them."""

    called = "authenticator"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **OF_TRAITLETS,
        "db": NO_ROWS,
        **dict.fromkeys(
            ("authenticate", "get_authenticated_user", "refresh_user", "run_post_auth_hook", "http_client"),
            _LOGS_IN,
        ),
        **dict.fromkeys(
            ("add_user", "delete_user", "add_system_user", "system_user_exists", "load_managed_roles"), _USERS
        ),
        **dict.fromkeys(("pre_spawn_start", "post_spawn_stop"), _STARTS),
        "get_handlers": "the hub has the URLs that its ways to log in need",
        "check_allow_config": "callboard --show-config tells what is configured",
        "reconcile_auth_state_hook": "c.Authenticator.post_auth_hook may change the auth_state of a login",
        **dict.fromkeys(
            ("check_allowed_groups", "check_group_whitelist"),
            "c.LocalAuthenticator.allowed_groups is looked at with each login",
        ),
        "executor": "PAM runs in processes of its own",
    }
    unchangeable = _CHANGED

    def __init__(
        self, settings: Settings, names: UserNames, admission: Admission, login_service: str = ""
    ) -> None:
        options = {
            **asdict(_of_class(settings)),
            **asdict(settings.authenticator),
            **({} if settings.hub.authenticator_class != "pam" else asdict(settings.local_users)),
        }
        self._know(**{name: _only_read(name, value) for name, value in options.items()})
        pattern = settings.authenticator.username_pattern
        self._know(
            _names=names,
            _admission=admission,
            log=logging.getLogger("callboard.hooks"),
            login_service=login_service,
            custom_html="",
            username_regex=re.compile(pattern) if pattern else None,
            whitelist=self.allowed_users,
            group_whitelist=options.get("allowed_groups", set()),
        )

    # --- names ---

    def normalize_username(self, username: str) -> str:
        return self._names.normalize(username)  # type: ignore[no-any-return]

    def validate_username(self, username: str) -> bool:
        try:
            self._names.check(username)
        except InvalidError:
            return False
        return True

    # --- who may come in ---

    def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
        """Whether they are not blocked."""
        del authentication
        return not self._admission.is_blocked(username)

    def check_allowed(self, username: str, authentication: Any = None) -> bool:
        del authentication
        return self._admission.is_allowed(username)  # type: ignore[no-any-return]

    check_blacklist = check_blocked_users
    check_whitelist = check_allowed

    def is_admin(self, handler: Any, authentication: Any) -> bool | None:
        """None: the configuration does not say."""
        del handler
        said = authentication.get("admin")
        return bool(said) if said is not None else (self._admission.is_admin(authentication["name"]) or None)

    # --- pages ---

    def login_url(self, base_url: str) -> str:
        return f"{base_url.rstrip('/')}/{'oauth_login' if self.login_service else 'login'}"

    def logout_url(self, base_url: str) -> str:
        return f"{base_url.rstrip('/')}/logout"

    def get_custom_html(self, base_url: str) -> str:
        del base_url
        return str(self.custom_html)


def _of_class(settings: Settings) -> Any:
    """The options of the class in use."""
    match settings.hub.authenticator_class:
        case "pam":
            return settings.pam
        case "shared-password":
            return settings.shared_password
        case "oidc" | "generic-oauth":
            return settings.oidc
        case _:
            return settings.dummy


def _only_read(name: str, value: Any) -> Any:
    """As it was configured, with a word for who wants to change it in place."""
    what = f"authenticator.{name}"
    match value:
        case list() | tuple():
            return ReadOnlyList(value, what, _CHANGED)
        case set() | frozenset():
            return ReadOnlySet(value, what, _CHANGED)
        case dict():
            return ReadOnlyDict(value, what, _CHANGED)
        case _:
            return value
