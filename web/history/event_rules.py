"""Which scope shows which event, and which of its fields. What is not named here is not shown.

Who may read a field of a model may see the events that change it. Source of the fields: core/scopes/visible.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from core.events.access import AccessRefused
from core.events.activity import ActivityRecorded
from core.events.engine import EngineAnswered, EngineSilent, StrayEnded, StrayFound
from core.events.group import GroupCreated, GroupDeleted, PropertiesReplaced, UsersJoined, UsersLeft
from core.events.hub import ClockCorrected, HubStarted, HubStopped
from core.events.job import (
    JobCancelled,
    JobDone,
    JobGivenUp,
    JobProgressed,
    JobPutOff,
    JobRequested,
    JobTried,
)
from core.events.moving import MovingInBegun, MovingInDone
from core.events.oauth import CodeIssued, CodeRedeemed
from core.events.role import RoleDefined, RoleGranted, RoleRemoved, RoleWithdrawn
from core.events.route import RouteAdded, RouteRemoved
from core.events.server import (
    LeftoverEnded,
    OptionsStored,
    OutOfSight,
    ServerAdopted,
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    SpawnProgressed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)
from core.events.service import (
    ServiceAdded,
    ServiceChanged,
    ServiceExited,
    ServiceFailed,
    ServiceRemoved,
    ServiceStarted,
)
from core.events.session import SessionEnded, SessionMovedIn, SessionOpened
from core.events.share import (
    ShareCodeExchanged,
    ShareCodeIssued,
    ShareCodeRevoked,
    ShareGranted,
    ShareNarrowed,
    ShareRevoked,
    ShareWidened,
)
from core.events.token import TokenIssued, TokenRevoked
from core.events.user import (
    AdminGranted,
    AdminRevoked,
    AuthStateChanged,
    NewsSeen,
    ServerAdded,
    ServerRemovalRequested,
    ServerRemoved,
    ServerRenamed,
    ServerTitled,
    UserCreated,
    UserDeleted,
    UserDeletionRequested,
    UserInfoChanged,
    UserRenamed,
)

Whose = Literal["user", "server", "group", "service", "owner", "hub"]
NOBODY_ELSE: Mapping[str, tuple[str, ...]] = {}


class Rule(NamedTuple):
    """Any one of `scopes` on what `of` says shows the event with its `fields`.

    `of`: `hub` wants a scope without a filter; `owner` is the user or the service a token belongs to.
    `within`: the field that holds those fields, if it is not the event itself.
    `inner`: fields that need `admin:server_state` on top.
    `others`: scopes that show the event to those who hold them on some user, group or service that it names besides:
    with these alone of all it names.
    """

    of: Whose
    scopes: tuple[str, ...]
    fields: tuple[str, ...] = ()
    within: str = ""
    inner: tuple[str, ...] = ()
    others: Mapping[str, tuple[str, ...]] = NOBODY_ELSE


NAME = ("read:users:name",)
GROUP = ("read:groups",)
SERVER = ("read:servers",)
SERVICE = ("read:services",)
SHARE = ("read:shares",)
ROLE = ("read:roles",)
HUB = ("read:hub",)
PROXY = ("proxy",)
STRAYS = ("admin:servers",)
JOBS = ("admin:users",)

DEFINED = ("url", "prefix", "admin", "managed", "info", "display")
MEMBERS = {"user": ("read:users:groups",)}
HOLDERS = {
    "user": ("read:users", "read:roles:users"),
    "group": ("read:roles:groups",),
    "service": ("read:roles:services",),
}
GRANTEES = {"user": ("read:users:shares",), "group": ("read:groups:shares",)}

# A server's own token is its user's, but says nothing more than that the server ended.
TOKEN = ("read:tokens",)

RULES: Mapping[type, Rule] = {
    HubStarted: Rule("hub", HUB, ("version", "hub", "epoch")),
    HubStopped: Rule("hub", HUB, ("servers",)),
    ClockCorrected: Rule("hub", HUB, ("before", "after")),
    UserCreated: Rule("user", ("read:users",), ("name", "admin")),
    UserRenamed: Rule("user", NAME, ("name",)),
    AdminGranted: Rule("user", (*NAME, "read:roles:users")),
    AdminRevoked: Rule("user", (*NAME, "read:roles:users")),
    UserInfoChanged: Rule("user", NAME, ("user_info",)),
    AuthStateChanged: Rule("user", ("admin:auth_state",), ("kept",)),
    NewsSeen: Rule("user", ("read:users",), ("upto",)),
    UserDeletionRequested: Rule("user", NAME),
    UserDeleted: Rule("user", NAME),
    ServerAdded: Rule("server", SERVER, ("display_name", "user_options")),
    ServerRenamed: Rule("server", SERVER, ("name",)),
    ServerTitled: Rule("server", SERVER, ("display_name",)),
    ServerRemovalRequested: Rule("server", SERVER),
    ServerRemoved: Rule("server", SERVER),
    SpawnRequested: Rule(
        "server",
        SERVER,
        ("spawn_id", "prefix", "user_options", "queued", "engine"),
        inner=("leftovers", "previous"),
    ),
    SpawnProgressed: Rule("server", SERVER, ("spawn_id", "message", "progress", "html_message", "extra")),
    SpawnAdmitted: Rule("server", SERVER, ("spawn_id",)),
    SpawnAnswered: Rule("server", SERVER, ("spawn_id",), inner=("url",)),
    SpawnSucceeded: Rule("server", SERVER, ("spawn_id",)),
    SpawnFailed: Rule(
        "server",
        SERVER,
        ("spawn_id", "reason", "status", "html_message", "exit_status", "leftover", "unexpected"),
        inner=("phrase", "headers"),
    ),
    SpawnCancelled: Rule("server", SERVER, ("spawn_id", "why", "reason")),
    StopRequested: Rule("server", SERVER, ("spawn_id", "why", "reason")),
    ServerStopped: Rule("server", SERVER, ("spawn_id", "exit_status", "leftover")),
    ServerDied: Rule("server", SERVER, ("spawn_id", "exit_status", "trouble")),
    ServerAdopted: Rule("server", SERVER, ("spawn_id",)),
    ServerLost: Rule("server", SERVER, ("spawn_id", "exit_status", "trouble")),
    OutOfSight: Rule("server", SERVER, ("spawn_id", "reason")),
    LeftoverEnded: Rule("server", SERVER, ("spawn_id", "exit_status")),
    OptionsStored: Rule("server", SERVER, ("user_options",)),
    GroupCreated: Rule("group", GROUP, ("properties",), others=MEMBERS),
    UsersJoined: Rule("group", GROUP, others=MEMBERS),
    UsersLeft: Rule("group", GROUP, others=MEMBERS),
    PropertiesReplaced: Rule("group", GROUP, ("properties",)),
    GroupDeleted: Rule("group", ("read:groups:name",)),
    RoleDefined: Rule("hub", ROLE, ("description", "scopes", "managed")),
    RoleGranted: Rule("hub", ROLE, others=HOLDERS),
    RoleWithdrawn: Rule("hub", ROLE, others=HOLDERS),
    RoleRemoved: Rule("hub", ROLE),
    TokenIssued: Rule("owner", TOKEN, ("scopes", "note", "expires_at", "client")),
    TokenRevoked: Rule("owner", TOKEN, ("why",)),
    CodeIssued: Rule("user", TOKEN, ("client", "scopes", "expires_at")),
    CodeRedeemed: Rule("user", TOKEN, ("token",)),
    SessionOpened: Rule("user", TOKEN, ("expires_at", "address")),
    SessionMovedIn: Rule("user", TOKEN, ("expires_at",)),
    SessionEnded: Rule("user", TOKEN, ("why",)),
    ServiceAdded: Rule("service", SERVICE, DEFINED, within="definition"),
    ServiceChanged: Rule("service", SERVICE, DEFINED, within="definition"),
    ServiceRemoved: Rule("service", SERVICE),
    ServiceStarted: Rule("service", SERVICE, ("pid",)),
    ServiceExited: Rule("service", SERVICE, ("exit_status",)),
    ServiceFailed: Rule("service", SERVICE, ("reason", "exit_status")),
    AccessRefused: Rule("hub", ("admin:users",), ("logins", "tokens", "addresses")),
    JobRequested: Rule("hub", JOBS, ("kind", "due")),
    JobTried: Rule("hub", JOBS),
    JobPutOff: Rule("hub", JOBS, ("why", "again")),
    JobProgressed: Rule("hub", JOBS),
    JobDone: Rule("hub", JOBS),
    JobGivenUp: Rule("hub", JOBS, ("why",)),
    JobCancelled: Rule("hub", JOBS),
    MovingInBegun: Rule("hub", ("admin:users",), ("source",)),
    MovingInDone: Rule("hub", ("admin:users",), ("came", "stayed")),
    EngineSilent: Rule("hub", HUB, ("since",)),
    EngineAnswered: Rule("hub", HUB),
    StrayFound: Rule("hub", STRAYS, ("spawn_id", "user_name", "server_name")),
    StrayEnded: Rule("hub", STRAYS, ("spawn_id", "why", "reason", "exit_status")),
    RouteAdded: Rule("hub", PROXY, ("spec", "target", "from_config")),
    RouteRemoved: Rule("hub", PROXY),
    ShareGranted: Rule("server", SHARE, ("scopes",), others=GRANTEES),
    ShareWidened: Rule("server", SHARE, ("scopes",), others=GRANTEES),
    ShareNarrowed: Rule("server", SHARE, ("scopes",), others=GRANTEES),
    ShareRevoked: Rule("server", SHARE, others=GRANTEES),
    ShareCodeIssued: Rule("server", SHARE, ("scopes", "expires_at")),
    ShareCodeExchanged: Rule("server", SHARE),
    ShareCodeRevoked: Rule("server", SHARE),
}

SEEN: Mapping[str, tuple[str, ...]] = {
    "users": ("read:users:activity",),
    "servers": ("read:servers",),
    "tokens": ("read:tokens",),
}
"""`ActivityRecorded` names many: it is shown to whoever may see any of them, with these alone."""

KNOWN = frozenset({*RULES, ActivityRecorded})
