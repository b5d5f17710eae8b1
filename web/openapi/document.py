"""The OpenAPI document of the API, made of what its routes declare and of the types they name."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from web.openapi import parameters, refusals
from web.openapi.operation import SCHEME, operation, types_of
from web.openapi.schemas import Schemas
from web.request.access import TheProxy
from web.request.answers import Refusal
from web.request.routing import Route, RouteGroup
from web.request.sent.paging import Pagination
from web.site import version

Document = dict[str, Any]

_ABOUT = """\
The API of JupyterHub 6.1.1, and what Callboard adds to it.

Callers show a token in the header `Authorization: token X` (or `bearer X`). What a token may do is a set of scopes;
each operation says which it needs. A scope may be held for some users, groups or servers only: for others the answer is
404, whether they exist or not.

Every refusal is `{"status", "message"}`. The same paths without `/hub`, such as `/api/users`, are answered too.
"""


def document(groups: Sequence[RouteGroup], base_url: str = "/") -> Document:
    routes = [(group, route) for group in groups for route in group.routes if _is_public(route)]
    schemas = Schemas([kind for _, route in routes for kind in types_of(route)] + [Refusal, Pagination])
    paths: dict[str, dict[str, Any]] = {}
    shapes: dict[str, str] = {}  # paths that differ in the names of their parameters only are one path here
    identifiers = _Identifiers()
    for group, route in routes:
        template = parameters.NAME.sub(r"{\1}", route.path)
        path = shapes.setdefault(parameters.NAME.sub("{}", route.path), template)
        found = operation(route, identifiers.of(route), group.name, schemas)
        operations, method = paths.setdefault(path, {}), route.method.lower()
        operations[method] = _both(operations[method], found) if method in operations else found
    for path, operations in paths.items():
        for found in operations.values():
            _name_as_in(path, found)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Callboard", "version": version.OWN, "description": _ABOUT},
        "servers": [{"url": f"{base_url}hub/api"}],
        "tags": [{"name": group.name, "description": _about(group)} for group in _used(groups)],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": schemas.components,
            "parameters": parameters.COMPONENTS,
            "responses": refusals.components(),
            "securitySchemes": {
                SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`Authorization: bearer X`; `token X` means the same.",
                }
            },
        },
    }


def _is_public(route: Route) -> bool:
    """What only the proxy may ask is between the two. An empty path is the same as `/`."""
    return not isinstance(route.access, TheProxy) and route.path != ""


class _Identifiers:
    """Unique names of operations, fit to be names of functions."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}

    def of(self, route: Route) -> str:
        name = route.name.replace(".", "_").replace("-", "_")
        self._count[name] = number = self._count.get(name, 0) + 1
        return name if number == 1 else f"{name}_{number}"


def _used(groups: Iterable[RouteGroup]) -> list[RouteGroup]:
    return [group for group in groups if any(_is_public(route) for route in group.routes)]


def _about(group: RouteGroup) -> str:
    module = sys.modules[group.routes[0].handler.__module__]
    return inspect.cleandoc(module.__doc__ or "").partition("\n")[0]


# --- two routes for one path: the hub tells by what stands there which is meant ---


def _both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    statuses = sorted({*first["responses"], *second["responses"]})
    scopes = list(dict.fromkeys([*first.get("x-scopes", ()), *second.get("x-scopes", ())]))
    return {
        **first,
        "description": f"{first['description']}\n\nOr: {second['summary']} {second['description']}",
        "security": [{SCHEME: []}],
        "x-scopes": scopes,
        "responses": {status: _either(status, first, second) for status in statuses},
    }


def _either(status: str, first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    found = [one["responses"][status] for one in (first, second) if status in one["responses"]]
    if len(found) == 1 or "content" not in found[0] or "content" not in found[1]:
        return dict(found[0])
    content = {}
    for kind in dict.fromkeys((*found[0]["content"], *found[1]["content"])):
        options = list(_schemas(found, kind))
        content[kind] = {"schema": options[0] if len(options) == 1 else {"anyOf": options}}
    return {**found[0], "content": content}


def _schemas(responses: list[dict[str, Any]], content_type: str) -> Iterator[dict[str, Any]]:
    for response in responses:
        schema = response["content"].get(content_type, {}).get("schema")
        if schema is not None:
            yield from schema.get("anyOf", [schema])


def _name_as_in(path: str, found: dict[str, Any]) -> None:
    """Give the parameters in the path the names that they have there, whichever route they come from."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    in_path = [one for one in found.get("parameters", ()) if one.get("in") == "path"]
    for parameter, name in zip(in_path, names, strict=True):
        parameter["name"] = name
