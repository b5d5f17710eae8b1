"""The hub's users as plug-ins know them: JupyterHub's `User` on rows of their own database. In their thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jupyterhub import orm
from jupyterhub.user import User, UserDict
from jupyterhub.utils import url_path_join
from sqlalchemy.orm import Session

from core.asyncio_thread.call import ask_hub
from web.authenticators.jupyterhub.asking import HubSide, ServerFacts, UserFacts


class LiveServers(dict[str, Any]):
    """`user.spawners`: what the hub knows of a user's servers at this moment. One that is not there is stopped."""

    def __init__(self, facts: Mapping[str, ServerFacts]) -> None:
        super().__init__({name: BridgedServer(server) for name, server in facts.items()})

    def __missing__(self, name: str) -> BridgedServer:
        return BridgedServer(ServerFacts(name, active=False, ready=False, pending=None, url=""))


class BridgedServer:
    """A server, as `user.spawners[name]`. Source of the names: JupyterHub's Spawner."""

    def __init__(self, facts: ServerFacts) -> None:
        self.name = facts.name
        self.active = facts.active
        self.ready = facts.ready
        self.pending = facts.pending
        self.url = facts.url
        self.server = self if facts.active else None

    @property
    def base_url(self) -> str:
        return self.url


class BridgedUser(User):  # type: ignore[misc]  # JupyterHub has no types
    """A real `User`, for handlers ask whether it is one. What it knows beyond its row is asked of the hub."""

    def __init__(self, orm_user: Any, settings: Mapping[str, Any], db: Session, hub: HubSide) -> None:
        """JupyterHub's own would add a row for a server."""
        self.__dict__.update(orm_user=orm_user, settings=settings, db=db, _hub=hub, _auth_refreshed=None)
        self.allow_named_servers = settings["allow_named_servers"]
        self.base_url = self.prefix = url_path_join(settings["base_url"], "user", self.escaped_name) + "/"

    @property
    def spawners(self) -> LiveServers:
        return LiveServers(self._hub.servers(self.name))

    async def get_auth_state(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await ask_hub(self._hub.auth_state, self.name)
        return found

    async def save_auth_state(self, auth_state: dict[str, Any] | None) -> None:
        await ask_hub(self._hub.keep_auth_state, self.name, auth_state)


class BridgedUsers(UserDict):  # type: ignore[misc]  # JupyterHub has no types
    """All that JupyterHub's handlers make of a user goes through here."""

    def __init__(self, db: Session, settings: dict[str, Any], hub: HubSide) -> None:
        super().__init__(lambda: db, settings)
        self._session = db
        self._hub = hub

    def from_orm(self, orm_user: Any) -> BridgedUser:
        return BridgedUser(orm_user, self.settings, self._session, self._hub)

    def __getitem__(self, key: Any) -> BridgedUser:
        if isinstance(key, orm.User):
            self.add(key)
        found: BridgedUser = super().__getitem__(key)
        return found


class Copies:
    """The rows of users and groups. `cookie_id`, which nothing else uses here, holds the hub's id of a user."""

    def __init__(self, db: Session) -> None:
        self._db = db

    def take(self, known: Iterable[UserFacts]) -> None:
        """Make rows say what the hub says. Who is no longer there is left to `remove`."""
        for facts in known:
            if facts.name:
                self._write(facts)
        self._db.commit()

    def row(self, facts: UserFacts) -> Any:
        """None where there is none."""
        return self._db.query(orm.User).filter_by(cookie_id=facts.id).first()

    def gone(self, known: Iterable[UserFacts]) -> list[Any]:
        """The rows of all who are not among these."""
        ids = {facts.id for facts in known}
        return [row for row in self._db.query(orm.User) if row.cookie_id not in ids]

    def provisional(self, name: str) -> Any:
        """A row for somebody whom the hub does not know yet."""
        row = orm.User.find(self._db, name)
        if row is None:
            row = orm.User(name=name)
            self._db.add(row)
            self._db.commit()
        return row

    def keep_groups(self, names: set[str]) -> None:
        """And no others: those that have members."""
        for group in self._db.query(orm.Group):
            if group.name not in names:
                self._db.delete(group)
        self._db.commit()

    def remove(self, row: Any) -> None:
        self._db.delete(row)
        self._db.commit()

    def _write(self, facts: UserFacts) -> None:
        row = self.row(facts) or orm.User.find(self._db, facts.name)
        if row is None:
            row = orm.User(name=facts.name)
            self._db.add(row)
        row.cookie_id, row.name, row.admin = facts.id, facts.name, facts.admin
        if {group.name for group in row.groups} != set(facts.groups):
            row.groups = [self._group(name) for name in facts.groups]

    def _group(self, name: str) -> Any:
        found = orm.Group.find(self._db, name)
        if found is None:
            found = orm.Group(name=name)
            self._db.add(found)
        return found
