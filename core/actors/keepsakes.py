"""What outlives attempts goes with the server or the user it was kept for, and not before that is sure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from core.actors.asking import root_cause
from core.errors import UnavailableError, UnreachableError
from core.plugins.spawner import Kept
from core.user import User

DeleteForever = Callable[[Kept], Awaitable[None]]


async def delete_kept(
    delete_forever: DeleteForever, user_id: str, user: User, server_ids: Iterable[str]
) -> None:
    """For each of these servers, "" for the user as a whole. Raises UnavailableError while that cannot be done."""
    for server_id in server_ids:
        kept = Kept(user_id, user.name, server_id, user.servers.get(server_id, ""))
        try:
            await delete_forever(kept)
        except Exception as error:
            if not isinstance(root_cause(error), UnreachableError):
                raise
            raise UnavailableError(
                f"What was kept for {user.name} cannot be deleted now: {root_cause(error)}"
            ) from error
