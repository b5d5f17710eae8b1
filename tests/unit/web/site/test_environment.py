"""What servers and services are told of the hub, of themselves as OAuth clients, and of their cookies."""

from __future__ import annotations

import json

import pytest
import trio
from msgspec.structs import replace

from core.plugins.spawner import Telling
from core.server import Spawning
from core.settings import HubSettings, SpawnerSettings, TornadoSettings
from tests.conftest import hub_in_memory, settings_for_tests
from web.site.environment import public_addresses
from web.site.hosts import Hosts

LAB = Spawning(
    "s0mt5qz3k9cccccccccccccccc", {}, "/user/zo%C3%AB/lab/", "zoë", "lab", client_scopes=["read:users!user"]
)


async def test_a_server_is_told_who_it_is() -> None:
    settings = replace(settings_for_tests(), spawner=SpawnerSettings(debug=True))
    async with hub_in_memory(settings) as hub, trio.open_nursery() as nursery:
        told = (await hub.launch.attempt("v0", LAB, Telling(lambda _: None, nursery))).environment
    token = told.pop("JUPYTERHUB_API_TOKEN")
    assert told.pop("JPY_API_TOKEN") == token
    assert {name: told[name] for name in told if name.startswith("JUPYTERHUB_") and "OAUTH" not in name} == {
        "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
        "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:8081/hub/api/users/zo%C3%AB/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-zo%C3%AB-lab",
        "JUPYTERHUB_HOST": "",
        "JUPYTERHUB_USER": "zoë",
        "JUPYTERHUB_SERVER_NAME": "lab",
        "JUPYTERHUB_SERVICE_PREFIX": "/user/zo%C3%AB/lab/",
        "JUPYTERHUB_PUBLIC_URL": "",
        "JUPYTERHUB_PUBLIC_HUB_URL": "",
        "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "0",
        "JUPYTERHUB_DEBUG": "1",
    }
    access = ["access:servers!server=zoë/lab", "access:servers!user=zoë"]
    assert json.loads(told["JUPYTERHUB_OAUTH_ACCESS_SCOPES"]) == access
    assert json.loads(told["JUPYTERHUB_OAUTH_SCOPES"]) == access
    assert told["JUPYTERHUB_OAUTH_CALLBACK_URL"] == "/user/zo%C3%AB/lab/oauth_callback"
    assert json.loads(told["JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES"]) == ["read:users!user", access[0]]


@pytest.mark.parametrize(
    ("settings", "prefix", "told"),
    [
        (
            HubSettings(public_url="https://hub.example/lab/", base_url="/lab/"),
            "/lab/user/bob/",
            {
                "JUPYTERHUB_BASE_URL": "/lab/",
                "JUPYTERHUB_HOST": "https://hub.example",
                "JUPYTERHUB_PUBLIC_URL": "https://hub.example/lab/user/bob/",
                "JUPYTERHUB_PUBLIC_HUB_URL": "https://hub.example/lab/hub/",
            },
        ),
        (HubSettings(public_url="https://hub.example/"), "", {"JUPYTERHUB_PUBLIC_URL": ""}),
        (HubSettings(cookie_host_prefix_enabled=True), "/", {"JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "1"}),
        (
            HubSettings(tornado_settings=TornadoSettings(cookie_options={"samesite": "None"})),
            "/",
            {"JUPYTERHUB_COOKIE_OPTIONS": '{"samesite": "None"}'},
        ),
    ],
)
def test_what_browsers_know_it_by(settings: HubSettings, prefix: str, told: dict[str, str]) -> None:
    found = public_addresses(settings, Hosts(settings), prefix)
    assert {name: found[name] for name in told} == told
