"""The hub's users as plug-ins know them: JupyterHub's `User` on rows of their own database. In their thread."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from jupyterhub import orm
from jupyterhub.user import User, UserDict
from jupyterhub.utils import url_path_join
from msgspec import structs
from sqlalchemy.orm import Session, selectinload

from core.asyncio_thread.call import ask_hub
from web.authenticators.jupyterhub.asking import HubSide, ServerFacts, UserFacts
from web.authenticators.jupyterhub.exchange import Exchange, present_exchange


class LiveServers(dict[str, Any]):
    """`user.spawners`: what the hub knows of a user's servers at this moment. One that is not there is stopped."""

    def __init__(self, facts: Mapping[str, ServerFacts], exchange: Exchange | None) -> None:
        super().__init__({name: BridgedServer(server, exchange) for name, server in facts.items()})

    def __missing__(self, name: str) -> BridgedServer:
        return BridgedServer(ServerFacts(name, active=False, ready=False, pending=None, url=""))


class BridgedServer:
    """A server, as `user.spawners[name]`. Source of the names: JupyterHub's Spawner.

    Of the one that asks by its own token the handler may set what it tells: batchspawner's does so with its port.
    """

    name: str
    active: bool
    ready: bool
    pending: str | None
    url: str
    api_token: str | None = None
    server: BridgedServer | None = None
    ip = ""
    port = 0

    def __init__(self, facts: ServerFacts, exchange: Exchange | None = None) -> None:
        known = vars(self)  # past __setattr__
        known.update(structs.asdict(facts), server=self if facts.active else None, _told={})
        if exchange is not None and exchange.asking.server == facts.name:
            known.update(api_token=exchange.asking.token, _told=exchange.told)

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)["_told"][name] = value
        super().__setattr__(name, value)

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
        return LiveServers(self._hub.servers(self.name), present_exchange())

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

    def take(self, known: Sequence[UserFacts]) -> None:
        """Make rows say what the hub says. Who is no longer there is left to `remove`."""
        there = [facts for facts in known if facts.name]
        rows, groups = self._rows(there), self._groups({name for facts in there for name in facts.groups})
        for facts in there:
            row = rows.get(facts.id) or rows.get(facts.name)
            if row is None:
                row = orm.User(name=facts.name)
                self._db.add(row)
            row.cookie_id, row.name, row.admin = facts.id, facts.name, facts.admin
            if {group.name for group in row.groups} != set(facts.groups):
                row.groups = [groups[name] for name in facts.groups]
        self._db.commit()

    def row(self, facts: UserFacts) -> Any:
        """None where there is none."""
        return self._db.query(orm.User).filter_by(cookie_id=facts.id).first()

    def others(self, ids: Collection[str]) -> list[Any]:
        """The rows of all but these."""
        gone = [id for (id,) in self._db.query(orm.User.cookie_id) if id not in ids]
        return [self._db.query(orm.User).filter_by(cookie_id=id).one() for id in gone]

    def provisional(self, name: str) -> Any:
        """A row for somebody whom the hub does not know yet."""
        row = orm.User.find(self._db, name)
        if row is None:
            row = orm.User(name=name)
            self._db.add(row)
            self._db.commit()
        return row

    def keep_groups(self, names: Collection[str]) -> None:
        """And no others: those that have members."""
        for group in self._db.query(orm.Group):
            if group.name not in names:
                self._db.delete(group)
        self._db.commit()

    def remove(self, row: Any) -> None:
        self._db.delete(row)
        self._db.commit()

    def _rows(self, known: Sequence[UserFacts]) -> dict[str, Any]:
        """By id, and by name: of whoever was there provisionally the name alone is right."""
        found = self._db.query(orm.User).options(selectinload(orm.User.groups))
        by_id = found.filter(orm.User.cookie_id.in_([facts.id for facts in known])).all()
        by_name = found.filter(orm.User.name.in_([facts.name for facts in known])).all()
        return {row.name: row for row in by_name} | {row.cookie_id: row for row in by_id}

    def _groups(self, names: Collection[str]) -> dict[str, Any]:
        """Made where there are none."""
        found = {group.name: group for group in self._db.query(orm.Group).filter(orm.Group.name.in_(names))}
        new = {name: orm.Group(name=name) for name in names if name not in found}
        self._db.add_all(new.values())
        return found | new
