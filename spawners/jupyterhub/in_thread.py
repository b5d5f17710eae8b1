"""What lives in the thread of spawners: JupyterHub's objects around them, and an object of the class per server."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit

from jupyterhub.auth import Authenticator
from jupyterhub.objects import Hub
from jupyterhub.spawner import LocalProcessSpawner, Spawner

from core.asyncio_thread.loop_thread import EXECUTORS
from core.errors import SpawnError
from core.plugins.plugin_hub import ServerFacts, Site
from core.settings import PluginSettings
from spawners.jupyterhub.people import People

THREADS = (
    8  # of a class that would have one for all servers: while one container stopped, nobody else was asked
)
MOST_PREPARED = 500  # objects made for a form, of which no start has come yet


class OfTheHub(Authenticator):
    """Stands for the way to log in, which lives elsewhere: it has the settings that are common to all."""


class Live:
    """`turn`: held by whoever starts or ends it. `began_here`: by this very object."""

    def __init__(self, spawner: Any) -> None:
        self.spawner = spawner
        self.turn = asyncio.Lock()
        self.began_here = False

    @property
    def is_local(self) -> bool:
        """Whether its state is a process of this machine."""
        return isinstance(self.spawner, LocalProcessSpawner)


class World:
    """Built in the thread, and only used there."""

    def __init__(self, plugin: PluginSettings, site: Site) -> None:
        self._kind: Any = plugin.kind
        self._config = plugin.config
        self._site = site
        self._hub = _hub(site)
        self._authenticator = OfTheHub(config=plugin.config)
        self._people = People(self._user_settings())
        self._lives: dict[str, Live] = {}
        self._prepared: dict[str, Any] = {}
        _give_threads(plugin.kind)

    # --- objects ---

    def prepared(self, server: ServerFacts, state: dict[str, Any]) -> Any:
        """An object for a server that does not run: what is set on it is still there when it starts."""
        spawner = self._prepared.pop(_key(server), None)
        if spawner is None:
            spawner = self.make(server, state)
        else:
            self._tell(spawner, server)
        self._prepared[_key(server)] = spawner
        while len(self._prepared) > MOST_PREPARED:
            del self._prepared[next(iter(self._prepared))]
        return spawner

    def begin(self, server: ServerFacts, state: dict[str, Any]) -> Live:
        """For a start: with the state that the class wants to have again, and nothing of what ran before."""
        spawner = self.prepared(server, state)
        del self._prepared[_key(server)]
        self._people.open(spawner.orm_spawner, server.prefix)
        spawner.clear_state()
        live = self._lives[server.spawn_id] = Live(spawner)
        live.began_here = True
        return live

    def live(self, server: ServerFacts, state: dict[str, Any], url: str) -> Live:
        """Of an attempt that may run. One that an older hub or thread has begun is adopted from its state."""
        live = self._lives.get(server.spawn_id)
        if live is None:
            spawner = self.make(server, state)
            self._people.open(spawner.orm_spawner, server.prefix)
            stand_at(spawner, url)
            live = self._lives[server.spawn_id] = Live(spawner)
        return live

    def known(self, spawn_id: str) -> Live | None:
        """Of an attempt that began here, or was adopted."""
        return self._lives.get(spawn_id)

    def ended(self, server: ServerFacts) -> Any:
        """The object of an attempt that has ended, for what is done afterwards; it is let go."""
        live = self._lives.pop(server.spawn_id, None)
        if live is None:
            return self.prepared(server, {})
        self._people.close(live.spawner.orm_spawner)
        return live.spawner

    def forget(self, server: ServerFacts) -> None:
        """It will not start any more."""
        self._prepared.pop(_key(server), None)

    def make(self, server: ServerFacts, state: dict[str, Any]) -> Any:
        """As JupyterHub does. Options come before the state: some classes look at them to load it."""
        user = self._people.user(server.person)
        spawner = self._kind(
            user=user,
            orm_spawner=self._people.row(user, server),
            hub=self._hub,
            authenticator=self._authenticator,
            config=self._config,
            proxy_spec=server.prefix,
            user_options=dict(server.user_options),
            oauth_client_id=_client_id(server),
            _deprecated_db_session=self._people.db,
            log=logging.getLogger(f"callboard.plugins.{self._kind.__name__}"),
        )
        spawner.create_certs = spawner.move_certs = _no_certificates
        spawner.handler = server.handler
        user.spawners[server.name] = spawner
        spawner.load_state(dict(state))
        return spawner

    def _tell(self, spawner: Any, server: ServerFacts) -> None:
        """What may have changed since it was made."""
        self._people.row(self._people.user(server.person), server)
        spawner.user_options, spawner.handler = dict(server.user_options), server.handler

    def _user_settings(self) -> dict[str, Any]:
        return {
            "base_url": self._site.base_url,
            "hub": self._hub,
            "config": self._config,
            "authenticator": self._authenticator,
            "spawner_class": self._kind,
            "domain": self._site.domain,
            "subdomain_host": self._site.public_host if self._site.domain else "",
            "allow_named_servers": self._site.named_servers,
            "admin_access": self._site.admin_access,
        }


async def _no_certificates(*_: Any) -> None:
    raise SpawnError("There is no TLS between hub and servers: c.JupyterHub.internal_ssl does not act here.")


def stand_at(spawner: Any, url: str) -> None:
    """Tell its server where it answers."""
    parts = urlsplit(url)
    if parts.hostname and spawner.server is not None:
        server = spawner.server
        server.proto, server.ip, server.port = parts.scheme, parts.hostname, parts.port or 80


def _key(server: ServerFacts) -> str:
    """A form is asked for before there is such a server: then it has no id."""
    return f"{server.person.id}/{server.name}"


def _hub(site: Site) -> Any:
    parts = urlsplit(site.connect_url)
    hub = Hub(
        proto=parts.scheme,
        ip=parts.hostname or "127.0.0.1",
        port=parts.port or 80,
        base_url=f"{site.base_url}hub/",
        public_host=site.public_host,
    )
    hub.connect_url = site.connect_url
    return hub


def _client_id(server: ServerFacts) -> str:
    user = f"jupyterhub-user-{quote(server.person.name)}"
    return f"{user}-{quote(server.name)}" if server.name else user


def _give_threads(kind: Any) -> None:
    """To each loaded class of spawners that keeps one executor for all its servers, made at its first use."""
    for found in {kind, *_below(Spawner)}:
        if getattr(found, "_executor", "none") is None or isinstance(
            vars(found).get("_executor"), ThreadPoolExecutor
        ):
            found._executor = ThreadPoolExecutor(THREADS, thread_name_prefix=f"{EXECUTORS}-{found.__name__}")


def _below(base: Any) -> set[Any]:
    found = set(base.__subclasses__())
    return found.union(*map(_below, found))
