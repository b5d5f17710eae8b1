"""Servers as pages show them: a word for the state, where it is, what may be done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from core.naming.names import escape, full_name, server_prefix
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.hook_views.rows import moment
from web.hook_views.user import UserView
from web.pages.parts.last_run import LastRun, entered_by, last_run, started_by
from web.request.context import hub
from web.texts.translate import N_, _

WORDS = {
    "stopped": N_("Stopped"),
    "failed": N_("Failed"),
    "queued": N_("Waiting for its turn"),
    "spawn": N_("Starting"),
    "ready": N_("Running"),
    "stop": N_("Stopping"),
    "check": N_("Being looked for"),
    "lost": N_("Out of sight"),
}


class ShownServer(Struct, frozen=True, kw_only=True):
    """`state`: of the projection, or `failed`. `url`: where it is or will be. Some names are JupyterHub's spawners'.

    `lost`: why its engine cannot see it, in a sentence, while that is so: it may be started anew then. `user`, `server`
    and `orm_spawner`: as hooks see them; the last two are None of a server that is yet to be.
    """

    id: str
    name: str
    display_name: str
    full_name: str
    state: str
    state_text: str
    url: str
    spawn_url: str
    pending_url: str
    share_url: str
    started: datetime | None
    last_activity: datetime | None
    started_by: str
    entered_by: list[str]
    last_run: LastRun
    active: bool
    ready: bool
    pending: str | None
    lost: str
    user: UserView
    user_options: dict[str, Any]
    server: Any
    orm_spawner: Any


def _state(server: ServerRow) -> str:
    return "failed" if server.state == "stopped" and server.failure is not None else server.state


def state_text(server: ServerRow) -> str:
    """Its state in words."""
    state = _state(server)
    wait = hub().limits.wait_of(server.id) if state == "spawn" else None
    if wait is not None:
        number = _("Waiting for its turn (number {place} of {waiting})")
        return number.format(place=wait.place, waiting=wait.waiting)
    word = WORDS.get("lost" if server.lost else state, state)
    return _(word)


async def shown_server(owner: UserRow, server: ServerRow, user: UserView | None = None) -> ShownServer:
    """`user`: the owner as hooks see them, where several of their servers are shown."""
    prefix = f"{hub().base_url}hub/"
    path = f"{escape(owner.name)}/{escape(server.name)}" if server.name else escape(owner.name)
    user = user or hub().launch.views.user(owner)
    seen = user.spawners.get(server.name)
    return ShownServer(
        id=server.id,
        name=server.name,
        display_name=server.display_name or server.name,
        full_name=full_name(owner.name, server.name),
        state=_state(server),
        state_text=state_text(server),
        url=hub().hosts.url(server.prefix or server_prefix(hub().base_url, owner.name, server.name)),
        spawn_url=f"{prefix}spawn/{path}",
        pending_url=f"{prefix}spawn-pending/{path}",
        share_url=f"{prefix}share/{path}",
        started=moment(server.started),
        last_activity=moment(server.last_activity),
        started_by=started_by(server) if server.is_active else "",
        entered_by=entered_by(server) if server.is_active else [],
        last_run=await last_run(server),
        active=server.is_active,
        ready=server.state == "ready",
        pending=server.state if server.state not in ("stopped", "ready") else None,
        lost=server.lost,
        user=user,
        user_options=server.options() or {},
        server=seen.server if seen else None,
        orm_spawner=seen.orm_spawner if seen else None,
    )
