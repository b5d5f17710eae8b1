"""What answers a request, as `handler` and `spawner.handler`. Source of the names: JupyterHub and tornado."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from core.errors import InvalidError
from web.hook_views.around import Around
from web.hook_views.handler_names import OF_HANDLERS
from web.hook_views.on_loop import on_loop
from web.hook_views.request import RequestView, texts
from web.hook_views.view import View

_MISSING = object()
_SETTINGS = (
    *("active_server_limit", "allow_named_servers", "authenticate_prometheus", "base_url"),
    *("concurrent_spawn_limit", "cookie_max_age_days", "default_url", "named_server_limit_per_user"),
    *("public_url", "redirect_to_server", "subdomain_host"),
)


class HandlerView(View):
    """`current_user`: who asks; None for a service. `scopes`: what they may do, expanded.

    A hook may put attributes on it, such as `custom_login_error`.
    """

    called = "handler"
    elsewhere = OF_HANDLERS
    unchangeable = "a hook answers by what it returns or raises"

    def __init__(
        self,
        request: RequestView,
        around: Around,
        *,
        current_user: Any = None,
        scopes: Collection[str] = (),
        find_user: Callable[[str], Any] = lambda name: None,
    ) -> None:
        hub = around.settings.hub
        self._know(
            request=request,
            current_user=current_user,
            expanded_scopes=frozenset(scopes),
            hub=around.hub,
            authenticator=around.authenticator,
            admin_users=around.settings.authenticator.admin_users,
            log=logging.getLogger("callboard.hooks"),
            domain=around.hosts.domain,
            slow_spawn_timeout=hub.tornado_settings.slow_spawn_timeout,
            slow_stop_timeout=hub.tornado_settings.slow_stop_timeout,
            csp_report_uri=hub.tornado_settings.csp_report_uri,
            _find_user=find_user,
            **{name: getattr(hub, name) for name in _SETTINGS},
        )

    def get_current_user(self) -> Any:
        return self.current_user

    def find_user(self, name: str) -> Any:
        """None if the hub knows nobody of this name."""
        return on_loop(lambda: self._find_user(name))

    user_from_username = find_user

    def has_scope(self, scope: str) -> bool:
        """Whether who asks may do that, if only to some (`read:users!user=alice`)."""
        return scope in self.expanded_scopes or any(
            held.startswith(f"{scope}!") for held in self.expanded_scopes
        )

    # --- arguments, of the query and of the form ---

    def get_argument(self, name: str, default: Any = _MISSING, strip: bool = True) -> Any:
        return self._last(self.request.arguments, name, default, strip)

    def get_arguments(self, name: str, strip: bool = True) -> list[str]:
        return texts(self.request.arguments, name, strip=strip)

    def get_query_argument(self, name: str, default: Any = _MISSING, strip: bool = True) -> Any:
        return self._last(self.request.query_arguments, name, default, strip)

    def get_query_arguments(self, name: str, strip: bool = True) -> list[str]:
        return texts(self.request.query_arguments, name, strip=strip)

    def get_body_argument(self, name: str, default: Any = _MISSING, strip: bool = True) -> Any:
        return self._last(self.request.body_arguments, name, default, strip)

    def get_body_arguments(self, name: str, strip: bool = True) -> list[str]:
        return texts(self.request.body_arguments, name, strip=strip)

    def _last(self, values: Mapping[str, Any], name: str, default: Any, strip: bool) -> Any:
        found = texts(values, name, strip=strip)
        if found:
            return found[-1]
        if default is _MISSING:
            raise InvalidError(f"The argument {name} is missing.")
        return default
