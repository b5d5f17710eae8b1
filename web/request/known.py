"""Users, groups and servers by the names that a request gives."""

from __future__ import annotations

from core.errors import NotFoundError
from core.events.user import user_stream
from projections import groups, tokens, users
from projections.groups import GroupRow
from projections.servers.servers import ServerRow
from projections.tokens import TokenRow
from projections.users import UserRow
from web.request.context import database, hub
from web.rights.identity import is_valid


def known_user(name: str) -> UserRow:
    row = users.by_name(database(), name)
    if row is None:
        raise NotFoundError(f"There is no user named {name!r}.")
    return row


def known_group(name: str) -> GroupRow:
    row = groups.by_name(database(), name)
    if row is None:
        raise NotFoundError(f"There is no group named {name!r}.")
    return row


def known_server(owner: UserRow, name: str) -> ServerRow:
    return hub().acts.named.known(owner, name)


def known_token(owner: UserRow, token_id: str) -> TokenRow:
    row = tokens.by_id(database(), token_id)
    if row is None or row.owner != user_stream(owner.id) or not is_valid(row):
        raise NotFoundError(f"{owner.name} has no token with the id {token_id[:40]!r}.")
    return row


def known_owner_and_server(owner: str, server: str) -> tuple[UserRow, ServerRow]:
    row = known_user(owner)
    return row, known_server(row, server)
