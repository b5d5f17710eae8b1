"""What a request may carry besides its body: names in the path, the query, headers."""

from __future__ import annotations

import re
from typing import Any

from web.openapi.schemas import fields
from web.request.access import Open
from web.request.declared import Events, Paged, alternatives
from web.request.routing import Route

Parameter = dict[str, Any]

NAME = re.compile(r"<(?:\w+:)?(\w+)>")

_NAMES = {
    "code": "A share code.",
    "group": "The name of a group.",
    "job": "The id of a job.",
    "name": "A name.",
    "owner": "The name of the user whose server it is.",
    "path": "The path that a route leads from.",
    "request": "The number of a request, its answer's header X-Request-Id.",
    "server": "The name of a server. The default server has none: its path ends in `/server`, or in `/servers/`.",
    "service": "The name of a service.",
    "token": "The id of a token.",
    "user": "The name of a user.",
    "value": "The value of a cookie.",
}

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Chosen by the caller for this command. Sent again with the same key within 24 hours, the command "
    "is not carried out again, and is answered as it was.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_LAST_EVENT = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event seen: the stream goes on behind it.",
    "schema": {"type": "string"},
}
_KNOWN = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The Etag of the answer that the caller has: if that is still right, the answer is 304.",
    "schema": {"type": "string"},
}
_PAGE = [
    {
        "name": "offset",
        "in": "query",
        "description": "How many to leave out.",
        "schema": {"type": "integer", "default": 0},
    },
    {
        "name": "limit",
        "in": "query",
        "description": "How many at most. The configuration sets a limit of its own, 200 by default.",
        "schema": {"type": "integer"},
    },
]

COMPONENTS: dict[str, Parameter] = {
    "IdempotencyKey": _KEY,
    "LastEventID": _LAST_EVENT,
    "IfNoneMatch": _KNOWN,
    "Offset": _PAGE[0],
    "Limit": _PAGE[1],
}


def parameters(route: Route) -> list[Parameter]:
    given = [_in_path(name) for name in NAME.findall(route.path)]
    given += _in_query(route)
    answers = [one for answer in route.answers.values() for one in alternatives(answer)]
    if any(isinstance(one, Paged) for one in answers):
        given += [_reference("Offset"), _reference("Limit")]
    if any(isinstance(one, Events) for one in answers):
        given.append(_reference("LastEventID"))
    if has_etag(route):
        given.append(_reference("IfNoneMatch"))
    if route.method not in ("GET", "HEAD") and not isinstance(route.access, Open):
        given.append(_reference("IdempotencyKey"))
    return given


def has_etag(route: Route) -> bool:
    """Whether its answer can be what the caller has already: every 200 to a GET that is not a stream."""
    answer = route.answers.get(200, Events(None))
    return route.method == "GET" and not all(isinstance(one, Events) for one in alternatives(answer))


def _in_path(name: str) -> Parameter:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": _NAMES[name],
        "schema": {"type": "string"},
    }


def _in_query(route: Route) -> list[Parameter]:
    if route.query is None:
        return []
    schemas, required = fields(route.query)
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in schemas.items()
    ]


def _reference(name: str) -> Parameter:
    return {"$ref": f"#/components/parameters/{name}"}
