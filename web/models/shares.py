"""The JSON of shares and share codes, field for field JupyterHub's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode

from msgspec import UNSET, Struct, UnsetType

from core.naming.names import server_prefix
from projections.sharing.share_codes import ShareCodeRow
from projections.sharing.shares import SharedServer, ShareRow
from web.models.models import shown
from web.site.hosts import Hosts

Named = Mapping[Literal["name"], str]


class SharedServerModel(Struct):
    """So much of a server, and no more, is shown to those it is shared with."""

    user: Named
    name: str
    url: str
    full_url: str | None
    ready: bool


class ShareModel(Struct):
    server: SharedServerModel
    scopes: list[str]
    user: Named | None
    group: Named | None
    kind: str
    created_at: str


class ShareCodeModel(Struct):
    """The last three only where the code was just made: nobody can tell it later."""

    server: SharedServerModel
    scopes: list[str]
    id: str
    created_at: str
    expires_at: str
    exchange_count: int
    last_exchanged_at: str | None
    code: str | UnsetType = UNSET
    accept_url: str | UnsetType = UNSET
    full_accept_url: str | UnsetType | None = UNSET


class ShareModels:
    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._base_url = hosts.base_url

    def share(self, row: ShareRow) -> ShareModel:
        grantee: Named = {"name": row.grantee}
        return ShareModel(
            server=self._server(row.server),
            scopes=row.scopes,
            user=grantee if row.kind == "user" else None,
            group=grantee if row.kind == "group" else None,
            kind=row.kind,
            created_at=shown(row.created),
        )

    def code(self, row: ShareCodeRow, code: str = "") -> ShareCodeModel:
        """`code`: the secret itself, where it may be told."""
        model = ShareCodeModel(
            server=self._server(row.server),
            scopes=row.scopes,
            id=f"sc_{row.number}",
            created_at=shown(row.created),
            expires_at=shown(row.expires_at),
            exchange_count=row.exchange_count,
            last_exchanged_at=row.last_exchanged_at and shown(row.last_exchanged_at),
        )
        if code:
            model.code = code
            model.accept_url = f"{self._base_url}hub/accept-share?{urlencode({'code': code})}"
            model.full_accept_url = self._hosts.full_url(model.accept_url)
        return model

    def _server(self, server: SharedServer) -> SharedServerModel:
        path = server.prefix or server_prefix(self._base_url, server.owner, server.name)
        return SharedServerModel(
            user={"name": server.owner},
            name=server.name,
            url=self._hosts.url(path),
            full_url=self._hosts.full_url(path),
            ready=server.state == "ready",
        )
