"""What JupyterHub's authenticators say of somebody who has logged in, as the hub knows logins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from jupyterhub.utils import maybe_future
from msgspec import Struct

from core.asyncio_thread.call import ask_hub
from core.errors import ForbiddenError
from core.plugins.authenticator import Login
from web.authenticators.jupyterhub.asking import HubSide


class _Model(Struct, frozen=True, forbid_unknown_fields=False):
    """The dict that `get_authenticated_user` returns. Source: JupyterHub 6.1.1."""

    name: str
    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    auth_state: dict[str, Any] | None = None
    user_info: dict[str, Any] | None = None
    roles: tuple[dict[str, Any], ...] | None = None


async def reconciled(authenticator: Any, model: Mapping[str, Any], hub: HubSide) -> Mapping[str, Any]:
    """The model with the auth_state that `reconcile_auth_state_hook` makes of it and of what is kept."""
    hook = authenticator.reconcile_auth_state_hook
    if hook is None or not authenticator.enable_auth_state:
        return model
    existing = await ask_hub(hub.auth_state, model["name"])
    return {**model, "auth_state": await maybe_future(hook(authenticator, model, existing))}


def login_of(authenticator: Any, model: Mapping[str, Any]) -> Login:
    """Raises ForbiddenError for a model that says too little, ValueError for one that is none."""
    if authenticator.manage_groups and "groups" not in model:
        authenticator.log.error(
            "manage_groups is set, and the authenticator tells no groups: nobody can log in"
        )
        raise ForbiddenError(
            "This login tells no groups, which this hub needs. Please tell its administrators."
        )
    found = msgspec.convert({**model, **_lists(model)}, _Model, strict=False)
    return Login(
        found.name,
        admin=found.admin,
        groups=found.groups,
        auth_state=found.auth_state,
        user_info=found.user_info,
        allowed=True,
        roles=found.roles,
        is_settled=True,
    )


def _lists(model: Mapping[str, Any]) -> dict[str, Any]:
    """Sets and whatever else can be gone through, as lists. Groups may be objects that have a name."""
    groups, roles = model.get("groups"), model.get("roles")
    return {
        "groups": None if groups is None else [str(getattr(group, "name", group)) for group in groups],
        "roles": None if roles is None else [dict(role) for role in roles],
    }
