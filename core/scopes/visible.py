"""Which keys of a model the caller may see. Source: JupyterHub 6.1.1, seen key by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from core.scopes.check import Answer, check
from core.scopes.held import Group, Memberships, Resource, Scopes, Server, Service, User, covers


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


class _Keys:
    """What each scope shows of things of one kind."""

    def __init__(self, by_scope: Mapping[str, frozenset[str]]) -> None:
        self.by_scope = by_scope

    def seen(self, scopes: Scopes, resource: Resource, memberships: Memberships) -> frozenset[str]:
        keys = _shown(self, scopes.everywhere)
        for reach, names in scopes.somewhere:
            if (more := _shown(self, names)) and covers(reach, resource, memberships):
                keys |= more
        return keys


@lru_cache(maxsize=1000)
def _shown(keys: _Keys, scopes: frozenset[str]) -> frozenset[str]:
    """Of what these reach. There are few such sets: those of roles, and of the same filter of a role."""
    return frozenset().union(*(shown for name, shown in keys.by_scope.items() if name in scopes))


_USER: Final = _Keys(
    {
        "read:users": _keys("kind name admin user_info roles groups server pending created last_activity"),
        "read:users:name": _keys("kind name admin user_info"),
        "read:users:groups": _keys("kind name groups"),
        "read:users:activity": _keys("kind name last_activity"),
        "read:roles:users": _keys("kind name admin roles"),
        "read:servers": _keys("kind name servers"),
        "admin:auth_state": _keys("kind name auth_state"),
    }
)
_SERVER: Final = _keys(
    "name display_name full_name last_activity started pending ready stopped url user_options "
    "progress_url full_url full_progress_url"
)
_SERVER_WITH_STATE: Final = _SERVER | {"state"}
_GROUP: Final = _Keys(
    {
        "read:groups": _keys("kind name users properties"),
        "read:groups:name": _keys("kind name"),
        "read:roles:groups": _keys("kind name roles"),
    }
)
_SERVICE: Final = _Keys(
    {
        "read:services": _keys("kind name admin url prefix command pid info display"),
        "read:services:name": _keys("kind name admin"),
        "read:roles:services": _keys("kind name admin roles"),
    }
)


def visible_user_keys(
    scopes: Scopes, user: str, memberships: Memberships, servers: Iterable[str] = ()
) -> frozenset[str] | None:
    """None: nothing of this user is visible.

    `servers`: the names of those about to be shown. Who may read single servers (`!server=`) only sees the
    key `servers` if one of these is among them; each one needs `visible_server_keys` besides.
    """
    keys = _USER.seen(scopes, User(user), memberships)
    if "servers" not in keys and _any_readable(scopes, user, servers, memberships):
        keys |= _USER.by_scope["read:servers"]
    return keys or None


def _any_readable(scopes: Scopes, user: str, servers: Iterable[str], memberships: Memberships) -> bool:
    reach = scopes.held.get("read:servers")
    if reach is None or not reach.servers:
        return False
    return any(covers(reach, Server(user, name), memberships) for name in servers)


def visible_server_keys(scopes: Scopes, server: Server, memberships: Memberships) -> frozenset[str] | None:
    """None: not visible. `state` comes on top of the rest and shows nothing by itself."""
    if check(scopes, "read:servers", server, memberships) is not Answer.ALLOWED:
        return None
    if check(scopes, "admin:server_state", server, memberships) is Answer.ALLOWED:
        return _SERVER_WITH_STATE
    return _SERVER


def visible_group_keys(scopes: Scopes, group: str, memberships: Memberships) -> frozenset[str] | None:
    return _GROUP.seen(scopes, Group(group), memberships) or None


def visible_service_keys(scopes: Scopes, service: str, memberships: Memberships) -> frozenset[str] | None:
    return _SERVICE.seen(scopes, Service(service), memberships) or None
