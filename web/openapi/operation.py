"""One route as an operation of the document: what it is for, who may, what it takes and what it answers."""

from __future__ import annotations

import inspect
from typing import Any, assert_never, get_args

from web.openapi.parameters import parameters
from web.openapi.responses import JSON, responses, types_answered
from web.openapi.schemas import Schemas
from web.request.access import Access, Identified, Lists, Needs, Open, TheProxy
from web.request.declared import Paged, alternatives
from web.request.routing import Route

SCHEME = "token"  # how callers say who they are

_PAGES = (
    "The answer is one page. With `Accept: application/jupyterhub-pagination+json` it is wrapped, and says how many "
    "there are and where the next page is."
)
_ALWAYS_PAGES = "The answer is one page, and says how many there are and where the next page is."


def types_of(route: Route) -> list[Any]:
    """All types that its schemas are made of."""
    return types_answered(route) + ([] if route.takes is None else [route.takes])


def operation(route: Route, identifier: str, tag: str, schemas: Schemas) -> dict[str, Any]:
    summary, _, rest = (inspect.getdoc(route.handler) or "").partition("\n")
    about = [rest.strip(), _about_pages(route), _about_access(route.access)]
    described: dict[str, Any] = {
        "operationId": identifier,
        "tags": [tag],
        "summary": summary.strip(),
        "description": "\n\n".join(filter(None, about)),
        "parameters": parameters(route),
        "security": _security(route.access),
        "x-scopes": list(_scopes(route.access)),
    }
    if route.takes is not None:
        content = {JSON: {"schema": schemas.of(route.takes)}}
        described["requestBody"] = {"required": not _may_be_left_out(route.takes), "content": content}
    described["responses"] = responses(route, schemas)
    return {key: value for key, value in described.items() if value or key == "security"}


def _about_pages(route: Route) -> str:
    for one in (one for answer in route.answers.values() for one in alternatives(answer)):
        if isinstance(one, Paged):
            return _ALWAYS_PAGES if one.always else _PAGES
    return ""


# --- who may ---


def _scopes(access: Access) -> tuple[str, ...]:
    match access:
        case Needs(scopes):
            return scopes
        case Lists(scope):
            return (scope,)
        case Open() | Identified() | TheProxy():
            return ()
        case _:
            assert_never(access)


def _security(access: Access) -> list[dict[str, list[str]]]:
    """One requirement for each scope: any one of them will do."""
    if isinstance(access, Open):
        return []
    if isinstance(access, Needs) and access.or_login:
        return [{SCHEME: [scope]} for scope in access.scopes] + [{}]
    return [{SCHEME: [scope]} for scope in _scopes(access)] or [{SCHEME: []}]


def _about_access(access: Access) -> str:
    named = " or ".join(f"`{scope}`" for scope in _scopes(access))
    match access:
        case Open():
            return "Open to everybody."
        case Identified():
            return "Open to everybody whom the hub knows."
        case TheProxy():
            return "For the hub's own proxy."
        case Lists():
            return f"Needs the scope {named}, for some of what there is at least; the rest is left out."
        case Needs():
            return f"Needs the scope {named}."
        case _:
            assert_never(access)


def _may_be_left_out(taken: Any) -> bool:
    """Whether a body, where there is one, may be null too."""
    return type(None) in get_args(taken)
