"""The routes, as administrators see and change them."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from quart import Response

from core import route as extra_route
from core.errors import InvalidError, NotFoundError
from core.events.file.writer import Outcome
from core.route import check_free, check_target, normal_spec
from projections import extra_routes, routes
from projections.routes import Route
from projections.servers import servers
from web.request.access import needs
from web.request.answers import empty, encode, reply
from web.request.context import body, by, database, hub, raw_body
from web.request.declared import Paged
from web.request.idempotency import idempotency_record
from web.request.routing import RouteGroup
from web.request.sent.paging import page, paged

endpoints = RouteGroup("proxy")


class RouteModel(Struct, frozen=True):
    """`data`: whose route it is, and when it was last used."""

    routespec: str
    target: str
    data: dict[str, Any]


NEVER = datetime.min.replace(tzinfo=UTC)


class RouteBody(Struct, frozen=True):
    """Without one of these nothing is added: all routes are checked."""

    path: str = ""
    target: str = ""


class PlaceBody(Struct, frozen=True):
    """Where a proxy is and how to speak to it. What is left out stays. This hub's own proxy follows it by itself."""

    api_url: str = ""
    auth_token: str = ""


@endpoints.get("/proxy", access=needs("proxy"), answers={200: Paged(dict[str, RouteModel])})
async def table() -> Response:
    """The routes the hub keeps, by routespec: its own, and those of servers, services and others."""
    asked, db = page(), database()
    spec, hub_model = _hub_model()
    place = routes.rank(db, spec)  # of the hub's route among the others, whose table does not hold it
    is_before = place < asked.offset
    models = [_listed(route) for route in routes.page(db, asked.offset - is_before, asked.limit)]
    if not is_before:
        models.insert(place - asked.offset, (spec, hub_model))
    return paged(dict(models[: asked.limit]), asked, routes.count(db) + 1)


@endpoints.post(
    "/proxy",
    access=needs("proxy"),
    takes=RouteBody | None,
    answers={200: None, 201: RouteModel},
    refusals=(409,),
)
async def add() -> Response:
    """Check all routes or add one.

    With `path` and `target`: a route that is kept besides the hub's own. Else all routes are checked.

    The hub's own proxy follows its routes: there is never one missing that a check could add. Another is asked what it
    has, and given what it lacks.
    """
    asked = await _asked_route()
    if asked is None:
        await _check()
        return empty(200, "application/json")
    spec = _free_spec(asked.path)
    command = extra_route.Add(spec, check_target(asked.target))
    outcome = Outcome(201, encode({"routespec": spec, "target": command.target, "data": {"extra": True}}))
    await hub().entities.routes.ask(spec, command, by=by(), idempotency=idempotency_record(lambda _: outcome))
    added = routes.by_spec(database(), spec)
    assert added is not None, "a route that was added just now is there"
    return reply(_model(added), 201)


@endpoints.patch("/proxy", access=needs("proxy"), takes=PlaceBody, answers={200: None})
async def move() -> Response:
    """Tell where the proxy is, and with which token to ask it.

    It is then given what it lacks. The hub's own proxy needs no telling.
    """
    if not isinstance(await raw_body(), dict):
        raise InvalidError('The body is a JSON object such as {"api_url": "http://127.0.0.1:8001"}.')
    place = await body(PlaceBody)
    if driven := hub().proxies.driven:
        driven.move(place.api_url, place.auth_token)
    await _check()
    return empty(200, "application/json")


@endpoints.delete("/proxy/<rest:path>", access=needs("proxy"), answers={204: None}, refusals=(409,))
async def remove(path: str) -> Response:
    """End an extra route. `path`: with real slashes or encoded ones."""
    spec = _free_spec(path if _names_host(path) else f"/{path}")
    if extra_routes.by_spec(database(), spec) is None:
        raise NotFoundError(f"There is no extra route {spec}.")
    await hub().entities.routes.ask(
        spec, extra_route.Remove(), by=by(), idempotency=idempotency_record(lambda _: Outcome(204))
    )
    return empty(204)


async def _check() -> None:
    """Raises UnavailableError where a proxy that the hub drives cannot be asked."""
    began = perf_counter()
    if driven := hub().proxies.driven:
        await driven.check()
    hub().metrics.routes_checked(perf_counter() - began)


async def _asked_route() -> RouteBody | None:
    """None for a body that names no route: nothing of it counts then, not even whether it is JSON."""
    try:
        value = await raw_body()
    except InvalidError:
        return None
    if not isinstance(value, dict) or not {"path", "target"} <= value.keys():
        return None
    return await body(RouteBody)


def _free_spec(path: str) -> str:
    """Raises InvalidError, or ConflictError for a route that is the hub's."""
    settings = hub().settings.hub
    hub_host = urlsplit(settings.subdomain_host).hostname or ""
    spec = normal_spec(path, with_hosts=bool(hub_host))
    check_free(spec, settings.base_url, settings.hub_routespec or settings.base_url, hub_host)
    return spec


def _names_host(path: str) -> bool:
    """Whether a path of which nobody can tell if it began with a slash is that of a route with a host."""
    with_hosts = hub().hosts.has_subdomains and not unquote(path).startswith("/")
    return with_hosts and extra_routes.by_spec(database(), normal_spec(f"/{path}")) is None


def _hub_model() -> tuple[str, dict[str, Any]]:
    """The one route that is in no table."""
    spec, target = hub().route_table.hub_route
    data = {"hub": True, "last_activity": _shown(hub().proxies.seen.get(spec, hub().began))}
    return spec, {"routespec": spec, "target": target, "data": data}


def _listed(route: Route) -> tuple[str, dict[str, Any]]:
    model = _model(route)
    return model["routespec"], model


def _model(route: Route) -> dict[str, Any]:
    """With the data that JupyterHub's proxies keep, and when the route was last used or, if never, made."""
    data = {**route.data(), "last_activity": _shown(max(_last_use(route), datetime.fromisoformat(route.at)))}
    return {"routespec": hub().hosts.spec(route.spec), "target": route.target, "data": data}


def _last_use(route: Route) -> datetime:
    if route.kind != "server":
        return hub().proxies.seen.get(route.spec, NEVER)
    seen = hub().activity.servers.get(route.holder_id, NEVER)
    row = servers.by_id(database(), route.holder_id)
    recorded = datetime.fromisoformat(row.last_activity) if row and row.last_activity else NEVER
    return max(seen, recorded)


def _shown(moment: datetime) -> str:
    """With milliseconds, as JupyterHub's proxies do."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
