"""The models of the API from the tables alone: of a log that no hub runs on, or of times past.

As an administrator would have seen them, without what is no part of the log: the inner state that a spawner tells of a
server, and what logins store.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from core.config.desired import desired_state
from core.config.roles import ADMIN, DEFAULT_ROLES
from core.errors import NotFoundError
from core.events.log.tables import Tables
from core.scopes import Owner
from core.settings import Settings
from projections import groups, services, users
from projections.servers import servers
from projections.users import Listing, UserRow
from web.models.activity import LastSeen, NothingSeen
from web.models.models import GroupModel, Models, ServerModel, ServiceModel, UserModel
from web.rights.oauth_clients import Clients
from web.rights.rights import Rights
from web.rights.service_book import ServiceBook
from web.site.hosts import Hosts

PAGE = 200


class ModelsAtRest:
    def __init__(self, db: Tables, settings: Settings) -> None:
        """`settings`: for what the log does not say, such as the base URL."""
        book = ServiceBook(db, {service.name: service for service in settings.hub.services})
        rights = Rights(db, book, desired_state(settings).rights)
        seen = LastSeen(NothingSeen())
        self._db = db
        self._scopes = rights.expanded(DEFAULT_ROLES[ADMIN].scopes, Owner())
        hosts = Hosts(settings.hub)
        self._models = Models(rights, seen, hosts, lambda _: {}, book, Clients(db, hosts, rights.known))

    def user(self, name: str) -> UserModel:
        """With stopped servers. Raises NotFoundError."""
        return self._user(self._row(name))

    def server(self, user: str, name: str) -> ServerModel:
        """Raises NotFoundError."""
        row = servers.by_name(self._db, self._row(user).id, name)
        model = None if row is None else self._models.server(user, row, self._scopes)
        if model is None:
            raise NotFoundError(f"{user} has no server named {name!r}.")
        model.state = UNSET
        return model

    def users(self) -> Iterator[UserModel]:
        offset = 0
        while rows := users.listed(self._db, Listing(offset=offset, limit=PAGE)):
            yield from map(self._user, rows)
            offset += PAGE

    def servers(self) -> Iterator[tuple[str, ServerModel]]:
        """With the name of the user of each."""
        for user in self.users():
            assert isinstance(user.servers, dict), "an administrator sees them"
            yield from ((user.name, server) for server in user.servers.values())

    def groups(self) -> Iterator[GroupModel]:
        offset = 0
        while rows := groups.listed(self._db, None, offset=offset, limit=PAGE):
            found = (self._models.group(self._db, row, self._scopes) for row in rows)
            yield from (model for model in found if model is not None)
            offset += PAGE

    def services(self) -> Iterator[ServiceModel]:
        found = (self._models.service(row, self._scopes) for row in services.every(self._db))
        yield from (model for model in found if model is not None)

    def _row(self, name: str) -> UserRow:
        row = users.by_name(self._db, name)
        if row is None:
            raise NotFoundError(f"There is no user named {name!r}.")
        return row

    def _user(self, row: UserRow) -> UserModel:
        model = self._models.user(row, servers.of_user(self._db, row.id), self._scopes, include_stopped=True)
        assert model is not None, "an administrator sees everybody"
        model.auth_state = UNSET
        for server in model.servers.values() if isinstance(model.servers, dict) else ():
            server.state = UNSET
        return model
