"""What to tell an administrator whose configuration may let nobody in, or not as they meant. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.settings import PluginAuthenticatorSettings, Settings


def lets_everybody_in(settings: Settings) -> bool:
    """Whether any name will do, with any password."""
    is_open = settings.hub.authenticator_class == "dummy" and not settings.dummy.password
    return is_open and settings.authenticator.allow_all


def login_warnings(settings: Settings) -> Iterator[str]:
    login, name = settings.authenticator, settings.hub.authenticator_class
    lets_somebody_in = (
        login.allow_all
        or login.allowed_users
        or login.allow_existing_users
        or settings.local_users.allowed_groups
        or settings.oidc.allowed_groups
        or settings.oidc.allowed_scopes
        or login.any_allow_config
    )
    if name == "null" or isinstance(login, PluginAuthenticatorSettings):
        return  # such a class says itself whether it lets anybody in
    if not lets_somebody_in:
        yield (
            "Nobody may log in: no one is named in c.Authenticator.allowed_users, and c.Authenticator.allow_all is "
            "not set. c.Authenticator.any_allow_config = True says that this is meant."
        )
    if login.manage_groups and login.post_auth_hook is None and name in ("dummy", "pam"):
        yield (
            f"c.Authenticator.manage_groups is set, and {name!r} tells no groups: nobody can log in unless a "
            "post_auth_hook adds them."
        )
    if name == "dummy" and login.admin_users and not settings.dummy.password:
        yield (
            "Anybody can log in as an administrator: the authenticator is 'dummy', and c.DummyAuthenticator.password "
            "is not set. That is for trying things out, where nobody else can reach this hub."
        )
    if name == "shared-password":
        yield from _about_shared_passwords(settings)


def _about_shared_passwords(settings: Settings) -> Iterator[str]:
    shared, admins = settings.shared_password, settings.authenticator.admin_users
    section = "c.SharedPasswordAuthenticator"
    if not (shared.user_password or shared.admin_password or shared.password_groups):
        yield f"Nobody can log in: {section} has neither user_password nor admin_password."
    elif not (shared.user_password or shared.password_groups):
        yield f"Only administrators can log in: {section} has no user_password."
    if admins and not shared.admin_password:
        yield f"No administrator can log in: {section} has no admin_password."
    if shared.admin_password and not admins:
        yield f"{section}.admin_password is of no use: c.Authenticator.admin_users names nobody."
