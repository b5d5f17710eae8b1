"""Users as a spawner of JupyterHub's kind expects them: real objects, on rows of a database that nobody else sees.

The database is JupyterHub's schema in memory, built anew with the thread. What a plug-in writes there is not kept.
"""

from __future__ import annotations

import weakref
from hashlib import sha256
from typing import Any

from jupyterhub import orm
from jupyterhub.user import User
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

from core.plugins.plugin_hub import Person, ServerFacts


class PluginUser(User):
    """`get_auth_state` answers with what the hub keeps; what a plug-in would keep there is dropped."""

    _auth_state: dict[str, Any] | None = None

    def know(self, person: Person) -> None:
        self._auth_state = person.auth_state

    async def get_auth_state(self) -> dict[str, Any] | None:
        return self._auth_state

    async def save_auth_state(self, auth_state: dict[str, Any] | None) -> None:
        """Logins alone say what is kept."""


class People:
    """`settings`: what JupyterHub's User looks up."""

    def __init__(self, settings: dict[str, Any]) -> None:
        engine = _make_engine()
        self.db: Session = sessionmaker(bind=engine, expire_on_commit=False)()
        weakref.finalize(self, engine.dispose)  # a world that hangs is left with its thread, not ended
        self._settings = settings
        self._users: dict[str, PluginUser] = {}

    def user(self, person: Person) -> PluginUser:
        """As they are now."""
        user = self._users.get(person.id)
        if user is None:
            row = orm.User(id=stable_number(person.id or person.name), name=person.name)
            self.db.add(row)
            user = self._users[person.id] = PluginUser(row, self._settings, self.db)
        user.know(person)
        user.orm_user.name, user.orm_user.admin = person.name, person.admin
        user.orm_user.groups = [self._group(group.name, group.properties) for group in person.groups]
        for name in person.servers:
            self._row(user, name)
        self.db.commit()
        return user

    def row(self, user: PluginUser, server: ServerFacts) -> Any:
        """What JupyterHub's database would have of this server."""
        row = self._row(user, server.name)
        row.display_name, row.user_options = server.display_name, dict(server.user_options)
        self.db.commit()
        return row

    def open(self, row: Any, prefix: str) -> None:
        """From now on it has a server, and counts as active."""
        row.server = orm.Server(base_url=prefix)
        self.db.commit()

    def close(self, row: Any) -> None:
        row.server = None
        self.db.commit()

    def _row(self, user: PluginUser, name: str) -> Any:
        row = user.orm_user.orm_spawners.get(name)
        if row is None:
            row = orm.Spawner(name=name, display_name=name, user=user.orm_user)
            self.db.add(row)
            self.db.commit()
        return row

    def _group(self, name: str, properties: dict[str, Any]) -> Any:
        group = orm.Group.find(self.db, name) or orm.Group(name=name)
        group.properties = properties
        self.db.add(group)
        return group


def stable_number(id: str) -> int:
    """The same for the same id, on every hub: plug-ins name volumes after the numbers of users."""
    return int.from_bytes(sha256(id.encode()).digest()[:6], "big")


def _make_engine() -> Engine:
    engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
    orm.register_foreign_keys(engine)
    orm.Base.metadata.create_all(engine)
    return engine
