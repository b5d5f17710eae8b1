"""What browsers get where no server is: redirects into the hub, and a page that says so."""

from __future__ import annotations

from quart import Response, request

from core.names import escape
from projections import users
from web.access import OPEN
from web.answers import reply
from web.context import database, hub
from web.routing import Noun

outside = Noun("outside")  # below the base URL
inside = Noun("inside")  # below /hub


def _query() -> str:
    query = request.query_string.decode("latin-1")
    return f"?{query}" if query else ""


def _to(path: str, status: int = 302) -> Response:
    return Response(b"", status, headers={"Location": f"{hub().base_url}{path}{_query()}"})


@outside.get("/", access=OPEN, statuses=(302,))
async def root() -> Response:
    return _to("hub/")


def elsewhere() -> Response | None:
    """What is below the base URL and not of the hub is looked for in the hub."""
    base, path = hub().base_url, request.path
    if request.method != "GET" or not path.startswith(base):
        return None
    rest = path.removeprefix(base)
    if rest.startswith(("hub/", "api/")) or rest in ("hub", "api", ""):
        return None
    return _to(f"hub/{rest}")


@outside.get("/user/<user>", access=OPEN, statuses=(301,))
async def bare_user(user: str) -> Response:
    return _to(f"user/{escape(user)}/", 301)


@outside.get("/user/<user>/<path:rest>", "/user/<user>/", access=OPEN, statuses=(302,))
async def stopped_server(user: str, rest: str = "") -> Response:
    """No route leads to this server now: the hub says why."""
    return _to(f"hub/user/{escape(user)}/{rest}")


@inside.get("/user/<user>/<path:rest>", "/user/<user>/", access=OPEN, statuses=(404, 424))
async def not_running(user: str, rest: str = "") -> Response:
    """424: the server is not running, and how to start it."""
    if users.by_name(database(), user) is None:
        return reply({"message": "There is no such server."}, 404)
    path = f"{hub().base_url}user/{escape(user)}/{rest}"
    start = f"{hub().base_url}hub/spawn/{escape(user)}"
    return reply({"message": f"The server at {path} is not running. Start it at {start}."}, 424)
