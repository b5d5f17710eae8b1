"""A user: a name, a right, and the servers that bear the user's name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any, Literal, assert_never

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from core.errors import AlreadyExistsError, InvalidError, LimitError, NotFoundError, PendingError
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
    UserEvent,
    UserInfoChanged,
    UserRenamed,
)

UserState = Literal[
    "active", "inactive", "ready", "running", "pending", "failed"
]  # by which users are listed


class NoUser(Struct, frozen=True):
    """Never made, or deleted."""


class User(Struct, frozen=True):
    """`servers`: id to name; the default server's name is `""`. `leaving`: its deletion was asked for.

    `removing`: the servers whose removal was asked for. `news_seen`: up to which position of the log.
    """

    name: str
    servers: Mapping[str, str]
    admin: bool = False
    user_info: dict[str, Any] | None = None
    leaving: bool = False
    removing: frozenset[str] = frozenset()
    news_seen: int = 0

    def server_called(self, name: str) -> str | None:
        return next((server for server, called in self.servers.items() if called == name), None)


AnyUser = NoUser | User

# --- commands ---


class Create(Struct, frozen=True):
    """`auth_state`: as in Change."""

    name: str
    default_server: str
    admin: bool = False
    user_info: dict[str, Any] | None = None
    auth_state: bool | None = None


class Change(Struct, frozen=True):
    """All that is given, or nothing of it. `admin`: None leaves it as it is.

    `auth_state`: whether there is one from now on; None if it does not change.
    """

    name: str = ""
    admin: bool | None = None
    user_info: dict[str, Any] | UnsetType | None = UNSET
    auth_state: bool | None = None


class AddServer(Struct, frozen=True):
    """`limit`: how many named servers a user may have, 0 for any number."""

    server: str
    name: str
    display_name: str = ""
    user_options: dict[str, Any] | None = None
    limit: int = 0


class RenameServer(Struct, frozen=True):
    """`default_server`: the id of the next default server, should this one have been it. `limit`: as above."""

    server: str
    name: str
    default_server: str
    limit: int = 0


class TitleServer(Struct, frozen=True):
    server: str
    display_name: str


class RequestRemoval(Struct, frozen=True):
    server: str


class FinishRemoval(Struct, frozen=True):
    """The server has ended."""

    server: str


class SeeNews(Struct, frozen=True):
    """`upto`: a position of the log."""

    upto: int


class RequestDeletion(Struct, frozen=True):
    """`ended`: the servers of which nothing is left and for which nothing is kept; where those are all, the user goes
    at once. None: not yet in any case.
    """

    ended: Set[str] | None = None


class FinishDeletion(Struct, frozen=True):
    """Every server of the user has ended."""


Command = (
    Create
    | Change
    | AddServer
    | RenameServer
    | TitleServer
    | RequestRemoval
    | FinishRemoval
    | SeeNews
    | RequestDeletion
    | FinishDeletion
)


def decide(user: AnyUser, command: Command) -> list[UserEvent]:
    """What happens if `command` reaches `user`: nothing, events, or a HubError."""
    if isinstance(user, NoUser):
        if isinstance(command, Create):
            return list(_creation(command))
        raise NotFoundError("There is no such user.")
    match command:
        case Create():
            raise AlreadyExistsError(f"User {user.name} already exists.")
        case Change():
            return list(_changes(user, command))
        case AddServer():
            return _add_server(user, command)
        case RenameServer():
            return _rename_server(user, command)
        case TitleServer():
            return (
                [ServerTitled(command.server, command.display_name)] if command.server in user.servers else []
            )
        case RequestRemoval():
            return _request_removal(user, command)
        case FinishRemoval():
            return [ServerRemoved(command.server)] if command.server in user.removing else []
        case SeeNews():
            return [NewsSeen(command.upto)] if command.upto > user.news_seen else []
        case RequestDeletion():
            return list(_request_deletion(user, command))
        case FinishDeletion():
            return [UserDeleted()] if user.leaving else []
        case _:
            assert_never(command)


def _creation(command: Create) -> Iterator[UserEvent]:
    yield UserCreated(command.name, command.default_server, command.admin)
    if command.user_info is not None:
        yield UserInfoChanged(command.user_info)
    if command.auth_state is not None:
        yield AuthStateChanged(command.auth_state)


def _changes(user: User, command: Change) -> Iterator[UserEvent]:
    if command.name not in ("", user.name):
        yield UserRenamed(command.name)
    if command.admin not in (None, user.admin):
        yield AdminGranted() if command.admin else AdminRevoked()
    if not isinstance(command.user_info, UnsetType) and command.user_info != user.user_info:
        yield UserInfoChanged(command.user_info)
    if command.auth_state is not None:
        yield AuthStateChanged(command.auth_state)


def _add_server(user: User, command: AddServer) -> list[UserEvent]:
    if user.leaving:
        raise PendingError(f"User {user.name} is being deleted.")
    _check_name_is_free(user, command.name)
    _check_limit(user, command.limit)
    return [ServerAdded(command.server, command.name, command.display_name, command.user_options)]


def _rename_server(user: User, command: RenameServer) -> list[UserEvent]:
    old = user.servers.get(command.server)
    if old is None:
        raise NotFoundError("There is no such server.")
    if old == command.name:
        return []
    _check_name_is_free(user, command.name)
    if old:
        return [ServerRenamed(command.server, command.name)]
    _check_limit(user, command.limit)
    return [ServerRenamed(command.server, command.name, command.default_server)]


def _check_name_is_free(user: User, name: str) -> None:
    if user.server_called(name) is not None:
        raise AlreadyExistsError(f"{user.name} already has a server named {name!r}.")


def _check_limit(user: User, limit: int) -> None:
    named = sum(1 for name in user.servers.values() if name)
    if limit and named >= limit:
        raise LimitError(f"{user.name} already has {named} named servers, and may not have more.")


def _request_removal(user: User, command: RequestRemoval) -> list[UserEvent]:
    name = user.servers.get(command.server)
    if name is None:
        raise NotFoundError("There is no such server.")
    if name == "":
        raise InvalidError("The default server cannot be removed.")
    return [] if command.server in user.removing else [ServerRemovalRequested(command.server)]


def _request_deletion(user: User, command: RequestDeletion) -> Iterator[UserEvent]:
    if not user.leaving:
        yield UserDeletionRequested()
    if command.ended is not None and user.servers.keys() <= command.ended:
        yield UserDeleted()


def evolve(user: AnyUser, event: UserEvent) -> AnyUser:
    """The user after `event`. Never refuses: by now it has happened."""
    if isinstance(event, UserCreated):
        return User(event.name, {event.default_server: ""}, event.admin)
    if isinstance(user, NoUser):
        return user
    match event:
        case UserRenamed():
            return replace(user, name=event.name)
        case AdminGranted():
            return replace(user, admin=True)
        case AdminRevoked():
            return replace(user, admin=False)
        case UserInfoChanged():
            return replace(user, user_info=event.user_info)
        case ServerAdded():
            return replace(user, servers={**user.servers, event.server: event.name})
        case ServerRenamed():
            after = {**user.servers, event.server: event.name}
            if event.default_server:
                after[event.default_server] = ""
            return replace(user, servers=after)
        case ServerTitled() | AuthStateChanged():
            return user
        case ServerRemovalRequested():
            return replace(user, removing=user.removing | {event.server})
        case ServerRemoved():
            rest = {server: name for server, name in user.servers.items() if server != event.server}
            return replace(user, servers=rest, removing=user.removing - {event.server})
        case NewsSeen():
            return replace(user, news_seen=event.upto)
        case UserDeletionRequested():
            return replace(user, leaving=True)
        case UserDeleted():
            return NoUser()
        case _:
            assert_never(event)
