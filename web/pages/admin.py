"""What administrators look after: users, groups, services and routes, and the hub itself.

The pages are frames: what is in them comes through the REST API, a page of rows at a time, as far as the
administrator may see it, and is changed through it.
"""

from __future__ import annotations

from typing import Any

from quart import Response

from web.pages.parts.render import page
from web.request.access import needs
from web.request.context import asked, caller, hub
from web.request.routing import RouteGroup

endpoints = RouteGroup("admin", page=True)

MAY = needs("admin-ui")
LONGEST_NUMBER = 64  # characters that are looked for


@endpoints.get("/admin", access=MAY)
async def users() -> Response:
    return await _page("admin.html")


@endpoints.get("/admin/overview", access=MAY)
async def overview() -> Response:
    return await _page("admin-overview.html")


@endpoints.get("/admin/groups", access=MAY)
async def groups() -> Response:
    return await _page("admin-groups.html")


@endpoints.get("/admin/services", access=MAY)
async def services() -> Response:
    return await _page("admin-services.html")


@endpoints.get("/admin/hub", access=MAY)
async def the_hub() -> Response:
    settings = hub().settings.hub
    return await _page(
        "admin-hub.html", cleanup_servers=settings.cleanup_servers, cleanup_proxy=settings.cleanup_proxy
    )


@endpoints.get("/admin/request", access=MAY)
async def of_request() -> Response:
    """What came of the request with this number."""
    return await _page(
        "admin-request.html", request_number=asked().args.get("number", "").strip()[:LONGEST_NUMBER]
    )


async def _page(template: str, **context: Any) -> Response:
    """The variables of JupyterHub's admin page, on which customised templates rely, are those of each."""
    settings = hub().settings.hub
    limit = settings.named_server_limit_per_user
    return await page(
        template,
        admin_access=settings.admin_access,
        allow_named_servers=settings.allow_named_servers,
        named_server_limit_per_user=0 if callable(limit) else limit,
        api_page_limit=settings.api_page_default_limit,
        most_per_page=settings.api_page_max_limit,
        auth_state=hub().logins.auth_states.of(caller().id),
        position=hub().store.head,
        **context,
    )
