"""Services: list, read, make and remove at run time."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType
from quart import Response

from core.config.roles import ADMIN, DEFAULT_ROLES
from core.config.service_definition import defined
from core.errors import AlreadyExistsError, InvalidError, NotFoundError
from core.events.file.store import Write
from core.events.file.writer import Outcome
from core.events.service import ServiceDefinition, service_stream
from core.events.token import TokenIssued, token_stream
from core.naming.ids import new_id
from core.scopes import Owner, Reach, Service, depends_on_holder, excess_to_give, listed
from core.scopes.held import covers
from core.service import Add, Remove
from core.token import HINT, check_length, quick_digest, slow_digest
from projections import tokens
from web.models.models import ServiceModel
from web.request.access import Lists, needs
from web.request.answers import empty, encode, reply
from web.request.context import body, by, database, hub, raw_body, scopes
from web.request.idempotency import idempotency_record
from web.request.routing import RouteGroup
from web.site.bounds import ScopeNames

endpoints = RouteGroup("services")


class ServiceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a request may say of a service. The last four are for managed ones, which only a configuration makes."""

    name: str = ""
    admin: bool = False
    url: str = ""
    api_token: str | None = None
    info: dict[str, Any] | UnsetType = UNSET
    display: bool | UnsetType = UNSET
    oauth_client_id: str = ""
    oauth_redirect_uri: str = ""
    oauth_client_allowed_scopes: ScopeNames = []
    oauth_no_confirm: bool = False
    command: list[str] = []
    environment: dict[str, Any] = {}
    cwd: str = ""
    user: str = ""


@endpoints.get("/services", access=Lists("list:services"), answers={200: dict[str, ServiceModel]})
async def listed_services() -> Response:
    """All services that the caller may see, by name."""
    reach = listed(scopes(), "list:services") or Reach()
    memberships = hub().rights.memberships
    rows = [row for row in hub().services.all() if covers(reach, Service(row.name), memberships)]
    models = ((row.name, hub().models.service(row, scopes())) for row in rows)
    return reply({name: model for name, model in models if model is not None})


@endpoints.get(
    "/services/<service>",
    access=needs("read:services", "read:services:name", "read:roles:services"),
    answers={200: ServiceModel},
)
async def read(service: str) -> Response:
    """The model of a service, as far as the caller may see it."""
    return reply(_model(service))


@endpoints.post(
    "/services/<service>",
    access=needs("admin:services"),
    takes=ServiceBody,
    answers={201: ServiceModel},
    refusals=(409,),
)
async def create(service: str) -> Response:
    """Add a service that the hub does not run.

    It has its route from now on, whether it answers or not.
    """
    if not await raw_body():
        raise InvalidError("The body of a new service is a JSON object with at least one key.")
    asked = await body(ServiceBody)
    definition = _definition(service, asked)
    if hub().services.get(service) is not None:
        raise AlreadyExistsError(f"There is already a service named {service!r}.")
    issue = [] if asked.api_token is None else [_issue(service, asked.api_token)]

    outcome = Outcome(201, encode({"kind": "service", "name": service}))
    await hub().entities.services.ask(
        service,
        Add(service, definition),
        by=by(),
        idempotency=idempotency_record(lambda _: outcome),
        also=issue,
    )
    return reply(_model(service), 201)


@endpoints.delete("/services/<service>", access=needs("admin:services"), answers={200: None}, refusals=(405,))
async def delete(service: str) -> Response:
    """Remove a service. Its route and its tokens end at once."""
    await hub().entities.services.ask(
        service, Remove(service), by=by(), idempotency=idempotency_record(lambda _: Outcome(200))
    )
    return empty(200, "application/json")


def _definition(name: str, asked: ServiceBody) -> ServiceDefinition:
    """Raises InvalidError, also for rights that go beyond the caller's."""
    if asked.command:
        raise InvalidError("A service that the hub runs can only be made in its configuration.")
    _check_may_give(name, asked)
    definition = ServiceDefinition(
        url=asked.url,
        admin=asked.admin,
        info=None if asked.info is UNSET else asked.info,
        display=None if asked.display is UNSET else asked.display,
        oauth_client_id=asked.oauth_client_id,
        oauth_redirect_uri=asked.oauth_redirect_uri,
        oauth_client_allowed_scopes=asked.oauth_client_allowed_scopes,
        oauth_no_confirm=asked.oauth_no_confirm,
    )
    return defined(name, hub().base_url, definition)


def _check_may_give(name: str, asked: ServiceBody) -> None:
    """Raises InvalidError. What the service's visitors are not asked about, administrators of the hub have chosen."""
    rights, allowed = hub().rights, asked.oauth_client_allowed_scopes
    given = {*allowed, *(DEFAULT_ROLES[ADMIN].scopes if asked.admin else ())}
    if excess := excess_to_give(given, Owner(service=name), scopes(), rights.memberships, rights.table):
        raise InvalidError(f"You cannot give what you do not hold: {', '.join(excess)}.")
    if asked.oauth_no_confirm and (unasked := [scope for scope in allowed if depends_on_holder(scope)]):
        raise InvalidError(
            f"With {unasked[0]!r}, which is something else for each visitor, oauth_no_confirm can only be set in the "
            "configuration."
        )


def _issue(service: str, token: str) -> Write:
    """The token that the service will have, to be recorded with it. Raises InvalidError or AlreadyExistsError."""
    digest = slow_digest(check_length(token), hub().store.fact("salt"))
    if any(tokens.by_digest(database(), known) for known in (digest, quick_digest(token))):
        raise AlreadyExistsError("This token belongs to somebody already.")
    issued = TokenIssued(
        service_stream(service), digest, ["inherit"], "given with the service", hint=token[:HINT]
    )
    return Write(token_stream(new_id("t")), 0, [issued])


def _model(name: str) -> ServiceModel:
    row = hub().services.get(name)
    model = hub().models.service(row, scopes()) if row else None
    if model is None:
        raise NotFoundError(f"There is no service named {name!r}.")
    return model
