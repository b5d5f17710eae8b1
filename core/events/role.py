"""What can happen to a role. Stream: `role/{name}`: a role is its name, it cannot be renamed.

Holders are `user/{id}`, `group/{id}` or `service/{name}`. Not recorded here: everybody holds `user`, unless the
configuration lists who does, and for users and services `admin` is their admin flag.
"""

from __future__ import annotations

from core.events.urgency import Ordinary, Urgent


def role_stream(name: str) -> str:
    return f"role/{name}"


class RoleDefined(Ordinary, frozen=True, tag="role.defined"):
    """It is there from now on, or means something else. `scopes` are raw, as written.

    `managed`: by the authenticator; the configuration does not remove it.
    """

    description: str
    scopes: tuple[str, ...]
    managed: bool = False


class RoleGranted(Ordinary, frozen=True, tag="role.granted"):
    holders: tuple[str, ...]


class RoleWithdrawn(Urgent, frozen=True, tag="role.withdrawn"):
    holders: tuple[str, ...]


class RoleRemoved(Urgent, frozen=True, tag="role.removed"):
    """Nobody holds it any more either."""


RoleEvent = RoleDefined | RoleGranted | RoleWithdrawn | RoleRemoved
