"""Where the hub listens and is reached, and who speaks to it, by the configuration."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from quart import request

from core.settings import CHP, HubSettings, ProxySettings, Settings, SpawnerSettings
from tests.conftest import Client, hub_in_memory, settings_for_tests
from web.request.client_address import address_of
from web.site.addresses import bind_address, connect_url, local_address, proxied_address, public_address

HERE = socket.gethostname()


@pytest.mark.parametrize(
    ("hub", "bound", "local", "connect"),
    [
        ({}, "http://127.0.0.1:8081", "http://127.0.0.1:8081", "http://127.0.0.1:8081/hub"),
        ({"hub_port": 9}, "http://127.0.0.1:9", "http://127.0.0.1:9", "http://127.0.0.1:9/hub"),
        ({"hub_ip": ""}, "http://:8081", "http://127.0.0.1:8081", f"http://{HERE}:8081/hub"),
        ({"hub_ip": "0.0.0.0"}, "http://0.0.0.0:8081", "http://127.0.0.1:8081", f"http://{HERE}:8081/hub"),
        ({"hub_ip": "::"}, "http://[::]:8081", "http://[::1]:8081", f"http://{HERE}:8081/hub"),
        (
            {"hub_ip": "0.0.0.0", "hub_connect_ip": "10.0.0.5", "base_url": "/lab/"},
            "http://0.0.0.0:8081",
            "http://127.0.0.1:8081",
            "http://10.0.0.5:8081/lab/hub",
        ),
        (
            {"hub_bind_url": "http://:8088/", "hub_connect_url": "http://hub:80"},
            "http://:8088",
            "http://127.0.0.1:8088",
            "http://hub:80/hub",
        ),
        ({"hub_bind_url": "http+unix://%2Frun%2Fhub"},) + ("http+unix://%2Frun%2Fhub",) * 2 + ("http+unix://%2Frun%2Fhub/hub",),
    ],
)  # fmt: skip
def test_where_the_hub_is(hub: dict[str, Any], bound: str, local: str, connect: str) -> None:
    settings = HubSettings(**hub)
    assert bind_address(settings) == bound
    assert local_address(settings) == local
    assert connect_url(Settings(hub=settings)) == connect


@pytest.mark.parametrize(
    ("bind_url", "opened"),
    [
        ("http://:8000/", "http://127.0.0.1:8000/"),
        ("http://0.0.0.0:8000/lab/", "http://127.0.0.1:8000/lab/"),
        ("https://[::]:443/", "https://[::1]:443/"),
        ("https://:443/@/a%20hub/", "https://127.0.0.1:443/@/a%20hub/"),
        ("http://10.0.0.5:80/", "http://10.0.0.5:80/"),
        ("http+unix://%2Frun%2Fhub/", "http+unix://%2Frun%2Fhub/"),
    ],
)
def test_an_address_that_can_be_opened_is_told(bind_url: str, opened: str) -> None:
    assert public_address(HubSettings(bind_url=bind_url)) == opened


def test_spawners_may_be_told_another_address() -> None:
    settings = Settings(spawner=SpawnerSettings(hub_connect_url="http://10.0.0.9:8081"))
    assert connect_url(settings) == "http://10.0.0.9:8081/hub"


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        (None, [], ""),
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7, 10.1.2.3", [], "10.1.2.3"),
        ("203.0.113.7, 10.1.2.3", ["10.0.0.0/8"], "203.0.113.7"),
        ("forged, 203.0.113.7, 10.1.2.3, 10.1.2.4", ["10.1.2.3", "10.1.2.4"], "203.0.113.7"),
        ("10.1.2.3", ["10.0.0.0/8"], "10.1.2.3"),
    ],
)
async def test_who_speaks_is_told_by_the_first_proxy_that_is_not_ours(
    forwarded: str | None, trusted: list[str], address: str
) -> None:
    async with hub_in_memory(settings_for_tests(trusted_downstream_ips=trusted)) as hub:
        app = Client(hub, None).app
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        async with app.test_request_context("/", headers=headers):
            assert address_of(request) == address  # type: ignore[arg-type]  # a proxy of one


@pytest.mark.parametrize(
    ("hub", "starts", "address"),
    [
        ({"hub_connect_url": "http://hub:8081"}, True, "http://127.0.0.1:8081"),
        ({"hub_connect_url": "http://hub:8081"}, False, "http://hub:8081"),
        ({"hub_ip": "0.0.0.0", "hub_connect_ip": "hub", "base_url": "/lab/"}, False, "http://hub:8081"),
        ({"hub_connect_url": "http://hub:8081", "proxy_class": "callboard"}, False, "http://127.0.0.1:8081"),
    ],
)
def test_where_a_proxy_is_told_that_the_hub_is(hub: dict[str, Any], starts: bool, address: str) -> None:
    """One that somebody else runs may be on another machine; what servers are told of their own is not for it."""
    settings = Settings(
        hub=HubSettings(**{"proxy_class": CHP, **hub}),
        proxy=ProxySettings(should_start=starts),
        spawner=SpawnerSettings(hub_connect_url="http://10.0.0.9:8081"),
    )
    assert proxied_address(settings) == address
