"""The parts of a running hub, as handlers see them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import trio
from msgspec import Struct

from core.actors.activity import Activity
from core.actors.departures import Departures
from core.actors.entity import Entities
from core.actors.login_gate import LoginGate
from core.actors.refusals import Refusals
from core.actors.removals import Removals
from core.actors.service_process import ServiceProcesses
from core.actors.sharing import Sharing
from core.actors.spawn_turns import SpawnTurns
from core.actors.supervisor import Supervisor
from core.actors.turns import Turns
from core.admission import Admission
from core.authenticator import Authenticator
from core.config import Settings
from core.events.group import GroupEvent
from core.events.oauth import CodeEvent
from core.events.role import RoleEvent
from core.events.route import RouteEvent
from core.events.service import ServiceEvent
from core.events.store import EventStore
from core.events.token import TokenEvent
from core.events.user import UserEvent
from core.group import AnyGroup
from core.group import Command as GroupCommand
from core.hooks import Hooks
from core.oauth_code import AnyCode
from core.oauth_code import Command as CodeCommand
from core.role import AnyRole
from core.role import Command as RoleCommand
from core.roles import LoadedRoles
from core.route import AnyRoute
from core.route import Command as RouteCommand
from core.scopes import NOTHING
from core.secret_file import derive
from core.service import AnyService
from core.service import Command as ServiceCommand
from core.spawn_limits import SpawnLimits
from core.spawner import Spawner
from core.token import AnyToken
from core.token import Command as TokenCommand
from core.user import AnyUser
from core.user import Command as UserCommand
from core.user_names import UserNames
from web.auth_states import AuthStates
from web.confirmations import Confirmations
from web.headers import AnswerHeaders
from web.hosts import Hosts
from web.identity import Identity, TokenBook
from web.launch import Launch
from web.login_link import LoginLinks
from web.metrics import Metrics
from web.models import Models
from web.oauth.clients import Clients
from web.pages.presentation import Presentation
from web.proxies import Proxies
from web.proxy.command import TOKEN_VARIABLE
from web.public_events.feed import Feed
from web.rights import Rights
from web.service_book import ServiceBook
from web.sessions import Sessions
from web.share_models import ShareModels
from web.stage import HubStage

UserEntities = Entities[AnyUser, UserCommand, UserEvent]
TokenEntities = Entities[AnyToken, TokenCommand, TokenEvent]
GroupEntities = Entities[AnyGroup, GroupCommand, GroupEvent]
RoleEntities = Entities[AnyRole, RoleCommand, RoleEvent]
ServiceEntities = Entities[AnyService, ServiceCommand, ServiceEvent]
CodeEntities = Entities[AnyCode, CodeCommand, CodeEvent]
RouteEntities = Entities[AnyRoute, RouteCommand, RouteEvent]


class Ending(Struct):
    """What ends with the hub. `trouble`: why the hub gives up, in words; empty for an orderly end."""

    servers: bool
    proxy: bool
    trouble: str = ""


class Hub:
    """Built by `web/main.py`, which hands each part what it needs. Nothing here decides anything."""

    def __init__(
        self,
        *,
        settings: Settings,
        secret: bytes,
        address: str,
        hosts: Hosts,
        store: EventStore,
        spawner: Spawner,
        servers: Supervisor,
        stage: HubStage,
        users: UserEntities,
        token_entities: TokenEntities,
        groups: GroupEntities,
        role_entities: RoleEntities,
        user_names: UserNames,
        authenticator: Authenticator,
        auth_states: AuthStates,
        refusals: Refusals,
        admission: Admission,
        departures: Departures,
        removals: Removals,
        sharing: Sharing,
        activity: Activity,
        limits: SpawnLimits,
        turns: SpawnTurns,
        launch: Launch,
        proxies: Proxies,
        rights: Rights,
        models: Models,
        services: ServiceBook,
        service_entities: ServiceEntities,
        service_processes: ServiceProcesses | None,
        extra_routes: RouteEntities,
        metrics: Metrics,
        roles: LoadedRoles,
        sessions: Sessions,
        oauth_codes: CodeEntities,
    ) -> None:
        self.settings = settings
        self.address = address  # of the hub itself, as the proxy reaches it
        self.hosts = hosts
        self.store = store
        self.feed = Feed(store)
        self.spawner = spawner
        self.servers = servers
        self.stage = stage
        self.users = users
        self.token_entities = token_entities
        self.groups = groups
        self.role_entities = role_entities
        self.user_names = user_names
        self.authenticator = authenticator
        self.auth_states = auth_states
        self.login_gate = LoginGate()
        self.confirmations = Confirmations(settings.authenticator.auth_refresh_age)
        self.login_links = LoginLinks()
        self.login_hooks = Hooks()  # apart from those of starts: neither keeps the other waiting
        self.refusals = refusals  # attempts to get in, counted
        self.admission = admission  # who may come in
        self.departures = departures
        self.removals = removals
        self.sharing = sharing
        self.activity = activity
        self.limits = limits
        self.turns = turns
        self.launch = launch
        self.proxies = proxies
        self.rights = rights
        self.models = models
        self.share_models = ShareModels(hosts)
        self.services = services
        self.service_entities = service_entities
        self.service_processes = service_processes  # None: somebody else looks after them
        self.extra_routes = extra_routes
        self.metrics = metrics
        self.headers = AnswerHeaders(settings.hub)
        self.presentation = Presentation(settings.hub)
        self.ending = Ending(settings.hub.cleanup_servers, settings.hub.cleanup_proxy)
        self.began = datetime.now(UTC)
        self.roles = roles
        self.reload: Callable[[], Awaitable[object]] | None = (
            None  # None: nobody knows where the configuration comes from
        )
        self.sessions = sessions
        self.oauth_codes = oauth_codes
        self.oauth_clients = Clients(store.db, hosts)
        self.tokens = TokenBook(store.db, store.fact("salt"))
        self.command_turns = Turns()  # of requests that bear the same idempotency key
        self.closing = trio.Event()  # set when the hub is to end
        self.closed = trio.Event()  # set when it no longer serves: streams end, nobody is kept waiting
        self.proxy_secret = os.environ.get(TOKEN_VARIABLE) or derive(secret, "proxy").hex()
        self.proxy_identity = Identity("proxy", "embedded", "proxy", NOTHING)

    @property
    def base_url(self) -> str:
        return self.settings.hub.base_url

    @property
    def route(self) -> tuple[str, str]:
        """The one that leads to the hub itself: from which path, and where to."""
        return self.settings.hub.hub_routespec or self.base_url, self.address

    def saw(self, identity: Identity) -> None:
        """The use of a token is activity of the token and, unless it is a server's own, of its user.

        So is that of a session. Once per `activity_resolution`: what is shown of those who poll does not change with
        every request.
        """
        now = datetime.now(UTC)
        seen = (
            self.activity.tokens.get(identity.token_id)
            if identity.token_id
            else self.activity.users.get(identity.id)
        )
        if seen is not None and (now - seen).total_seconds() < self.settings.hub.activity_resolution:
            return
        if identity.token_id:
            self.activity.saw_token(identity.token_id, now)
        if identity.kind == "user" and not identity.server:
            self.activity.saw_user(identity.id, now)
