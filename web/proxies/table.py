"""The routes that proxies are to have, as they are told of them, and what their use means for servers and users."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import trio

from core.actors.activity import Activity
from core.events.file.store import EventStore
from core.reconcile.routes import Told
from projections import routes
from projections.routes import Route
from projections.servers import servers
from web.proxies.connected import Proxies
from web.site.hosts import Hosts


class RouteTable:
    """By spec, with hosts. `hub_route`: the one that is in no projection, from where to where."""

    def __init__(self, store: EventStore, hosts: Hosts, hub_route: tuple[str, str]) -> None:
        self._store = store
        self._hosts = hosts
        self.hub_route = hub_route
        self._under_way: set[str] | None = None  # ids of servers; None: nobody has asked yet

    @property
    def head(self) -> int:
        return self._store.head

    def hub(self) -> dict[str, Told]:
        spec, target = self.hub_route
        return {spec: Told(target, {"hub": True, "jupyterhub": True})}

    async def every(self) -> dict[str, Told]:
        """The hub's own comes first."""
        found, after = self.hub(), ""
        while chunk := routes.live(self._store.db, after):
            found.update((self._hosts.spec(route.spec), _told(route)) for route in chunk)
            after = chunk[-1].holder
            await trio.lowlevel.checkpoint()
        return found

    def under_way(self) -> set[str]:
        """Specs of servers that were being started when this was asked first, by a new hub, and still are.

        What leads there may be theirs: a server that runs already is joined by its start, after a move say.
        """
        db = self._store.db
        if self._under_way is None:
            self._under_way = {row.id for row in servers.starting(db)}
        rows = [servers.by_id(db, server_id) for server_id in self._under_way]
        still = [row for row in rows if row is not None and row.state == "spawn"]
        self._under_way = {row.id for row in still}
        return {self._hosts.spec(row.prefix) for row in still}

    def changes(self, after: int) -> tuple[int, dict[str, Told | None]] | None:
        """The next that have changed after that position, up to which one, None for a route that is no more.

        None in all if there are none.
        """
        found = routes.changed(self._store.db, after)
        if not found:
            return None
        # in the order of the log: a later one counts
        latest = {self._hosts.spec(route.spec): route for route in found}
        changed = {spec: None if route.target is None else _told(route) for spec, route in latest.items()}
        return found[-1].position, changed

    async def wait(self) -> None:
        """Return once something has been committed, of whatever kind."""
        await self._store.wait_any()

    def note_use(self, used: Mapping[str, datetime], gathered: Activity, proxies: Proxies) -> None:
        """`used`: when routes were last used, by spec."""
        db = self._store.db
        for spec, at in used.items():
            path = self._hosts.path_of(spec)
            route = routes.by_spec(db, path)
            if route is not None and route.kind == "server":
                gathered.saw_server(route.holder_id, at)
                gathered.saw_user(route.user, at)
            elif route is not None or spec == self.hub_route[0]:
                proxies.seen[path] = at


def _told(route: Route) -> Told:
    assert route.target is not None, "what has ended is not told"
    return Told(route.target, {**route.data(), "jupyterhub": True})


def as_change(changed: Mapping[str, Told | None]) -> tuple[dict[str, Told], list[str]]:
    """What is to be set, and which specs are to be removed."""
    to_set = {spec: told for spec, told in changed.items() if told is not None}
    return to_set, [spec for spec, told in changed.items() if told is None]
