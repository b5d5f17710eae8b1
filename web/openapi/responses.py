"""What a route answers, as the responses of an operation: those it declares, and the refusals that follow."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from web.openapi import refusals
from web.openapi.parameters import has_etag
from web.openapi.schemas import Schema, Schemas
from web.request.declared import Events, Paged, Text, alternatives
from web.request.routing import Route

JSON = "application/json"
EVENTS = "text/event-stream"


def responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    found = {status: _response(status, answer, schemas) for status, answer in route.answers.items()}
    if has_etag(route):
        found[304] = {"description": "What the caller has is still right."}
    found |= {status: refusals.reference(status) for status in refusals.refusals(route)}
    return {refusals.key(status): found[status] for status in sorted(found)}


def types_answered(route: Route) -> list[Any]:
    """The types that the schemas of its answers are made of."""
    kinds = [_type(one) for answer in route.answers.values() for one in alternatives(answer)]
    return [kind for kind in kinds if kind is not None]


def _response(status: int, answer: Any, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, list[Schema]] = {}
    for one in alternatives(answer):
        for content_type, schema in _content(one, schemas):
            content.setdefault(content_type, []).append(schema)
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if content:
        response["content"] = {kind: {"schema": _any_of(found)} for kind, found in content.items()}
    return response


def _content(answer: Any, schemas: Schemas) -> list[tuple[str, Schema]]:
    """The forms it may come in: content types and schemas."""
    match answer:
        case None:
            return []
        case Text(content_type):
            return [(content_type, {"type": "string"})]
        case Events(data):
            return [(EVENTS, _event(schemas.of(data)))]
        case Paged(items, always):
            bare = schemas.of(items)
            return [(JSON, _page(bare))] if always else [(JSON, bare), (JSON, _page(bare))]
        case _:
            return [(JSON, schemas.of(answer))]


def _event(data: Schema) -> Schema:
    return {
        "description": "Server-sent events: this is what each of them is. Blank lines in between keep alive.",
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "event": {"type": "string"},
            "data": {"type": "string", "contentMediaType": JSON, "contentSchema": data},
        },
        "required": ["data"],
    }


def _page(items: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"items": items, "_pagination": {"$ref": "#/components/schemas/Pagination"}},
        "required": ["items", "_pagination"],
    }


def _any_of(found: list[Schema]) -> Schema:
    return found[0] if len(found) == 1 else {"anyOf": found}


def _type(answer: Any) -> Any:
    match answer:
        case None | Text():
            return None
        case Events(data):
            return data
        case Paged(items, _):
            return items
        case _:
            return answer
