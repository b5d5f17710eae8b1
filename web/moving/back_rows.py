"""Rows of JupyterHub's tables, of rows of ours. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.share import scopes_on
from core.token import for_another_hub
from projections.groups import GroupRow
from projections.oauth import ClientRow
from projections.roles import RoleRow
from projections.servers.servers import ServerRow
from projections.services import ServiceRow
from projections.sharing.share_codes import PlainCode
from projections.sharing.shares import PlainShare
from projections.tokens import TokenRow
from projections.users import UserRow
from web.moving.rows import Row

OLDER = "is older than first characters were kept, by which JupyterHub would find it"
SLOW = "was chosen by somebody, and is digested in a way that JupyterHub cannot compare with"


def moment(text: str | None) -> str | None:
    """As SQLAlchemy stores them in SQLite."""
    return None if text is None else text.replace("T", " ").removesuffix("Z")


def json_text(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def user(row: UserRow, number: int, cookie_id: str, sealed: bytes | None) -> Row:
    return {
        "id": number,
        "name": row.name,
        "user_info": row.user_info,
        "admin": int(row.admin),
        "created": moment(row.created),
        "last_activity": moment(row.last_activity),
        "cookie_id": cookie_id,
        "encrypted_auth_state": sealed,
    }


def spawner(row: ServerRow, number: int, owner: int) -> Row:
    """Of one that is stopped."""
    return {
        "id": number,
        "user_id": owner,
        "name": row.name,
        "display_name": row.display_name or row.name,
        "last_activity": moment(row.last_activity),
        "user_options": row.user_options,
    }


def place(row: ServerRow, number: int) -> Row:
    """Where a server answers."""
    parts = urlsplit(row.url)
    return {
        "id": number,
        "proto": parts.scheme,
        "ip": parts.hostname,
        "port": parts.port or {"http": 80, "https": 443}[parts.scheme],
        "base_url": row.prefix,
        "cookie_name": "cookie",
    }


def runs(row: ServerRow, number: int, client: ClientRow, state: dict[str, Any]) -> Row:
    """What its spawner's row has besides. `number`: of its place."""
    return {
        "server_id": number,
        "state": json_text(state),
        "started": moment(row.started),
        "oauth_client_id": client.client_id,
    }


def client_of_server(client: ClientRow, access: str, secret: str) -> Row:
    return {
        "identifier": client.client_id,
        "description": f"Server at {client.prefix}",
        "secret": secret,
        "redirect_uri": f"{client.prefix}oauth_callback",
        "allowed_scopes": json_text([access, *client.allowed_scopes()]),
    }


def service(row: ServiceRow, number: int) -> Row:
    said = row.defined()
    return {
        "id": number,
        "name": row.name,
        "admin": int(row.admin),
        "url": said.url or None,
        "oauth_client_allowed_scopes": json_text(said.oauth_client_allowed_scopes or None),
        "info": json_text(said.info),
        "display": None if said.display is None else int(said.display),
        "oauth_no_confirm": int(said.oauth_no_confirm),
        "timeout": 30,
        "from_config": int(row.from_config),
        "oauth_client_id": row.client_id or None,
    }


def client_of_service(row: ServiceRow, secret: str) -> Row:
    said = row.defined()
    access = f"access:services!service={row.name}"
    return {
        "identifier": row.client_id,
        "description": f"JupyterHub service {row.name}",
        "secret": secret,
        "redirect_uri": said.oauth_redirect_uri or f"{said.prefix}oauth_callback",
        "allowed_scopes": json_text([access, *said.oauth_client_allowed_scopes]),
    }


def role(row: RoleRow, number: int) -> Row:
    return {
        "id": number,
        "name": row.name,
        "description": row.description,
        "scopes": row.scopes,
        "managed_by_auth": int(row.managed),
    }


def group(row: GroupRow, number: int) -> Row:
    return {"id": number, "name": row.name, "properties": row.properties}


def why_not(digest: str, prefix: str) -> str:
    """What keeps a token or code from being known there; `""` if nothing does."""
    if for_another_hub(digest) is None:
        return SLOW
    return "" if prefix else OLDER


def token(row: TokenRow, owner: Row, client: str) -> Row:
    """`owner`: the column that says whose it is. `client`: the identifier of whom it was given to."""
    return {
        **owner,
        "hashed": for_another_hub(row.digest),
        "prefix": row.prefix,
        "client_id": client,
        "session_id": row.session_id,
        "created": moment(row.created),
        "expires_at": moment(row.expires_at),
        "last_activity": moment(row.last_activity),
        "note": row.note,
        "scopes": row.scopes,
    }


def share(row: PlainShare, owner: int, spawner: int, grantee: Row, names: tuple[str, str]) -> Row:
    """`names`: of the owner and of the server."""
    return {
        **grantee,
        "created_at": moment(row.created),
        "scopes": json_text(scopes_on(*names, row.scopes)),
        "owner_id": owner,
        "spawner_id": spawner,
    }


def share_code(row: PlainCode, owner: int, spawner: int, names: tuple[str, str]) -> Row:
    return {
        "hashed": for_another_hub(row.digest),
        "prefix": row.prefix,
        "exchange_count": row.exchange_count,
        "last_exchanged_at": moment(row.last_exchanged_at),
        "created_at": moment(row.created),
        "scopes": json_text(scopes_on(*names, row.scopes)),
        "expires_at": moment(row.expires_at),
        "owner_id": owner,
        "spawner_id": spawner,
    }
