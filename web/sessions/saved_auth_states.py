"""`auth_state` that a hook has changed, such as a token it has had renewed: kept as that of a login is."""

from __future__ import annotations

from typing import Any

from core.actors.hub_entities import Users
from core.events.record import HUB
from core.user import Change
from web.sessions.auth_states import AuthStates


class SavedAuthStates:
    def __init__(self, states: AuthStates, users: Users) -> None:
        self._states = states
        self._users = users

    async def save(self, user_id: str, state: dict[str, Any] | None) -> None:
        """Raises InvalidError where this hub keeps none."""
        if state is not None:
            self._states.check_kept()
        if keep := self._states.change(user_id, state):
            command = Change(auth_state=state is not None)
            await self._users.ask(user_id, command, by=HUB, changes=keep)
