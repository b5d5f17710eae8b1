"""All the people of a load test: made for it, sent to the hub when they come, and removed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from web.client.errors import HubError, RefusedError
from web.commands.failure import Failure
from web.commands.loadtest.hub import LATER, Hub
from web.commands.loadtest.measured import Measured
from web.commands.loadtest.patterns import Visit
from web.commands.loadtest.person import Habits, Person

AT_ONCE = 200  # users in one request
REMOVALS = 8  # at a time
PATIENCE = 60.0  # seconds for removing them, with a hub that may be restarting
PAUSE = 1.0
OTHERS = "choose other names with --prefix, or remove those of an earlier test with --remove"


def names_of(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number:05}" for number in range(1, count + 1)]


class Crowd:
    """`prefix`: of their names. `on_progress`: told of each person who was made, has gone, or was removed."""

    def __init__(
        self, hub: Hub, measured: Measured, habits: Habits, prefix: str, on_progress: Callable[[int], None]
    ) -> None:
        self._hub = hub
        self._measured = measured
        self._habits = habits
        self._prefix = prefix
        self._on_progress = on_progress
        self._made: list[str] = []
        self.left: list[str] = []
        """Whom the hub did not take away again."""

    async def visit(self, visits: Sequence[Visit]) -> None:
        """Make as many people as there are visits, and have them come. They are removed whatever happens."""
        try:
            await self._make(len(visits))
            tokens = [await self._token_of(name) for name in self._made]
            begin = trio.current_time()
            async with trio.open_nursery() as nursery:
                for name, token, visit in zip(self._made, tokens, visits, strict=True):
                    nursery.start_soon(
                        self._come, Person(self._hub, self._measured, self._habits, name, token), visit, begin
                    )
        finally:
            with trio.CancelScope(shield=True):
                await self._remove()

    async def _come(self, person: Person, visit: Visit, begin: float) -> None:
        await trio.sleep_until(begin + visit.comes)
        await person.visit(begin + visit.leaves)
        self._on_progress(1)

    # --- making and removing them ---

    async def _make(self, count: int) -> None:
        """Raises Failure where somebody is called so already: their server is none of ours."""
        names = names_of(self._prefix, count)
        for first in range(0, count, AT_ONCE):
            asked = names[first : first + AT_ONCE]
            made = await self._made_of(asked)
            self._made += made
            if len(made) < len(asked):
                there = next(name for name in asked if name not in made)
                raise Failure(f"the hub has a user {there} already: {OTHERS}")

    async def _made_of(self, names: list[str]) -> list[str]:
        try:
            return [user.name for user in await self._hub.admin.create_users(names)]
        except RefusedError as refused:
            if refused.status != 409:  # all of them are there
                raise
            return []

    async def _token_of(self, name: str) -> str:
        issued = await self._hub.admin.issue_token(name, note="callboard loadtest")
        self._on_progress(1)
        assert issued.token is not None
        return issued.token

    async def _remove(self) -> None:
        self.left = await remove(self._hub, self._made, self._on_progress)


async def remove(hub: Hub, names: Sequence[str], on_progress: Callable[[int], None]) -> list[str]:
    """Whoever is still there after that: a hub that is away is asked again for as long as PATIENCE."""
    left = dict.fromkeys(names)
    limit = trio.CapacityLimiter(REMOVALS)

    async def remove_one(name: str) -> None:
        if await _has_gone(hub, name, limit):
            del left[name]
        on_progress(1)

    with trio.move_on_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(remove_one, name)
    return list(left)


async def _has_gone(hub: Hub, name: str, limit: trio.CapacityLimiter) -> bool:
    """False where the hub will not have it so."""
    while True:
        async with limit:
            try:
                await hub.admin.delete_user(name)
            except RefusedError as refused:
                if refused.status not in LATER:
                    return refused.status == 404
            except HubError:
                pass  # it does not answer
            else:
                return True
        await trio.sleep(PAUSE)
