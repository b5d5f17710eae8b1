"""The servers that models of users are made of. Of most users none runs, and then none is looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.events.log.tables import Tables
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow


def servers_of(db: Tables, user: UserRow, *, include_stopped: bool = False) -> Sequence[ServerRow]:
    """The default one first. Those that are stopped only if they are to be shown, or another is not."""
    return servers.of_user(db, user.id) if user.active or include_stopped else ()


def servers_of_each(
    db: Tables, page: Sequence[UserRow], *, include_stopped: bool = False
) -> Mapping[str, Sequence[ServerRow]]:
    """The same of all these users, by their ids."""
    wanted = [user.id for user in page if user.active or include_stopped]
    none: dict[str, Sequence[ServerRow]] = {user.id: () for user in page}
    return {**none, **servers.of_users(db, wanted)} if wanted else none
