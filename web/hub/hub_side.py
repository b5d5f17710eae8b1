"""What plug-ins may ask of this hub. A plug-in says who somebody is, never what they may do: rights stay the hub's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import trio

from core.errors import ForbiddenError, NotFoundError
from core.events.record import HUB, By
from core.events.user import user_stream
from core.plugins.authenticator import Login
from core.user import Change
from projections import users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.authenticators.jupyterhub.asking import ServerFacts, UserFacts
from web.authenticators.jupyterhub.known import facts_of

if TYPE_CHECKING:
    from web.hub.hub import Hub


class ThisHub:
    """Made before the hub is, in trio; `attach` tells it of the hub."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._attached: Hub | None = None

    def attach(self, hub: Hub) -> None:
        self._attached = hub

    @property
    def _hub(self) -> Hub:
        assert self._attached is not None, "asked before there is a hub"
        return self._attached

    async def admit(self, login: Login) -> UserFacts:
        logged_in = await self._hub.acts.accounts.of_login(login)
        if logged_in is None:
            raise ForbiddenError("Nobody can have the name that this login gives.")
        return facts_of(self._hub.store.db, logged_in.user)

    async def auth_state(self, name: str) -> dict[str, Any] | None:
        row = users.by_name(self._hub.store.db, name)
        return None if row is None else self._hub.logins.auth_states.of(row.id)

    async def keep_auth_state(self, name: str, state: dict[str, Any] | None) -> None:
        user = self._user(name)
        keep = self._hub.logins.auth_states.change(user.id, state)
        if keep:
            command = Change(auth_state=state is not None)
            by = By(user_stream(user.id), "login")
            await self._hub.entities.users.ask(user.id, command, by=by, changes=keep)

    async def start(self, name: str, server: str, options: dict[str, Any] | None, asker: str) -> None:
        starting, owner, by = self._hub.acts.starting, self._user(name), self._by(asker)
        row = await self._hub.acts.named.find_or_add(owner, server, by=by)
        started = await starting.begin(owner, row, options, by=by)
        await starting.wait_settled(started, starting.usual_wait)

    async def stop(self, name: str, server: str, asker: str) -> None:
        row = servers.by_name(self._hub.store.db, self._user(name).id, server)
        if row is None:
            raise NotFoundError(f"{name} has no server {server!r}.")
        await self._hub.acts.stopping.stop(self._user(name), row, by=self._by(asker))

    def servers(self, name: str) -> Mapping[str, ServerFacts]:
        """Called from the thread of plug-ins, which waits."""
        return trio.from_thread.run_sync(self._servers, name, trio_token=self._token)

    def _servers(self, name: str) -> Mapping[str, ServerFacts]:
        row = users.by_name(self._hub.store.db, name)
        found = [] if row is None else servers.of_user(self._hub.store.db, row.id)
        return {server.name: self._server(server) for server in found}

    def _server(self, row: ServerRow) -> ServerFacts:
        pending = None if row.state in ("stopped", "ready") else row.state
        url = self._hub.hosts.url(row.prefix) if row.prefix else ""
        return ServerFacts(row.name, row.is_active, row.state == "ready", pending, url)

    def _user(self, name: str) -> UserRow:
        row = users.by_name(self._hub.store.db, name)
        if row is None:
            raise NotFoundError(f"There is no user {name}.")
        return row

    def _by(self, asker: str) -> By:
        return By(user_stream(self._user(asker).id), "plugin") if asker else HUB
