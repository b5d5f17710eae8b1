"""The parts of a running hub, as handlers see them."""

from __future__ import annotations

from datetime import UTC, datetime

import trio

from core.actors.activity import Activity
from core.actors.departures import Departures
from core.actors.entity import Entities
from core.actors.removals import Removals
from core.actors.sharing import Sharing
from core.actors.supervisor import Supervisor
from core.config import Settings
from core.events.store import EventStore
from core.events.token import TokenEvent
from core.events.user import UserEvent
from core.roles import LoadedRoles
from core.scopes import NOTHING
from core.secret_file import derive
from core.spawn_limits import SpawnLimits
from core.spawner import Spawner
from core.token import AnyToken
from core.token import Command as TokenCommand
from core.user import AnyUser
from core.user import Command as UserCommand
from web.identity import Identity, TokenBook
from web.launch import Launch
from web.models import Models
from web.proxies import Proxies
from web.rights import Rights
from web.service_book import ServiceBook

UserEntities = Entities[AnyUser, UserCommand, UserEvent]
TokenEntities = Entities[AnyToken, TokenCommand, TokenEvent]


class Hub:
    """Built by `web/main.py`, which hands each part what it needs. Nothing here decides anything."""

    def __init__(
        self,
        *,
        settings: Settings,
        secret: bytes,
        address: str,
        store: EventStore,
        spawner: Spawner,
        servers: Supervisor,
        users: UserEntities,
        token_entities: TokenEntities,
        departures: Departures,
        removals: Removals,
        sharing: Sharing,
        activity: Activity,
        limits: SpawnLimits,
        launch: Launch,
        proxies: Proxies,
        rights: Rights,
        models: Models,
        services: ServiceBook,
        roles: LoadedRoles,
    ) -> None:
        self.settings = settings
        self.address = address  # of the hub itself, as the proxy reaches it
        self.store = store
        self.spawner = spawner
        self.servers = servers
        self.users = users
        self.token_entities = token_entities
        self.departures = departures
        self.removals = removals
        self.sharing = sharing
        self.activity = activity
        self.limits = limits
        self.launch = launch
        self.proxies = proxies
        self.rights = rights
        self.models = models
        self.services = services
        self.roles = roles
        self.tokens = TokenBook(store.db, store.fact("salt"))
        self.closing = trio.Event()  # set when the hub is to end
        self.proxy_secret = derive(secret, "proxy").hex()
        self.proxy_identity = Identity("proxy", "embedded", "proxy", NOTHING)

    @property
    def base_url(self) -> str:
        return self.settings.hub.base_url

    def saw(self, identity: Identity) -> None:
        """The use of a token is activity of the token and, unless it is a server's own, of its user."""
        now = datetime.now(UTC)
        self.activity.saw_token(identity.token_id, now)
        if identity.kind == "user" and not identity.server:
            self.activity.saw_user(identity.id, now)
