"""What can happen to a user, and to the set of servers a user has. Stream: `user/{id}`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.events.urgency import Ordinary, Urgent


def user_stream(user_id: str) -> str:
    return f"user/{user_id}"


class UserCreated(Ordinary, frozen=True, tag="user.created"):
    """`default_server`: the id of the server called `""`, which every user has from the start.

    `since`: when another hub made the user, who was moved in from there; None: made by this event.
    """

    name: str
    default_server: str
    admin: bool = False
    since: datetime | None = None


class UserRenamed(Ordinary, frozen=True, tag="user.renamed"):
    name: str


class AdminGranted(Ordinary, frozen=True, tag="user.admin-granted"):
    pass


class AdminRevoked(Urgent, frozen=True, tag="user.admin-revoked"):
    pass


class UserInfoChanged(Ordinary, frozen=True, tag="user.info-changed"):
    """What the login says about the person, for others to see: `name`, `display_name`, `avatar_url`..."""

    user_info: dict[str, Any] | None


class AuthStateChanged(Ordinary, frozen=True, tag="user.auth-state-changed"):
    """What the login keeps for the hub's own use is another now; it lies encrypted beside the log.

    `kept`: False if there is nothing any more.
    """

    kept: bool


class ServerAdded(Ordinary, frozen=True, tag="user.server-added"):
    server: str
    name: str
    display_name: str = ""
    user_options: dict[str, Any] | None = None


class ServerRenamed(Ordinary, frozen=True, tag="user.server-renamed"):
    """`default_server`: where the default server was given a name, the id of the one that takes its place."""

    server: str
    name: str
    default_server: str = ""


class ServerTitled(Ordinary, frozen=True, tag="user.server-titled"):
    """A named server shows itself to people under this name."""

    server: str
    display_name: str


class ServerRemovalRequested(Urgent, frozen=True, tag="user.server-removal-requested"):
    """From here on it does not start again; it goes once it has ended."""

    server: str


class ServerRemoved(Urgent, frozen=True, tag="user.server-removed"):
    server: str


class NewsSeen(Ordinary, frozen=True, tag="user.news-seen"):
    """The user has put away what was told of shares: all up to this position of the log."""

    upto: int


class UserDeletionRequested(Urgent, frozen=True, tag="user.deletion-requested"):
    """From here on nothing of the user's starts; the user goes once every server has ended."""


class UserDeleted(Urgent, frozen=True, tag="user.deleted"):
    pass


UserEvent = (
    UserCreated
    | UserRenamed
    | AdminGranted
    | AdminRevoked
    | UserInfoChanged
    | AuthStateChanged
    | ServerAdded
    | ServerRenamed
    | ServerTitled
    | ServerRemovalRequested
    | ServerRemoved
    | NewsSeen
    | UserDeletionRequested
    | UserDeleted
)
