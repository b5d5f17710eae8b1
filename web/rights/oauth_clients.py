"""OAuth clients: every server that runs, and every service with a place that browsers can be sent back to."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from core.events.log.tables import Tables
from core.events.server import server_stream
from core.events.service import service_stream
from core.scopes import Server, Service, depends_on_holder
from projections import oauth, services
from projections.oauth import ClientRow
from projections.servers import servers
from projections.services import ServiceRow
from projections.tokens import TokenRow
from projections.users import UserRow
from web.site.hosts import Hosts
from web.texts.translate import N_, _, told

MAX_ID = 2048  # characters


class OAuthClient(Struct, frozen=True):
    """`key`: `server/{id}` or `service/{name}`, which the log knows it by. `identifier`: its `client_id`.

    `redirect_uri`: a path of the hub's host, or a URL. `allowed`: scopes it may be given besides access to itself.
    `description`: for people. `user`: the id of the user whose server it is. `trusted`: nobody is asked.
    """

    key: str
    identifier: str
    redirect_uri: str
    description: str
    target: Server | Service
    allowed: tuple[str, ...] = ()
    user: str = ""
    trusted: bool = False

    @property
    def client_id(self) -> str:
        """What oauthlib calls it."""
        return self.identifier

    @property
    def access(self) -> str:
        """The scope of using it, as its tokens store it."""
        kind = "servers!server" if isinstance(self.target, Server) else "services!service"
        return f"access:{kind}"


class Clients:
    def __init__(self, db: Tables, hosts: Hosts, known_user: Callable[[str], UserRow | None]) -> None:
        """`known_user`: by id; who is nobody here has no servers that could ask."""
        self._db = db
        self._hosts = hosts
        self._known_user = known_user

    def called(self, client_id: str) -> list[OAuthClient]:
        """More than one where the names of a user and of a server of another's are written the same."""
        if len(client_id) > MAX_ID:
            return []
        found = [self._of_server(row) for row in oauth.clients_called(self._db, client_id)]
        service = services.by_client(self._db, client_id)
        found += [] if service is None else [self._of_service(service)]
        return [client for client in found if client is not None]

    def by_secret(self, secret: TokenRow) -> OAuthClient | None:
        """The client whose secret this token is: its own API token."""
        if secret.server:
            row = oauth.client_of_server(self._db, secret.server)
            return None if row is None else self._of_server(row)
        kind, _slash, name = secret.owner.partition("/")
        service = services.by_name(self._db, name) if kind == "service" else None
        return None if service is None else self._of_service(service)

    def described(self, key: str) -> str:
        """What people are told that it is; `""` if it is gone."""
        kind, _slash, name = key.partition("/")
        if kind == "service":
            return f"JupyterHub service {name}"
        row = oauth.client_of_server(self._db, name)
        return "" if row is None else _describe(row)

    def _of_server(self, row: ClientRow) -> OAuthClient | None:
        server, user = servers.by_id(self._db, row.server), self._known_user(row.user)
        if server is None or user is None:
            return None
        return OAuthClient(
            key=server_stream(row.server),
            identifier=row.client_id,
            redirect_uri=self._hosts.url(f"{row.prefix}oauth_callback"),
            description=_describe(row),
            target=Server(user.name, server.name),
            allowed=tuple(row.allowed_scopes()),
            user=row.user,
        )

    def _of_service(self, row: ServiceRow) -> OAuthClient | None:
        """None: it has no place to send browsers back to."""
        defined = row.defined()
        callback = self._hosts.url(f"{defined.prefix}oauth_callback") if defined.prefix else ""
        redirect_uri = defined.oauth_redirect_uri or callback
        if not row.client_id or not redirect_uri:
            return None
        allowed = tuple(defined.oauth_client_allowed_scopes)
        return OAuthClient(
            key=service_stream(row.name),
            identifier=row.client_id,
            redirect_uri=redirect_uri,
            description=f"JupyterHub service {row.name}",
            target=Service(row.name),
            allowed=allowed,
            trusted=defined.oauth_no_confirm
            and (row.from_config or not any(map(depends_on_holder, allowed))),
        )


def title(key: str, description: str) -> str:
    """What a page calls a client, by its key; programs are told JupyterHub's words for it, its description."""
    kind, _slash, name = key.partition("/")
    return _("Service {name}").format(name=name) if kind == "service" else told(description)


def _describe(row: ClientRow) -> str:
    """In English."""
    return N_("Server at {prefix}").format(prefix=row.prefix)
