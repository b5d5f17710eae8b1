"""The servers of a user by their names: found, added, titled, renamed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import trio
from msgspec import Struct

from core.actors.hub_entities import Users
from core.errors import AlreadyExistsError, InvalidError, NotFoundError, UnavailableError
from core.events.file.writer import IdempotencyRecord
from core.events.log.tables import Tables
from core.events.record import By
from core.naming.ids import new_id
from core.naming.names import check_any_server_name, check_display_name, check_server_name
from core.plugins.hooks import Hooks
from core.settings import Settings
from core.user import AddServer, RenameServer, TitleServer
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.login.request_facts import RequestFacts, view_of


class StartRequest(Struct, frozen=True):
    """What somebody who asks for a start says of the server. None: nothing."""

    user_options: dict[str, Any] | None = None
    display_name: str | None = None


class NamedServers:
    """`settings`: as they are now. `hooks`: call a limit of the configuration that is a function."""

    def __init__(self, db: Tables, entities: Users, hooks: Hooks, settings: Callable[[], Settings]) -> None:
        self._db = db
        self._entities = entities
        self._hooks = hooks
        self._settings = settings

    # --- what the configuration allows ---

    def check_allowed(self) -> None:
        if not self._settings().hub.allow_named_servers:
            raise InvalidError("Named servers are not enabled.")

    def check_new_name(self, name: str) -> str:
        is_any = self._settings().callboard.allow_any_server_name
        return check_any_server_name(name) if is_any else check_server_name(name)

    async def limit(self, request: RequestFacts | None = None) -> int:
        """How many of them whoever asks may have; 0 for any number."""
        limit = self._settings().hub.named_server_limit_per_user
        if not callable(limit):
            return int(limit)
        found = None
        with trio.move_on_after(self._settings().callboard.hook_timeout) as waiting:
            found = await self._hooks.ask("named_server_limit_per_user", limit, view_of(request))
        if waiting.cancelled_caught:
            raise UnavailableError("How many servers you may have could not be found out in time.")
        if not isinstance(found, int):
            raise TypeError(f"named_server_limit_per_user gave a {type(found).__name__}, not a number")
        return found

    # --- finding and adding ---

    def known(self, owner: UserRow, name: str) -> ServerRow:
        row = servers.by_name(self._db, owner.id, name)
        if row is None:
            raise NotFoundError(f"{owner.name} has no server named {name!r}.")
        return row

    async def add(
        self,
        owner: UserRow,
        name: str,
        asked: StartRequest,
        *,
        by: By,
        idempotency: IdempotencyRecord | None = None,
        request: RequestFacts | None = None,
        limit: int | None = None,
    ) -> ServerRow:
        """A server that does not exist yet. Raises AlreadyExistsError, InvalidError, LimitError.

        `limit`: other than the configured one.
        """
        most = await self.limit(request) if limit is None else limit
        command = AddServer(
            new_id("v"),
            self.check_new_name(name),
            check_display_name(asked.display_name) if asked.display_name else "",
            asked.user_options,
            limit=most,
        )
        await self._entities.ask(owner.id, command, by=by, idempotency=idempotency)
        return self.known(owner, name)

    async def find_or_add(
        self,
        owner: UserRow,
        name: str,
        display_name: str | None = None,
        *,
        by: By,
        request: RequestFacts | None = None,
    ) -> ServerRow:
        """The server, called so from now on if it has a name. The default one is there from the start."""
        row = servers.by_name(self._db, owner.id, name)
        if not name:
            return row or self.known(owner, name)
        self.check_allowed()
        if row is None:
            with contextlib.suppress(AlreadyExistsError):  # somebody else may have added it meanwhile
                await self.add(owner, name, StartRequest(display_name=display_name), by=by, request=request)
            return self.known(owner, name)
        if display_name:
            await self.title(owner, row, display_name, by=by)
        return row

    # --- changing ---

    async def title(self, owner: UserRow, server: ServerRow, display_name: str, *, by: By) -> None:
        checked = check_display_name(display_name)
        if checked != server.display_name:
            await self._entities.ask(owner.id, TitleServer(server.id, checked), by=by)

    async def rename(
        self,
        owner: UserRow,
        server: ServerRow,
        name: str,
        *,
        by: By,
        idempotency: IdempotencyRecord | None = None,
        request: RequestFacts | None = None,
    ) -> None:
        """Another default server takes the place of one that gets a name."""
        self.check_allowed()
        if not name:
            raise AlreadyExistsError("The name of the default server is taken: there always is one.")
        checked, most = self.check_new_name(name), await self.limit(request)
        await self._entities.ask(
            owner.id, RenameServer(server.id, checked, new_id("v"), most), by=by, idempotency=idempotency
        )
