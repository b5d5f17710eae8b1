"""The OpenAPI document: it is valid, checked in, served, complete; and answers that it does not name are noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from msgspec import Struct
from openapi_spec_validator import validate
from quart import Response

from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.openapi.openapi_check import Contract, NotAsDocumented, contract
from web.app.app import API
from web.openapi.document import document
from web.openapi.page import as_page
from web.openapi.text import as_text
from web.request.access import IDENTIFIED, OPEN, Lists, needs
from web.request.declared import Events, Paged, Text
from web.request.routing import RouteGroup

CHECKED_IN = Path(__file__).parents[4] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return document(API)


def operations(whole: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in whole["paths"].items()
        for method, operation in methods.items()
    ]


# --- the document of this hub ---


def test_it_is_valid(whole: dict[str, Any]) -> None:
    validate(whole)


def test_what_is_checked_in_is_what_the_routes_declare(whole: dict[str, Any]) -> None:
    assert CHECKED_IN.read_text() == as_text(whole), "run `make openapi`"
    assert CHECKED_IN.with_name("rest-endpoints.md").read_text() == as_page(whole), "run `make openapi`"


async def test_it_is_served_to_everybody(client: Client, whole: dict[str, Any]) -> None:
    answer = await client.with_token(None).get("/openapi.json")
    assert answer.json() == whole


async def test_it_says_where_the_api_is() -> None:
    async with hub_in_memory(settings_for_tests(base_url="/lab/")) as hub:
        answer = await Client(hub, ADMIN_TOKEN).get("http://hub.test/lab/hub/api/openapi.json")
        assert answer.json()["servers"] == [{"url": "/lab/hub/api"}]


def test_every_operation_says_what_it_is_for(whole: dict[str, Any]) -> None:
    assert [
        name for name, operation in operations(whole) if not operation.get("summary", "").endswith(".")
    ] == []
    assert [tag["name"] for tag in whole["tags"] if not tag["description"]] == []


def test_every_answer_has_a_type(whole: dict[str, Any]) -> None:
    untyped = [
        f"{name} {status}"
        for name, operation in operations(whole)
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
        if content["schema"] == {}
    ]
    assert untyped == []


def test_every_command_that_needs_a_caller_takes_a_key(whole: dict[str, Any]) -> None:
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    without = [name for name, operation in operations(whole) if key not in operation.get("parameters", ())]
    assert [name for name in without if not name.startswith(("GET", "HEAD"))] == [
        "POST /authorizations/token",
        "POST /authorizations/token/{token}",
        "POST /oauth2/token",
    ]


# --- how a route is described ---


class Thing(Struct):
    name: str
    size: int = 0


class ThingsQuery(Struct):
    colour: Literal["red", "blue"]
    name: str = ""


def described(method: str, path: str, **declared: Any) -> dict[str, Any]:
    """The operation of a group with this one route."""
    endpoints = RouteGroup("things")

    @endpoints.route(method, path, **declared)
    async def handle(**_: str) -> Response:
        """Say what it is.

        And more of it.
        """
        raise NotImplementedError

    whole = document([endpoints])
    validate(whole)
    ((_, operation),) = operations(whole)
    return operation


def test_summary_and_description_are_the_docstring() -> None:
    operation = described("GET", "/things", access=OPEN, answers={200: Thing})
    assert operation["summary"] == "Say what it is."
    assert operation["description"] == "And more of it.\n\nOpen to everybody."
    assert operation["tags"] == ["things"]


@pytest.mark.parametrize(
    ("access", "security", "text"),
    [
        (OPEN, [], "Open to everybody."),
        (IDENTIFIED, [{"token": []}], "whom the hub knows."),
        (needs("read:users", "servers"), [{"token": ["read:users"]}, {"token": ["servers"]}], "`servers`."),
        (Lists("list:users"), [{"token": ["list:users"]}], "the rest is left out."),
    ],
)
def test_who_may(access: Any, security: list[Any], text: str) -> None:
    operation = described("GET", "/things", access=access, answers={200: Thing})
    assert operation["security"] == security
    assert operation["description"].endswith(text)


@pytest.mark.parametrize(
    ("method", "path", "declared", "statuses"),
    [
        ("GET", "/things", {"access": OPEN, "answers": {200: Thing}}, ["200", "304", "500", "503"]),
        (
            "GET",
            "/things",
            {"access": IDENTIFIED, "answers": {200: Thing}},
            ["200", "304", "403", "500", "503"],
        ),
        (
            "GET",
            "/things/<name>",
            {"access": OPEN, "answers": {200: Thing}},
            ["200", "304", "404", "500", "503"],
        ),
        ("GET", "/things", {"access": OPEN, "answers": {200: Events(Thing)}}, ["200", "429", "500", "503"]),
        (
            "GET",
            "/things",
            {"access": OPEN, "answers": {200: Paged(list[Thing])}},
            ["200", "304", "400", "500", "503"],
        ),
        (
            "DELETE",
            "/things/<name>",
            {"access": needs("servers"), "answers": {204: None}, "refusals": (409,)},
            ["204", "400", "403", "404", "409", "413", "422", "500", "503"],
        ),
    ],
)
def test_refusals_follow_from_access_and_method(
    method: str, path: str, declared: dict[str, Any], statuses: list[str]
) -> None:
    assert list(described(method, path, **declared)["responses"]) == statuses


def test_parameters_come_from_the_path_and_the_query() -> None:
    answers = {200: Paged(list[Thing])}
    operation = described("GET", "/of/<user>/<maybe:server>", access=OPEN, query=ThingsQuery, answers=answers)
    assert [(one.get("in"), one.get("name"), one.get("required")) for one in operation["parameters"]] == [
        ("path", "user", True),
        ("path", "server", True),
        ("query", "colour", True),
        ("query", "name", False),
        (None, None, None),
        (None, None, None),
        (None, None, None),
    ]
    assert [one["$ref"].rpartition("/")[2] for one in operation["parameters"][4:]] == [
        "Offset",
        "Limit",
        "IfNoneMatch",
    ]


THING = {"$ref": "#/components/schemas/Thing"}


@pytest.mark.parametrize(
    ("takes", "required", "schema"),
    [(Thing, True, THING), (Thing | None, False, {"anyOf": [THING, {"type": "null"}]})],
)
def test_a_body_that_may_be_left_out_may_be_null(takes: Any, required: bool, schema: Any) -> None:
    body = described("POST", "/things", access=OPEN, takes=takes, answers={201: Thing})["requestBody"]
    assert body["required"] is required
    assert body["content"]["application/json"]["schema"] == schema


def test_an_answer_may_have_several_forms() -> None:
    answers = {200: (Text(), Thing, Events(Thing))}
    content = described("GET", "/things", access=OPEN, answers=answers)["responses"]["200"]["content"]
    assert content.keys() == {"text/plain", "application/json", "text/event-stream"}
    data = content["text/event-stream"]["schema"]["properties"]["data"]
    assert data["contentSchema"] == THING


def test_two_routes_that_differ_in_the_names_of_their_parameters_are_one_path() -> None:
    endpoints = RouteGroup("things")

    async def by_user(user: str) -> Response:
        """By user."""
        raise NotImplementedError

    async def by_code(code: str) -> Response:
        """By code."""
        raise NotImplementedError

    endpoints.get("/things/<user>", access=needs("servers"), answers={200: Thing})(by_user)
    endpoints.get("/things/<code:code>", access=IDENTIFIED, answers={200: list[Thing], 202: None})(by_code)
    whole = document([endpoints])
    validate(whole)
    ((name, operation),) = operations(whole)
    assert name == "GET /things/{user}"
    assert len(operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]) == 2
    assert "202" in operation["responses"]
    assert "Or: By code." in operation["description"]


# --- answers that are not as documented ---


def answer(status: int, path: str = "/users/alice", method: str = "GET", **content: Any) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request(method, f"http://hub.test{path}"), **content)


@pytest.mark.parametrize(
    ("got", "text"),
    [
        (answer(418, json={}), "was answered 418: the document says 200,"),
        (answer(200, json={"kind": "user"}), "'name' is a required property"),
        (answer(200, json={"kind": "user", "name": "alice", "nickname": "al"}), "'nickname' was unexpected"),
        (answer(200, json={"kind": "user", "name": 1}), r"at \$\.name: 1 is not of type 'string'"),
        (answer(200, text="alice"), "as 'text/plain': the document says application/json"),
        (answer(404, json={"message": "no"}), "'status' is a required property"),
        (answer(304, text="x"), "with a body, where the document has none"),
    ],
)
def test_an_answer_that_is_not_documented_is_noticed(got: httpx.Response, text: str) -> None:
    with pytest.raises(NotAsDocumented, match=text):
        contract().check("GET", "/users/<user>", got)


def test_an_event_that_is_not_documented_is_noticed() -> None:
    endpoints = RouteGroup("things")

    @endpoints.get("/things", access=OPEN, answers={200: Events(Thing)})
    async def follow() -> Response:
        """Follow."""
        raise NotImplementedError

    own = Contract(document([endpoints]))
    stream = {"content-type": "text/event-stream"}
    own.check("GET", "/things", answer(200, "/things", headers=stream, text='\n\ndata: {"name": "a"}\n\n'))
    with pytest.raises(NotAsDocumented, match="'name' is a required property"):
        own.check("GET", "/things", answer(200, "/things", headers=stream, text="data: {}\n\n"))


async def test_the_tests_client_notices_by_itself(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = document(API)
    del broken["components"]["schemas"]["Version"]["properties"]["version"]
    own = Contract(broken)
    monkeypatch.setattr("tests.unit.web.openapi.openapi_check.contract", lambda: own)
    with pytest.raises(NotAsDocumented, match="'version' was unexpected"):
        await client.get("/")
