"""Roles, who holds them, and services with the OAuth clients that they are. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from core.config.roles import DEFAULT_ROLES
from core.config.service_definition import defined
from core.errors import InvalidError
from core.events.log.append_request import Write
from core.events.role import RoleDefined, RoleEvent, RoleGranted, role_stream
from core.events.service import ServiceAdded, ServiceDefinition, service_stream
from web.moving.rows import Row, json_of, text, texts_of
from web.moving.units import Comes, Known, Pieces, Stays

HOLDERS = {
    "user": ("user_role_map", "user_id"),
    "group": ("group_role_map", "group_id"),
    "service": ("service_role_map", "service_id"),
}
"""By kind: the table that says who holds which role, and its column."""

ALWAYS = (
    "read:users:name!user",
    "read:users:groups!user",
)  # what every client may have, besides access to itself


def roles(rows: Iterable[Row], grants: Mapping[str, Iterable[Row]], known: Known) -> Pieces:
    """`grants`: by kind, the rows of its table. The roles of every hub are the configuration's."""
    holders: dict[int, list[str]] = defaultdict(list)
    for kind, (_, column) in HOLDERS.items():
        for grant in grants[kind]:
            if (holder := known.holder(kind, grant[column])) is not None:
                holders[grant["role_id"]].append(holder)
    for row in rows:
        if row["name"] in DEFAULT_ROLES:
            continue
        managed = bool(row.get("managed_by_auth"))
        events: list[RoleEvent] = [
            RoleDefined(text(row["description"]), tuple(texts_of(row["scopes"])), managed)
        ]
        if holders[row["id"]]:
            events.append(RoleGranted(tuple(holders[row["id"]])))
        yield Comes("roles", (Write(role_stream(row["name"]), 0, events),))


def services(
    rows: Iterable[Row],
    servers: Mapping[int, Row],
    clients: Mapping[str, Row],
    admins: set[int],
    base_url: str,
    known: Known,
) -> Pieces:
    """`servers`: by id. `clients`: by identifier. `admins`: rows of services that hold the role."""
    for row in rows:
        name = row["name"]
        try:
            definition = defined(name, base_url, _said_of(row, servers, clients, row["id"] in admins))
        except InvalidError as error:
            yield Stays("services", name, error.message)
            continue
        known.services[row["id"]] = name
        if definition.oauth_client_id:
            known.clients[definition.oauth_client_id] = service_stream(name)
        added = ServiceAdded(definition, from_config=bool(row.get("from_config", True)))
        yield Comes("services", (Write(service_stream(name), 0, [added]),))


def _said_of(
    row: Row, servers: Mapping[int, Row], clients: Mapping[str, Row], is_admin: bool
) -> ServiceDefinition:
    server = servers.get(row["_server_id"]) if row.get("_server_id") is not None else None
    url = text(row.get("url")) or (url_of(server) if server else "")
    client_id = text(row.get("oauth_client_id"))
    client = clients.get(client_id, {})
    redirect = text(client.get("redirect_uri"))
    is_usual = redirect.endswith(f"/services/{row['name']}/oauth_callback")
    allowed = texts_of(row.get("oauth_client_allowed_scopes")) or texts_of(client.get("allowed_scopes"))
    return ServiceDefinition(
        url=url,
        admin=bool(row["admin"]) or is_admin,
        info=json_of(row.get("info")),
        display=None if row.get("display") is None else bool(row["display"]),
        oauth_client_id=client_id if client else "",
        oauth_redirect_uri="" if url and is_usual else redirect,
        oauth_client_allowed_scopes=[
            scope for scope in allowed if scope not in (f"access:services!service={row['name']}", *ALWAYS)
        ],
        oauth_no_confirm=bool(row.get("oauth_no_confirm")),
    )


def url_of(server: Row) -> str:
    """Scheme, host and port."""
    host = server["ip"] or "127.0.0.1"
    return f"{server['proto'] or 'http'}://{f'[{host}]' if ':' in host else host}:{server['port']}"
