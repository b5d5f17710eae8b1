"""`c.Authenticator.post_auth_hook`: the configuration may change or refuse a login before it is recorded."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from core.errors import ForbiddenError, HubError
from core.plugins.authenticator import Login
from core.plugins.hook_errors import log_failure, said_by
from core.plugins.hooks import Hooks, running
from web.login.request_facts import RequestFacts, view_of

NOT_COMPLETED = "This login could not be completed. Please tell the hub's administrators."

logger = logging.getLogger("callboard.hooks")

_NOT_SHOWN = frozenset({"allowed", "is_settled"})  # of a login, for the hub alone


class _Model(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """What a hook gives back, of which it may have left out anything."""

    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    auth_state: dict[str, Any] | None = None
    user_info: dict[str, Any] | None = None
    roles: tuple[dict[str, Any], ...] | None = None


async def after_hook(
    hook: Any, hooks: Hooks, authenticator: Any, login: Login, request: RequestFacts | None
) -> Login:
    """The login as the hook leaves it; its name stays. Raises ForbiddenError where it does not let them in.

    `hook`: None where the configuration has none. It is called with the `authenticator`, the request (None: there is
    none) and the login as a dict of the keys name, admin, groups, roles, auth_state and user_info, and returns such a
    dict; anything false means no.
    Source: JupyterHub 6.1.1.
    """
    if hook is None:
        return login
    model = {key: value for key, value in asdict(login).items() if key not in _NOT_SHOWN}
    for key in ("groups", "roles"):
        model[key] = None if model[key] is None else list(model[key])
    try:
        with running("post_auth_hook"):
            answer = await hooks.call(hook, authenticator, view_of(request), model)
    except HubError:
        raise
    except Exception as error:
        log_failure(logger, "post_auth_hook", error)
        raise ForbiddenError(_worded(error)) from error
    if not answer:
        raise ForbiddenError(f"User {login.name} may not log in here.")
    try:
        changed = msgspec.convert(answer, _Model)
    except msgspec.ValidationError as error:
        logger.warning("post_auth_hook returned something else than a login: %s", error)
        raise ForbiddenError(NOT_COMPLETED) from error
    return replace(login, **asdict(changed))


def _worded(error: Exception) -> str:
    """What the hook says to people, if it is meant for them: the text of an HTTP error."""
    said = said_by(error)
    return NOT_COMPLETED if said.unexpected else said.message
