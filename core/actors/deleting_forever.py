"""What outlives attempts goes with the server or the user it was kept for, and not before that is sure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator

from core.actors.asking import root_cause
from core.errors import UnavailableError, UnreachableError
from core.plugins.spawner import Kept
from core.user import User

DeleteForever = Callable[[Kept], Awaitable[None]]


def kept_for(user_id: str, user: User) -> Iterator[Kept]:
    """For each of the user's servers, and for the user as a whole."""
    for server_id in (*user.servers, ""):
        yield Kept(user_id, user.name, server_id, user.servers.get(server_id, ""))


async def delete_kept(
    delete_forever: DeleteForever, user_id: str, user: User, server_ids: Collection[str]
) -> None:
    """For each of these servers, "" for the user as a whole. Raises UnavailableError while that cannot be done."""
    for kept in kept_for(user_id, user):
        if kept.server_id in server_ids:
            await _delete(delete_forever, kept)


async def _delete(delete_forever: DeleteForever, kept: Kept) -> None:
    try:
        await delete_forever(kept)
    except Exception as error:
        if not isinstance(root_cause(error), UnreachableError):
            raise
        why = f"What was kept for {kept.user} cannot be deleted now: {root_cause(error)}"
        raise UnavailableError(why) from error
