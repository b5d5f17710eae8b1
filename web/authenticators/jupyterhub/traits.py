"""Of the traits of an authenticator those that are settings of the hub's too."""

from __future__ import annotations

from typing import Any

from jupyterhub.auth import Authenticator

from core.settings import AuthenticatorSettings
from web.authenticators.jupyterhub.asking import Traits


def traits_of(authenticator: Any, paths: tuple[str, ...], base_url: str) -> Traits:
    """`paths`: of its handlers. `base_url`: of the hub."""
    return Traits(
        paths,
        values_of(authenticator),
        str(authenticator.login_service or ""),
        str(authenticator.login_url(base_url)),
        str(authenticator.logout_url(base_url)),
        type(authenticator).refresh_user is not Authenticator.refresh_user,
        type(authenticator).add_user is not Authenticator.add_user,
    )


def values_of(authenticator: Any) -> dict[str, Any]:
    names = AuthenticatorSettings.__struct_fields__
    values = {name: getattr(authenticator, name) for name in names if hasattr(authenticator, name)}
    return {name: value.copy() if isinstance(value, set | dict) else value for name, value in values.items()}


def settle_names(authenticator: Any) -> None:
    """Of those whom the configuration names, as JupyterHub does when it starts."""
    authenticator.check_allow_config()
    normal = authenticator.normalize_username
    authenticator.admin_users = {normal(name) for name in authenticator.admin_users}
    authenticator.allowed_users = {normal(name) for name in authenticator.allowed_users}
    if authenticator.allowed_users:
        authenticator.allowed_users |= authenticator.admin_users
