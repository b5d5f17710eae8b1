"""From what a provider says about somebody to a login: name, groups, and what follows from groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.plugins.authenticator import Login
from core.plugins.hooks import Hooks
from core.settings import OIDCSettings
from web.authenticators.oidc.refusals import distrusted, logger, unusable

Claims = dict[str, Any]

# Of the token itself: what another document says of them does not count.
_OF_THE_TOKEN = ("iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash")
_MAX_TEXT = 255
_MISSING = object()


def merged(id_claims: Mapping[str, Any], userinfo: Mapping[str, Any] | None) -> Claims:
    """The two documents as one: userinfo is the newer one, and must be about the same person.

    Whether an address has been verified is only known of the address beside it. Raises ForbiddenError.
    """
    if userinfo is None:
        return dict(id_claims)
    if id_claims and userinfo.get("sub") != id_claims["sub"]:
        raise distrusted("its user information is about somebody else than its ID token")
    claims = {**id_claims, **userinfo}
    if "email" in userinfo and "email_verified" not in userinfo:
        claims.pop("email_verified", None)
    return claims | {name: id_claims[name] for name in _OF_THE_TOKEN if name in id_claims}


def find(claims: Mapping[str, Any], path: str) -> Any:
    """The value under this name, else under this path (`realm_access.roles`); None if there is none.

    The whole name comes first, for some are URLs.
    """
    found = claims.get(path, _MISSING)
    if found is not _MISSING:
        return found
    found = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


class People:
    def __init__(
        self,
        settings: OIDCSettings,
        *,
        manage_groups: bool,
        is_admin: Callable[[str], bool],
        hooks: Hooks,
    ) -> None:
        """`is_admin`: whether the configuration names somebody as one, whatever groups they are in."""
        self._settings = settings
        self._manage_groups = manage_groups
        self._is_admin = is_admin
        self._hooks = hooks

    async def login(self, claims: Claims, auth_state: dict[str, Any]) -> Login:
        """Raises ForbiddenError where a claim is missing, or is not what it has to be."""
        name = await self._name(claims)
        groups = await self._groups(claims, auth_state)
        is_admin = bool(self._settings.admin_groups.intersection(groups))
        return Login(
            name,
            admin=None
            if not self._settings.admin_groups
            else is_admin or (None if self._is_admin(name) else False),
            groups=groups if self._manage_groups else None,
            auth_state=auth_state,
            user_info=_shown(claims),
            allowed=is_admin or self._is_allowed(groups, auth_state),
        )

    def _is_allowed(self, groups: tuple[str, ...], auth_state: dict[str, Any]) -> bool:
        """By a group, or by what the provider has granted. Source: oauthenticator 17."""
        wanted = self._settings.allowed_scopes
        granted = wanted and wanted.issubset(auth_state.get("scope") or ())
        return bool(granted or self._settings.allowed_groups.intersection(groups))

    async def _name(self, claims: Claims) -> str:
        wanted = self._settings.username_claim
        if callable(wanted):
            name = await self._ask_hook(wanted, claims, "username_claim")
        else:
            name = find(claims, wanted)
            if wanted == "email" and name is not None:
                self._check_email(claims)
        if not isinstance(name, str) or not name:
            said = "a function's answer" if callable(wanted) else repr(wanted)
            raise unusable(f"there is no user name in it ({said})")
        if len(name) > _MAX_TEXT:
            raise unusable("the user name is too long")
        return name

    def _check_email(self, claims: Claims) -> None:
        """Anybody can type somebody else's address into their account: it must have been verified."""
        verified = claims.get("email_verified")
        if self._settings.allow_unverified_email or verified is True or verified == "true":
            return
        raise unusable("your e-mail address has not been verified by it")

    async def _groups(self, claims: Claims, auth_state: dict[str, Any]) -> tuple[str, ...]:
        """Sorted. Somebody about whom nothing is said is in no group."""
        if not (self._manage_groups or self._settings.allowed_groups or self._settings.admin_groups):
            return ()
        if self._settings.auth_state_groups_key:
            found = await self._found(
                self._settings.auth_state_groups_key, auth_state, "auth_state_groups_key"
            )
        else:
            found = await self._found(self._settings.claim_groups_key, claims, "claim_groups_key")
        if found is None:
            return ()
        items = [found] if isinstance(found, str) else found
        if not isinstance(items, list | tuple | set | frozenset) or not all(
            isinstance(item, str) and 0 < len(item) <= _MAX_TEXT for item in items
        ):
            raise unusable("your groups are not a list of names")
        return tuple(sorted(set(items)))

    async def _found(self, key: Any, document: dict[str, Any], setting: str) -> Any:
        return await self._ask_hook(key, document, setting) if callable(key) else find(document, key)

    async def _ask_hook(self, hook: Callable[..., Any], document: dict[str, Any], setting: str) -> Any:
        try:
            return await self._hooks.call(hook, document)
        except Exception:
            logger.exception("the function given as %s has failed", setting)
            raise unusable("this hub could not make sense of it") from None


def _shown(claims: Claims) -> dict[str, Any] | None:
    """What others may see: a name and a picture, in the words of Jupyter Server's identity."""
    shown = {}
    name, picture = claims.get("name"), claims.get("picture")
    if isinstance(name, str) and 0 < len(name) <= _MAX_TEXT and name.isprintable():
        shown["display_name"] = name
    if isinstance(picture, str) and picture.startswith("https://") and len(picture) <= 1000:
        shown["avatar_url"] = picture
    return shown or None
