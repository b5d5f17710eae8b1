"""The sections of a config file that are about logging in, with what they demand of each other."""

from __future__ import annotations

from msgspec.structs import replace

from core.config.section import Section
from core.settings import AuthenticatorSettings, LocalUsersSettings, SharedPasswordSettings

USER_PASSWORD, ADMIN_PASSWORD = 8, 32  # characters at least. Source: JupyterHub 6.1.1


def authenticator_settings(login: Section, top: Section, name: str) -> AuthenticatorSettings:
    """`name`: of the authenticator; `dummy` lets everybody in unless it is told whom."""
    found = login.fill(AuthenticatorSettings)
    admins: set[str] = top.read("admin_users", set[str], set())
    allowed = found.allowed_users | login.read("whitelist", set[str], set())
    anybody = not allowed if name == "dummy" and "allow_all" not in login else found.allow_all
    if found.manage_groups and top.read("load_groups", dict, {}):
        trait = login.trait("manage_groups")
        raise trait.refuse(True, "groups come from logins then: leave out c.JupyterHub.load_groups")
    return replace(found, admin_users=found.admin_users | admins, allowed_users=allowed, allow_all=anybody)


def local_users_settings(login: Section) -> LocalUsersSettings:
    found = login.fill(LocalUsersSettings)
    older: set[str] = login.read("group_whitelist", set[str], set())
    return replace(found, allowed_groups=found.allowed_groups | older)


def shared_password_settings(login: Section) -> SharedPasswordSettings:
    """Raises ConfigError for passwords that are too short, or the same for everybody and for administrators."""
    found = login.fill(SharedPasswordSettings)
    for name, least in (("user_password", USER_PASSWORD), ("admin_password", ADMIN_PASSWORD)):
        if 0 < len(getattr(found, name)) < least:
            raise login.trait(name).refuse("", f"a password of at least {least} characters is needed here")
    if found.admin_password and found.admin_password in (found.user_password, *found.password_groups):
        raise login.trait("admin_password").refuse("", "must be another than those of users")
    if found.password_groups and not login.read("manage_groups", bool, False):
        raise login.trait("password_groups").refuse({}, "needs c.Authenticator.manage_groups = True")
    return found
