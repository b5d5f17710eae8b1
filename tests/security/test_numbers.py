"""Numbers, moments and texts that no honest client sends, wherever one may be sent: none is more than the hub can bear.

The routes and their arguments are those of the application, so one that is added is tested with the rest.
"""

from __future__ import annotations

import pytest

from tests.conftest import Client
from tests.unit.web.app.test_route_matrix import routes_of
from tests.unit.web.pages.browser import NAVIGATES, logged_in
from web.hub.hub import Hub
from web.request.sent.numerals import whole_number

NUMBERS = (
    "-1",
    "0",
    "1" * 18,
    str(2**63 - 1),
    str(2**63),
    f"-{2**64}",
    "9" * 30,
    "9" * 5000,
    "\u0663",
    "1e9",
)
MOMENTS = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z", "9" * 100)
TEXTS = ("\0", "\ufffe", "*" * 2000, "[", "'")

FORMS = {
    "/hub/token": ("note", "scopes", "expires_in", "revoke", "_once"),
    "/hub/share/alice/": ("expires_in", "scopes", "id", "name", "people"),
    "/hub/share-news": ("upto", "next"),
    "/hub/home": ("add", "stop", "delete"),
    "/hub/accept-share": ("code", "next"),
}


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("", None), ("\u0663", None)],
)
def test_a_number_is_ascii_digits_that_the_log_can_hold(text: str, number: int | None) -> None:
    assert whole_number(text) == number


async def test_no_argument_of_a_query_is_too_much(client: Client) -> None:
    tried = 0
    for url, route in routes_of(client.app):
        if route.method != "GET" or route.query is None:
            continue
        await client.post("/users/bob")
        for name in route.query.__struct_fields__:
            for value in (*NUMBERS, *MOMENTS, *TEXTS):
                asked = {"limit": "1", name: value}  # with a limit a stream is a page
                answer = await client.get(f"http://hub.test/hub{url}", params=asked)
                assert answer.status_code < 500, f"{url} {name}={value[:40]}: {answer.text}"
                tried += 1
    assert tried > 500


@pytest.mark.parametrize(
    "path", ["/users/alice/server/logs", "/users/alice/server/progress", "/events?limit=1"]
)
@pytest.mark.parametrize("seen", NUMBERS[:-2])
async def test_no_stream_is_resumed_from_too_far(client: Client, path: str, seen: str) -> None:
    await client.post("/users/alice")
    headers = {"Last-Event-ID": seen, "Accept": "text/event-stream"}
    answer = await client.get(path, headers=headers)
    assert answer.status_code < 500, answer.text


async def test_no_field_of_a_form_is_too_much(hub: Hub) -> None:
    alice = await logged_in(hub)
    for path, names in FORMS.items():
        for act in ("grant", "revoke", "issue", "withdraw") if "share/" in path else ("",):
            for name in names:
                for value in (*NUMBERS, *TEXTS):
                    fields = {"act": act, "_xsrf": alice.xsrf, name: value}
                    answer = await alice.post(path, data=fields, headers=NAVIGATES)
                    assert answer.status_code < 500, f"{path} {act} {name}={value[:40]}: {answer.text}"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("599", "599"),
        ("0404", "404"),
        ("04041", "404"),
        ("0404" + "0" * 3000, "404"),
        ("\u0664\u0660\u0664", "404"),
    ],
)
async def test_a_page_of_an_error_bears_a_status_that_there_is(hub: Hub, code: str, shown: str) -> None:
    answer = await (await logged_in(hub)).get(f"/hub/error/{code}")
    assert answer.status_code == 200
    assert f'<span class="code">{shown}</span>' in answer.text
