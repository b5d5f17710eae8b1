"""What the hub answers, held against its OpenAPI document: every status, every field, every content type.

`tests/conftest.py` has each answer checked that a test gets from a hub in memory.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from quart import Quart

from web.app.app import API
from web.openapi.document import document
from web.openapi.parameters import NAME
from web.openapi.responses import EVENTS, JSON
from web.openapi.schemas import Schema
from web.request.routing import ROUTES, NoRouteError
from web.site.api_paths import api_prefixes


class NotAsDocumented(AssertionError):
    pass


class Contract:
    """The document, ready to be asked about answers."""

    def __init__(self, whole: dict[str, Any]) -> None:
        self._components = whole["components"]
        closed = {name: _closed(schema) for name, schema in self._components["schemas"].items()}
        self._definitions = {"schemas": closed}
        self._open_definitions = {"schemas": self._components["schemas"]}
        self._operations = {
            (method.upper(), _shape(path)): operation
            for path, operations in whole["paths"].items()
            for method, operation in operations.items()
        }
        self._validators: dict[str, Draft202012Validator] = {}

    def is_documented(self, method: str, path: str) -> bool:
        """`path`: as a route has it."""
        return (method, _shape(path)) in self._operations

    def check(self, method: str, path: str, response: httpx.Response) -> None:
        """Raises NotAsDocumented."""
        operation = self._operations[method, _shape(path)]
        responses, status = operation["responses"], str(response.status_code)
        if status not in responses and not (status >= "400" and "default" in responses):
            raise NotAsDocumented(f"{_of(response)}: the document says {', '.join(responses)}")
        self._check_content(responses.get(status) or responses["default"], response)

    def check_events(self, method: str, path: str, events: Iterable[Any]) -> None:
        """The data of events that came over a stream. Raises NotAsDocumented."""
        responses = self._operations[method, _shape(path)]["responses"]
        inside = _inside(responses["200"]["content"][EVENTS]["schema"])
        for data in events:
            self._validate(inside, data, f"an event of {path}", is_open=True)

    def check_refusal(self, response: httpx.Response) -> None:
        """Of what is no operation: no such path, no such method."""
        self._check_json({"$ref": "#/components/schemas/Refusal"}, response)

    def _check_content(self, documented: dict[str, Any], response: httpx.Response) -> None:
        content = self._resolved(documented).get("content")
        if content is None:
            if response.content:
                raise NotAsDocumented(f"{_of(response)} with a body, where the document has none")
            return
        sent = response.headers.get("content-type", "").partition(";")[0]
        if sent not in content:
            raise NotAsDocumented(f"{_of(response)} as {sent!r}: the document says {', '.join(content)}")
        schema = content[sent]["schema"]
        if sent == JSON:
            self._check_json(schema, response)
        elif sent == EVENTS:
            for data in _events(response.text):
                self._validate(_inside(schema), data, _of(response), is_open=True)

    def _check_json(self, schema: Schema, response: httpx.Response) -> None:
        self._validate(schema, response.json(), _of(response))

    def _validate(self, schema: Schema, value: Any, what: str, *, is_open: bool = False) -> None:
        error = best_match(self._validator(schema, is_open).iter_errors(value))
        if error is not None:
            raise NotAsDocumented(f"{what}, not as documented: at {error.json_path}: {error.message[:500]}")

    def _validator(self, schema: Schema, is_open: bool) -> Draft202012Validator:
        key = json.dumps([schema, is_open])
        if key not in self._validators:
            definitions = self._open_definitions if is_open else self._definitions
            whole = {**(schema if is_open else _closed(schema)), "components": definitions}
            self._validators[key] = Draft202012Validator(whole)
        return self._validators[key]

    def _resolved(self, response: dict[str, Any]) -> dict[str, Any]:
        reference = response.get("$ref")
        return self._components["responses"][reference.rpartition("/")[2]] if reference else response


@functools.cache
def contract() -> Contract:
    return Contract(document(API))


async def check(app: Quart, base_url: str, response: httpx.Response) -> None:
    """Hold an answer of this application against the document, if it is about the API."""
    request = response.request
    path = request.url.raw_path.decode("ascii").partition("?")[0]
    prefix = next((one for one in api_prefixes(base_url) if path.startswith(f"{one}/")), None)
    if prefix is None or request.method == "OPTIONS":
        return
    await response.aread()
    try:
        found = app.extensions[ROUTES].match(path, request.method)
    except NoRouteError:
        if request.method != "HEAD":
            contract().check_refusal(response)
        return
    declared = found.route.path
    if contract().is_documented(request.method, declared or "/"):
        contract().check(request.method, declared or "/", response)


def _shape(path: str) -> str:
    """A path without the names of its parameters, be it a route's or the document's."""
    return (
        NAME.sub("{}", path)
        if "<" in path
        else "/".join("{}" if "{" in part else part for part in path.split("/"))
    )


def _inside(schema: Schema) -> Schema:
    """The schema of what events carry, which may be of several kinds."""
    kinds = [kind["properties"]["data"]["contentSchema"] for kind in schema.get("anyOf", [schema])]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _closed(schema: Any) -> Any:
    """The same schema, without room for properties that it does not name."""
    match schema:
        case dict():
            closed = {key: _closed(value) for key, value in schema.items()}
            if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
                closed.setdefault("additionalProperties", False)
            return closed
        case list():
            return [_closed(value) for value in schema]
        case _:
            return schema


def _events(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def _of(response: httpx.Response) -> str:
    path = response.request.url.raw_path.decode("ascii")
    return f"{response.request.method} {path} was answered {response.status_code}"
