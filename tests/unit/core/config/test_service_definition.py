"""What may be said of a service: the rules, and that both doors, a configuration file and the API, have the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.config.service_definition import MAX_NAME, MAX_URL, defined, said_of
from core.errors import InvalidError
from core.events.service import ServiceDefinition
from core.settings import ConfigError
from spawners.configuration import load_settings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests

LONG = "http://h/" + "x" * MAX_URL

SAID: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"name": "My Service"}, True),
    ({"name": "a.b"}, True),
    ({"name": "é"}, True),
    ({"name": "a@b"}, True),
    ({"name": "x" * MAX_NAME}, True),
    ({"name": "x" * (MAX_NAME + 1)}, False),
    ({"name": "..."}, False),
    ({"name": "a/b"}, False),
    ({"name": " a"}, False),
    ({"name": "a "}, False),
    ({"name": "a%20b"}, False),
    ({"name": "a\nb"}, False),
    ({"name": "a\u2028b"}, False),
    ({"name": "a\x7fb"}, False),
    ({"url": ""}, True),
    ({"url": "http://127.0.0.1:9000"}, True),
    ({"url": "HTTPS://h/x?y=z"}, True),
    ({"url": "http://[::1]:9"}, True),
    ({"url": "http://h:65535"}, True),
    ({"url": "http://h:99999"}, False),
    ({"url": "http://h:0"}, False),
    ({"url": "http://h:port"}, False),
    ({"url": "http://[::1"}, False),
    ({"url": "http://"}, False),
    ({"url": "http://:9000"}, False),
    ({"url": "ftp://h"}, False),
    ({"url": "127.0.0.1:9000"}, False),
    ({"url": "http://h\n:9"}, False),
    ({"url": "http://h:9/\tx"}, False),
    ({"url": "http://h:9/x y"}, False),
    ({"url": "http://é:9"}, False),
    ({"url": "http://alice:pw@h:9"}, False),
    ({"url": LONG}, False),
    ({"oauth_client_id": "service-x", "url": "http://h"}, True),
    ({"oauth_client_id": "service-x", "oauth_redirect_uri": "http://h/cb"}, True),
    ({"oauth_client_id": "x", "url": "http://h"}, False),
    ({"oauth_client_id": "service-x"}, False),
    ({"oauth_client_id": "", "oauth_redirect_uri": "http://h/cb"}, True),
    ({"api_token": "x" * 8}, True),
    ({"api_token": "x" * 64}, True),
    ({"api_token": "x" * 7}, False),
    ({"api_token": "x" * 65}, False),
    ({"info": {"a": 1}, "display": False, "admin": True}, True),
    ({"info": []}, False),
    ({"display": 1}, False),
    ({"admin": "yes"}, False),
    ({"url": 1}, False),
    ({"oauth_client_allowed_scopes": "read:users"}, False),
    ({"oauth_no_confirm": 1}, False),
    ({"colour": "red"}, False),
]
"""What is said beside a name, which is `new` where none is, and whether it may be."""

IDS = [str(said)[:60] for said, _ in SAID]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with hub_in_memory(settings_for_tests()) as hub, Client(hub, ADMIN_TOKEN) as client:
        yield client


@pytest.mark.parametrize(("said", "may_be"), SAID, ids=IDS)
async def test_a_file_and_the_api_take_and_refuse_the_same(
    said: dict[str, Any], may_be: bool, client: Client, tmp_path: Path
) -> None:
    from_api = await client.post(
        f"/services/{quote(said.get('name', 'new'), safe='')}", json={"info": {}, **said}
    )
    assert (from_api.status_code == 201) == may_be, from_api.text
    assert from_api.status_code in (201, 400)
    assert (from_file(tmp_path, said) == "") == may_be


@pytest.mark.parametrize("said", [said for said, may_be in SAID if may_be])
async def test_what_both_take_is_the_same_service(
    said: dict[str, Any], client: Client, tmp_path: Path
) -> None:
    said = {"name": "new", "info": {"a": 1}, **said}
    await client.post(f"/services/{quote(said['name'], safe='')}", json=said)
    row = client.hub.services.get(said["name"])
    assert row is not None
    made = row.defined()
    file = tmp_path / "hub.py"
    file.write_text(f"c.JupyterHub.services = [{said!r}]\n")
    (service,) = load_settings([file], [])[0].hub.services
    loaded = defined(service.name, "/", said_of(service))
    assert (loaded.url, loaded.prefix, loaded.oauth_client_id, loaded.oauth_redirect_uri, loaded.info) == (
        made.url,
        made.prefix,
        made.oauth_client_id,
        made.oauth_redirect_uri,
        made.info,
    )


def from_file(directory: Path, said: dict[str, Any]) -> str:
    """Why a configuration with such a service is refused; empty if it is not."""
    file = directory / "hub.py"
    file.write_text(f"c.JupyterHub.services = [{ {'name': 'new', **said}!r}]\n")
    try:
        load_settings([file], [])
    except ConfigError as error:
        return str(error)
    return ""


tricky = st.text(st.sampled_from("ab:/.@%20? \n\té-["), max_size=12)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=tricky.filter(bool), url=tricky.map(lambda text: text and f"http://{text}"), client_id=tricky)
def test_whatever_is_said_both_are_of_one_mind(name: str, url: str, client_id: str, tmp_path: Path) -> None:
    client_id = client_id and f"service-{client_id}"
    said = {"url": url, "oauth_client_id": client_id}
    try:
        defined(name, "/", ServiceDefinition(url=url, oauth_client_id=client_id))
        refused = False
    except InvalidError:
        refused = True
    assert bool(from_file(tmp_path, {"name": name, **said})) == refused


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"name": "a\nb"}, "services[0].name = 'a\\nb': no slash"),
        ({"url": "http://h:99999"}, "services[0].url = 'http://h:99999': expected a URL"),
        (
            {"oauth_client_id": "service-x"},
            "services[0].oauth_client_id = 'service-x': an OAuth client needs",
        ),
    ],
)
def test_a_file_is_told_what_and_why(said: dict[str, Any], message: str, tmp_path: Path) -> None:
    refusal = from_file(tmp_path, said)
    assert message in refusal
    assert "\n" not in refusal, "one line"


def test_the_user_of_a_url_is_not_shown(tmp_path: Path) -> None:
    assert "geheim" not in from_file(tmp_path, {"url": "http://alice:geheim@h:9"})


# --- what follows ---


@pytest.mark.parametrize(
    ("wanted", "prefix", "client"),
    [
        (ServiceDefinition(), "", ""),
        (ServiceDefinition(url="https://h/x"), "/b/services/my%20web/", "service-my web"),
        (ServiceDefinition(oauth_redirect_uri="http://h/cb"), "", "service-my web"),
        (
            ServiceDefinition(oauth_redirect_uri="http://h/cb", oauth_client_id="service-other"),
            "",
            "service-other",
        ),
    ],
)
def test_who_has_a_url_or_a_redirect_uri_is_an_oauth_client(
    wanted: ServiceDefinition, prefix: str, client: str
) -> None:
    made = defined("my web", "/b/", wanted)
    assert (made.prefix, made.oauth_client_id) == (prefix, client)
