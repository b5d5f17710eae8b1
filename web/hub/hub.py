"""The parts of a running hub, as handlers see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import trio
from msgspec import Struct

from core.actors.activity import Activity
from core.actors.engines.engines import Engines
from core.actors.engines.reconciler import Reconciler
from core.actors.errands import Errands
from core.actors.hub_entities import HubEntities
from core.actors.jobs import Jobs
from core.actors.keyed_lock import KeyedLock
from core.actors.removals import Removals
from core.actors.servers.shared_polls import SharedPolls
from core.actors.servers.spawn_turns import SpawnTurns
from core.actors.servers.supervisor import Supervisor
from core.actors.service_process import ServiceProcesses
from core.actors.sharing import Sharing
from core.actors.user_deletion import UserDeletion
from core.config.roles import LoadedRoles
from core.events.file.store import EventStore
from core.logins.failures import Refusals
from core.naming.user_names import UserNames
from core.queue.spawn_limits import SpawnLimits
from core.settings import Settings
from web.bulk.acts import BulkActs
from web.history.feed import Feed
from web.hub.acts import Acts
from web.hub.plugins import Plugins
from web.models.models import Models
from web.models.shares import ShareModels
from web.monitoring.metrics import Metrics
from web.presentation.presentation import Presentation
from web.proxies.connected import Proxies
from web.proxies.table import RouteTable
from web.rights.identity import Identity, TokenBook
from web.rights.oauth_clients import Clients
from web.rights.operators import Operators
from web.rights.rights import Rights
from web.rights.service_book import ServiceBook
from web.sessions.logins import Logins
from web.sessions.sessions import Sessions
from web.site.headers import AnswerHeaders
from web.site.hosts import Hosts
from web.site.stream_places import StreamPlaces
from web.starts.launch import Launch
from web.starts.marks import Marks
from web.starts.server_runtime import HubServerRuntime
from web.starts.uploads import Uploads


class Ending(Struct):
    """What ends with the hub. `trouble`: why the hub gives up, in words; empty for an orderly end.

    `status`: its exit status then.
    """

    servers: bool
    proxy: bool
    trouble: str = ""
    status: int = 1


@dataclass(kw_only=True, eq=False, repr=False)
class Hub:
    """Built by `web/hub/build.py`, which hands each part what it needs. Nothing here decides anything."""

    settings: Settings
    address: str  # of the hub itself, as the proxy reaches it
    hosts: Hosts

    # what is known
    store: EventStore
    entities: HubEntities
    roles: LoadedRoles
    rights: Rights
    activity: Activity
    services: ServiceBook
    user_names: UserNames

    # who comes in
    logins: Logins
    sessions: Sessions
    tokens: TokenBook
    oauth_clients: Clients
    plugins: Plugins  # written for JupyterHub
    refusals: Refusals  # attempts to get in, counted
    proxy_secret: str
    operators: Operators

    # what runs
    spawner: Engines
    polls: SharedPolls
    runtime: HubServerRuntime
    errands: Errands
    jobs: Jobs
    servers: Supervisor
    launch: Launch
    marks: Marks
    limits: SpawnLimits
    turns: SpawnTurns
    user_deletion: UserDeletion
    removals: Removals
    sharing: Sharing
    service_processes: ServiceProcesses | None  # None: somebody else looks after them
    proxies: Proxies
    route_table: RouteTable  # what they are to have

    # what is shown
    models: Models
    share_models: ShareModels
    feed: Feed
    stream_places: StreamPlaces
    headers: AnswerHeaders
    presentation: Presentation
    metrics: Metrics

    ending: Ending
    reconcilers: list[Reconciler] = field(default_factory=list)  # one for each engine
    bulk: BulkActs = field(init=False)  # the works of jobs
    acts: Acts = field(init=False)  # what can be done with all of it; built last
    reload: Callable[[], Awaitable[object]] | None = None  # None: the configuration cannot be read again
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    command_turns: KeyedLock = field(
        default_factory=KeyedLock
    )  # of requests that bear the same idempotency key
    uploads: Uploads = field(default_factory=Uploads)  # large forms on their way
    closing: trio.Event = field(default_factory=trio.Event)  # set when the hub is to end
    closed: trio.Event = field(default_factory=trio.Event)  # set when it no longer serves: streams end

    @property
    def base_url(self) -> str:
        return self.settings.hub.base_url

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
