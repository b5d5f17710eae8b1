"""What browsers get where no server is: redirects into the hub, and a page that says so."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from quart import Response

from web.request.access import OPEN
from web.request.context import asked, hub
from web.request.routing import RouteGroup

outside = RouteGroup("outside")  # below the base URL


def _query() -> str:
    query = asked().query_string.decode("latin-1")
    return f"?{query}" if query else ""


def _to(path: str, status: int = 302) -> Response:
    return Response(
        b"", status, headers={"Location": f"{hub().hosts.on_hub(hub().base_url)}{path}{_query()}"}
    )


@outside.get("/", access=OPEN, statuses=(302,))
async def root() -> Response:
    return _to("hub/")


def elsewhere() -> Response | None:
    """What is below the base URL and not of the hub is looked for in the hub.

    With subdomains what is beside it, too: then all that no route takes comes here, whatever its path.
    """
    base, path = hub().base_url, asked().path
    if asked().method != "GET":
        return None
    if f"{path}/" == base:
        return _to("", 308)
    if not path.startswith(base):
        return _to(f"hub{path}") if hub().hosts.has_subdomains else None
    rest = path.removeprefix(base)
    if rest.startswith(("hub/", "api/")) or rest in ("hub", "api", ""):
        return None
    return _to_service() or _to(f"hub/{rest}")


def _to_service() -> Response | None:
    """Who asks for a service on a host that is not its own is sent there. None: nothing to do with a service."""
    hosts, (kind, _, rest) = hub().hosts, _path().partition("/")
    row = (
        hub().services.get(unquote(rest.partition("/")[0]))
        if kind == "services" and hosts.has_subdomains
        else None
    )
    url = hosts.url(asked().path)
    if row is None or not row.defined().url or urlsplit(url).netloc == asked().host.lower():
        return None
    return Response(b"", 302, headers={"Location": f"{url}{_query()}"})


@outside.get("/hub", access=OPEN, statuses=(301, 302))
async def bare_hub() -> Response:
    return _to("hub/", 301 if hub().base_url == "/" else 302)


@outside.get("/user/<name>", "/services/<name>", access=OPEN, statuses=(301,))
async def without_slash(name: str) -> Response:
    return _to(f"{_path()}/", 301)


@outside.get("/user/<name>/<path:rest>", access=OPEN, statuses=(302,))
async def stopped_server(name: str, rest: str) -> Response:
    """No route leads to this server now: the hub says why."""
    return _to(f"hub/{_path()}")


def _path() -> str:
    """Below the base URL, as it came: nothing in it is decoded on its way back."""
    return asked().path.removeprefix(hub().base_url)
