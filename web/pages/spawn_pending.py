"""The page that waits for a server: it starts nothing, whatever happens to it."""

from __future__ import annotations

from quart import Response

from core.actors.servers.endings import as_error
from core.errors import SpawnError
from core.events.file.writer import Outcome
from core.events.record import utc_text
from core.events.server import SpawnFailed
from core.naming.names import escape
from core.scopes import Answer, Server, check
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.history.starts import usual_seconds
from web.pages.home import myself
from web.pages.parts.advice import advice
from web.pages.parts.destination import checked, destination
from web.pages.parts.last_run import stopping_since
from web.pages.parts.render import html_of_configuration, page
from web.pages.parts.server_rows import shown_server
from web.pages.parts.spawn_url import spawn_url
from web.request.access import IDENTIFIED, check_access, needs
from web.request.answers import redirect
from web.request.context import asked, by, caller, database, hub
from web.request.credentials import xsrf_token
from web.request.facts import request_facts
from web.request.handler_view import handler_view
from web.request.idempotency import idempotency_record
from web.request.known import known_server, known_user
from web.request.routing import RouteGroup

endpoints = RouteGroup("spawn_pending", page=True)

MAY = needs("servers")
MAY_STOP = needs("delete:servers")
STATUSES = (200, 302, 400, 500)


@endpoints.get("/spawn-pending", access=IDENTIFIED, statuses=STATUSES)
async def show_own() -> Response:
    me = myself()
    check_access(MAY, caller(), {"user": me.name}, hub().rights.memberships)
    return await _show(me, "")


@endpoints.get("/spawn-pending/<user>", "/spawn-pending/<user>/<maybe:server>", access=MAY, statuses=STATUSES)
async def show(user: str, server: str = "") -> Response:
    return await _show(known_user(user), server)


@endpoints.post("/spawn-pending", access=IDENTIFIED, statuses=(302, 400, 403))
async def stop_own() -> Response:
    me = myself()
    check_access(MAY_STOP, caller(), {"user": me.name}, hub().rights.memberships)
    return await _stop(me, "")


@endpoints.post(
    "/spawn-pending/<user>", "/spawn-pending/<user>/<maybe:server>", access=MAY_STOP, statuses=(302, 400, 403)
)
async def stop(user: str, server: str = "") -> Response:
    """The page's button, where no script runs."""
    return await _stop(known_user(user), server)


async def _stop(owner: UserRow, name: str) -> Response:
    outcome = idempotency_record(lambda _: Outcome(302))
    stopping, server = hub().acts.stopping, known_server(owner, name)
    await stopping.stop(owner, server, by=by(), idempotency=outcome, request=request_facts())
    return redirect(f"{hub().base_url}hub/home")


async def _show(owner: UserRow, name: str) -> Response:
    row = known_server(owner, name)
    match row.state:
        case "ready":
            return redirect(
                await destination(owner, asked().args.get("next", ""), hub().hosts.url(row.prefix))
            )
        case "stop" | "check":
            return await _waiting("stop_pending.html", owner, row)
        case "stopped":
            return await not_running(owner, row, 200)
        case _:
            return await _waiting("spawn_pending.html", owner, row)


async def _waiting(template: str, owner: UserRow, server: ServerRow) -> Response:
    segment = f"servers/{escape(server.name)}" if server.name else "server"
    progress_url = (
        f"{hub().base_url}hub/api/users/{escape(owner.name)}/{segment}/progress?_xsrf={xsrf_token()}"
    )
    shown = await shown_server(owner, server)
    return await page(
        template,
        data={
            "pending": {
                "progress_url": progress_url,
                "user": owner.name,
                "server": server.name,
                "state": shown.state,
                "since": _since(server),
                "usual": usual_seconds(database(), server.options() or {}),
            }
        },
        spawner=shown,
        for_user=owner if owner.id != caller().id else None,
        progress_url=progress_url,
        auth_state=hub().logins.auth_states.of(owner.id),
    )


def _since(server: ServerRow) -> str | None:
    """When what is under way was asked for."""
    if server.state != "stop":
        return server.started
    at = stopping_since(server)
    return None if at is None else utc_text(at)


async def not_running(owner: UserRow, server: ServerRow, status: int, *, next_url: str = "") -> Response:
    """`status`: unless its last start failed, which is told with the status of that."""
    failure: SpawnFailed | None = server.failed()
    row = servers.by_id(database(), server.id) or server
    row_shown = await shown_server(owner, row)
    after = next_url or checked(asked().args.get("next", ""))
    may_start = _may("servers", owner, server)
    seconds = hub().settings.hub.implicit_spawn_seconds if next_url and may_start else 0
    return await page(
        "not_running.html",
        status if failure is None or next_url else failure.status,
        spawner=row_shown,
        for_user=owner if owner.id != caller().id else None,
        server_name=server.name,
        may_start=may_start,
        may_share=_may("shares", owner, server),
        spawn_url=spawn_url(owner.name, server.name, after),
        auth_state=hub().logins.auth_states.of(owner.id),
        implicit_spawn_seconds=seconds,
        data={
            "implicit_spawn_seconds": seconds,
            "server": {"user": owner.name, "name": server.name, "pending_url": row_shown.pending_url},
        },
        advice=advice(failure) if failure else "",
        has_form=failure is not None and await _asks(owner, row),
        failed=failure is not None,
        failed_message=failure.reason if failure else "",
        failed_html_message=html_of_configuration(failure.html_message) if failure else "",
        exception=None if failure is None else as_error(failure),
    )


async def _asks(owner: UserRow, server: ServerRow) -> bool:
    """Whether a start begins with a form. One that cannot be made says so when somebody comes to it."""
    try:
        form = await hub().launch.for_form(owner, server, handler_view(), {})
        return bool(await form.html())
    except SpawnError:
        return True


def _may(scope: str, owner: UserRow, server: ServerRow) -> bool:
    resource = Server(owner.name, server.name)
    return check(caller().scopes, scope, resource, hub().rights.memberships) is Answer.ALLOWED
