"""The scopes there are, as data: what each one allows and which scopes come with it.

Source of names and tree: JupyterHub 6.1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Definition(Struct, frozen=True):
    description: str
    subscopes: tuple[str, ...] = ()


SELF: Final = "self"  # a user's own things; SELF_SCOPES says which
INHERIT: Final = "inherit"  # in tokens: whatever the owner may do
NO_SCOPE: Final = "(no_scope)"  # a label for people: this token only tells whose it is

SELF_SCOPES: Final = (
    "read:users",
    "users:activity",
    "servers",
    "tokens",
    "access:servers",
    "read:shares",
    "users:shares",
)

BUILT_IN: Final[Mapping[str, Definition]] = MappingProxyType(
    {
        NO_SCOPE: Definition("Tell who you are, and nothing else."),
        SELF: Definition("Use and see everything of your own."),
        INHERIT: Definition("Do whatever the token's owner may do."),
        "admin-ui": Definition("Open the admin page."),
        "admin:users": Definition(
            "Create, change and delete users and see their stored login state.",
            ("admin:auth_state", "users", "read:roles:users", "delete:users"),
        ),
        "admin:auth_state": Definition("See what the login stored about a user."),
        "users": Definition("See and change users.", ("read:users", "list:users", "users:activity")),
        "delete:users": Definition("Delete users."),
        "list:users": Definition("List users.", ("read:users:name",)),
        "read:users": Definition(
            "See users.", ("read:users:name", "read:users:groups", "read:users:activity")
        ),
        "read:users:name": Definition("See users' names."),
        "read:users:groups": Definition("See which groups users are in."),
        "read:users:activity": Definition("See when users were last active."),
        "read:roles": Definition(
            "See who holds which roles.", ("read:roles:users", "read:roles:services", "read:roles:groups")
        ),
        "read:roles:users": Definition("See users' roles."),
        "read:roles:services": Definition("See services' roles."),
        "read:roles:groups": Definition("See groups' roles."),
        "users:activity": Definition("Report and see when users were active.", ("read:users:activity",)),
        "admin:servers": Definition(
            "Start, stop and see servers and their inner state.", ("admin:server_state", "servers")
        ),
        "admin:server_state": Definition("See what the hub remembers about a server's process."),
        "servers": Definition(
            "Start, stop and see servers.", ("read:servers", "start:servers", "delete:servers")
        ),
        "read:servers": Definition("See servers.", ("read:users:name",)),
        "start:servers": Definition("Create, change and start servers."),
        "delete:servers": Definition("Stop and remove servers."),
        "tokens": Definition("Make, see and revoke users' tokens.", ("read:tokens",)),
        "read:tokens": Definition("See users' tokens."),
        "admin:groups": Definition(
            "Create, change and delete groups.", ("groups", "read:roles:groups", "delete:groups")
        ),
        "groups": Definition("See and change groups and their members.", ("read:groups", "list:groups")),
        "list:groups": Definition("List groups.", ("read:groups:name",)),
        "read:groups": Definition("See groups and their members.", ("read:groups:name",)),
        "read:groups:name": Definition("See groups' names."),
        "delete:groups": Definition("Delete groups."),
        "admin:services": Definition(
            "Create, see and delete services.", ("list:services", "read:services", "read:roles:services")
        ),
        "list:services": Definition("List services.", ("read:services:name",)),
        "read:services": Definition("See services.", ("read:services:name",)),
        "read:services:name": Definition("See services' names."),
        "read:hub": Definition("See how the hub is set up."),
        "access:servers": Definition("Use servers."),
        "access:services": Definition("Use services."),
        "shares": Definition(
            "Share servers, and take shares back.",
            ("access:servers", "read:shares", "users:shares", "groups:shares"),
        ),
        "read:shares": Definition("See with whom servers are shared."),
        "users:shares": Definition("See and leave what is shared with a user.", ("read:users:shares",)),
        "read:users:shares": Definition("See what is shared with a user."),
        "groups:shares": Definition("See and leave what is shared with a group.", ("read:groups:shares",)),
        "read:groups:shares": Definition("See what is shared with a group."),
        "proxy": Definition("See and change the proxy's routes."),
        "shutdown": Definition("Shut the hub down."),
        "read:metrics": Definition("See the hub's metrics."),
    }
)


class ScopeTable:
    """The scopes of one hub: JupyterHub's, and the custom ones of its configuration.

    Compared and hashed by identity: build it once.
    """

    def __init__(self, custom: Mapping[str, Definition] | None = None) -> None:
        self.definitions: Final[Mapping[str, Definition]] = MappingProxyType({**BUILT_IN, **(custom or {})})
        self._below: Final = {name: _below(name, self.definitions) for name in self.definitions}
        self._below_on_a_server: Final = {
            name: tuple(below for below in scopes if not below.startswith("read:user"))
            for name, scopes in self._below.items()
        }

    def __contains__(self, name: object) -> bool:
        return name in self.definitions

    def below(self, name: str, *, on_a_server: bool = False) -> tuple[str, ...]:
        """The scope itself and all that comes with it.

        `on_a_server`: with a `!server` filter. Reading users is then left out, as JupyterHub does: who may
        use one server learns nothing more about its owner by that.
        """
        return (self._below_on_a_server if on_a_server else self._below)[name]


def _below(name: str, definitions: Mapping[str, Definition]) -> tuple[str, ...]:
    found = {name: None}  # a dict keeps the order; custom scopes may form a circle
    to_do = [name]
    while to_do:
        new = [scope for scope in definitions[to_do.pop()].subscopes if scope not in found]
        found.update(dict.fromkeys(new))
        to_do += new
    return tuple(found)


STANDARD: Final = ScopeTable()
