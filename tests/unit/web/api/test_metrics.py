"""Metrics over HTTP, in memory: the names dashboards know, true numbers, and who may see them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module

import pytest
import trio
from jupyterhub import apihandlers, handlers
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import wait_all_tasks_blocked

from core.events.record import HUB
from core.settings import CallboardSettings
from core.token import Issue
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.live import live
from tests.unit.web.app.test_route_matrix import routes_of
from web.app.app import build_app
from web.app.handler_names import _HANDLERS, handler_name
from web.hub.hub import Hub
from web.monitoring.metrics import Metrics

PATHS = ("/hub/metrics", "/hub/api/metrics", "/api/metrics")

HISTOGRAMS = (
    "request_duration_seconds",
    "server_spawn_duration_seconds",
    "check_routes_duration_seconds",
    "hub_startup_duration_seconds",
    "init_spawners_duration_seconds",
    "proxy_poll_duration_seconds",
    "login_duration_seconds",
    "logout_duration_seconds",
    "proxy_add_duration_seconds",
    "server_poll_duration_seconds",
    "server_stop_seconds",
    "proxy_delete_duration_seconds",
    "event_loop_interval_seconds",
)
FROM_THE_START = (
    'server_spawn_duration_seconds_count{reason="",status="success"}',
    'server_spawn_duration_seconds_count{reason="",status="failure"}',
    'server_spawn_duration_seconds_count{reason="",status="error"}',
    'server_spawn_duration_seconds_count{reason="throttled",status="failure"}',
    'server_spawn_duration_seconds_count{reason="too-many-users",status="failure"}',
    'server_spawn_duration_seconds_count{reason="already-pending",status="failure"}',
    'login_duration_seconds_count{status="LoginStatus.success"}',
    'login_duration_seconds_count{status="LoginStatus.failure"}',
    'server_poll_duration_seconds_count{status="ServerPollStatus.running"}',
    'server_poll_duration_seconds_count{status="ServerPollStatus.stopped"}',
    'server_stop_seconds_count{status="success"}',
    'server_stop_seconds_count{status="failure"}',
    'proxy_add_duration_seconds_count{status="success"}',
    'proxy_delete_duration_seconds_count{status="failure"}',
    'active_users{period="24h"}',
    'active_users{period="30d"}',
    "csp_reports_total",
    "running_servers",
)


async def numbers(client: Client) -> Mapping[str, float]:
    """By name and labels, as they are written: `jupyterhub_total_users`."""
    answer = await client.with_token(ADMIN_TOKEN).get("/metrics")
    found = {}
    for line in answer.text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


@pytest.mark.parametrize("path", PATHS)
async def test_they_are_prometheus_text(client: Client, path: str) -> None:
    answer = await client.get(f"http://hub.test{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {f"jupyterhub_{name}" for name in HISTOGRAMS} <= names
    assert {"jupyterhub_total_users", "python_info", "process_start_time_seconds"} <= names
    assert "jupyterhub_server_stop_seconds_created" in answer.text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", [None, "nonsense", SERVICE_TOKEN])
async def test_others_are_shown_a_page(client: Client, path: str, token: str | None) -> None:
    answer = await client.with_token(token).get(f"http://hub.test{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html")
    assert "<html" in answer.text


async def test_they_can_be_open_to_all() -> None:
    settings = settings_for_tests(authenticate_prometheus=False)
    async with hub_in_memory(settings) as hub, Client(hub, None) as client:
        assert (await client.get("/metrics")).status_code == 200


async def test_what_counts_begins_at_0(client: Client) -> None:
    found = await numbers(client)
    for name in FROM_THE_START:
        assert found[f"jupyterhub_{name}"] == 0, name


async def test_buckets_are_jupyterhubs(client: Client) -> None:
    found = await numbers(client)
    spawn = [name for name in found if name.startswith("jupyterhub_server_spawn_duration_seconds_bucket")]
    bounds = [name.partition('le="')[2].partition('"')[0] for name in spawn if 'status="success"' in name]
    assert bounds == [
        *("0.5", "1.0", "2.5", "5.0", "10.0", "15.0", "30.0", "60.0", "120.0", "180.0", "300.0", "600.0"),
        "+Inf",
    ]


async def test_numbers_of_users_and_servers_are_true(client: Client, autojump_clock: object) -> None:
    await client.post("/users", json={"usernames": ["bob", "carol"]})
    await client.post("/users/alice/server")
    await client.post("/users/bob/server", json={"simulate": {"delay": 100}})
    found = await numbers(client)
    assert found["jupyterhub_total_users"] == 3
    assert found["jupyterhub_running_servers"] == 1
    assert found['callboard_actors{state="ready"}'] == 1
    assert found['callboard_actors{state="spawning"}'] == 1
    assert found['jupyterhub_active_users{period="24h"}'] == 2
    await client.delete("/users/alice/server")
    found = await numbers(client)
    assert found["jupyterhub_running_servers"] == 0
    assert found['jupyterhub_server_stop_seconds_count{status="success"}'] == 1


SPAWNS = "jupyterhub_server_spawn_duration_seconds_count"


@pytest.mark.parametrize(
    ("simulate", "labels"),
    [
        ({}, '{reason="",status="success"}'),
        ({"fail": "no room"}, '{reason="error",status="error"}'),
        ({"fail": "your fault", "fail_status": 400}, '{reason="error",status="failure"}'),
        ({"ready": False, "die_after": 1, "exit_status": 3}, '{reason="exited",status="error"}'),
    ],
)
async def test_starts_are_counted_by_how_they_went(
    client: Client, simulate: dict[str, object], labels: str, autojump_clock: object
) -> None:
    await client.post("/users/alice/server", json={"simulate": simulate})
    assert (await numbers(client))[SPAWNS + labels] == 1


async def test_refused_starts_are_counted_too(autojump_clock: object) -> None:
    plain = settings_for_tests(concurrent_spawn_limit=1)
    settings = replace(plain, callboard=CallboardSettings(spawn_queue_limit=0))
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        slow = {"simulate": {"delay": 1000}}
        assert (await client.post("/users/alice/server", json=slow)).status_code == 202
        assert (await client.post("/users/alice/servers/lab", json=slow)).status_code == 429
        assert (await numbers(client))[SPAWNS + '{reason="throttled",status="failure"}'] == 1


async def test_requests_are_counted_by_what_answered(client: Client) -> None:
    await client.get("/users/alice")
    await client.get("/users/nobody")
    await client.get("/nonsense")
    for method in ("BREW", "GARGLE"):
        await client.request(method, "/users")
    found = await numbers(client)
    count = "jupyterhub_request_duration_seconds_count"
    assert (
        found[count + '{code="200",handler="jupyterhub.apihandlers.users.UserAPIHandler",method="GET"}'] == 1
    )
    assert (
        found[count + '{code="404",handler="jupyterhub.apihandlers.users.UserAPIHandler",method="GET"}'] == 1
    )
    assert found[count + '{code="404",handler="unknown",method="GET"}'] == 1
    assert found[count + '{code="405",handler="unknown",method="OTHER"}'] == 2


async def test_the_log_and_the_proxies_are_measured(client: Client) -> None:
    before = await numbers(client)
    await client.post("/users/bob")
    after = await numbers(client)
    assert after["callboard_log_position"] == before["callboard_log_position"] + 1
    assert after["callboard_append_seconds_count"] > before["callboard_append_seconds_count"]
    assert after["callboard_append_batch_size_sum"] > before["callboard_append_batch_size_sum"]
    client.hub.proxies.connect("p1")
    assert (await numbers(client))["callboard_proxies_connected"] == 1


async def test_how_long_proxies_take_to_follow_is_measured(client: Client, autojump_clock: object) -> None:
    proxies = client.hub.proxies
    proxies.connect("p1")

    async def apply_late() -> None:
        while True:
            await client.hub.store.wait_any()
            await trio.sleep(0.5)
            proxies.applied("p1", client.hub.store.head)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(apply_late)
        await client.post("/users/alice/server")
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    found = await numbers(client)
    assert found['jupyterhub_proxy_add_duration_seconds_count{status="success"}'] == 1
    assert found['jupyterhub_proxy_add_duration_seconds_sum{status="success"}'] >= 0.5


async def test_the_log_its_followers_and_the_lag_of_proxies_are_counted(client: Client) -> None:
    await client.post("/users/bob")
    found = await numbers(client)
    assert found['callboard_events_recorded_total{type="user.created"}'] == 2
    assert (found["callboard_log_writable"], found["callboard_event_followers"]) == (1, 0)
    assert (found["callboard_servers_with_leftovers"], found["callboard_proxy_lag"]) == (0, 0)
    async with live(client, "/events"):
        await wait_all_tasks_blocked()
        await client.post("/users/carol")
        await client.hub.entities.tokens.ask("t", Issue("service/ops", "of t", []), by=HUB)
        found = await numbers(client)
        assert (found["callboard_event_followers"], found["callboard_event_feed_size"]) == (1, 2)
        client.hub.feed.lost += 1
    found = await numbers(client)
    assert (found["callboard_event_followers"], found["callboard_event_feed_size"]) == (0, 0)
    assert found["callboard_event_followers_lost_total"] == 1


async def test_a_proxy_that_does_not_follow_lags(client: Client) -> None:
    client.hub.proxies.connect("p1")
    client.hub.proxies.applied("p1", 3)
    assert client.hub.proxies.behind(10) == 7
    assert client.hub.proxies.behind(2) == 0
    client.hub.proxies.disconnect("p1")
    assert client.hub.proxies.behind(10) == 0


async def test_no_secret_and_nothing_a_stranger_chose_is_in_the_metrics(client: Client) -> None:
    canary = "canary0123456789"
    await client.get(f"/users/{canary}?token={canary}", headers={"Cookie": f"x={canary}"})
    await client.with_token(canary).get("/users")
    await client.request(canary.upper(), "/users")
    await client.post("/users/alice/servers/lab", json={"password": canary})
    answer = await client.get("/metrics")
    assert canary not in answer.text.lower()
    assert ADMIN_TOKEN not in answer.text


def test_prefix_and_buckets_can_be_set() -> None:
    metrics = Metrics(
        {"JUPYTERHUB_METRICS_PREFIX": "ours", "JUPYTERHUB_SERVER_STOP_DURATION_SECONDS_BUCKETS": "1,2"}
    )
    text = metrics.as_text().decode()
    assert "jupyterhub_" not in text
    assert 'ours_server_stop_seconds_bucket{le="2.0",status="success"} 0.0' in text
    assert 'ours_server_stop_seconds_bucket{le="5.0"' not in text


def test_two_hubs_do_not_share_numbers() -> None:
    one, other = Metrics({}), Metrics({})
    one.csp_reported()
    assert "jupyterhub_csp_reports_total 1.0" in one.as_text().decode()
    assert "jupyterhub_csp_reports_total 0.0" in other.as_text().decode()


def test_a_bucket_is_a_number() -> None:
    with pytest.raises(ValueError, match="BUCKETS"):
        Metrics({"JUPYTERHUB_SERVER_STOP_DURATION_SECONDS_BUCKETS": "1,many"})


async def test_the_event_loop_is_watched(autojump_clock: object) -> None:
    metrics = Metrics({})
    with trio.move_on_after(1):
        await metrics.watch_loop()
    assert "jupyterhub_event_loop_interval_seconds_count 19.0" in metrics.as_text().decode()


THEIRS = [  # how JupyterHub matches URLs below /hub, in its order
    (pattern if pattern.startswith("/") else f"/{pattern}", f"{handler.__module__}.{handler.__name__}")
    for pattern, handler, *_ in [*apihandlers.default_handlers, *handlers.default_handlers]
]
ELSEWHERE = {"home.root"}  # JupyterHub has it twice; `/hub` without a slash is another handler's


async def test_handlers_are_called_what_dashboards_for_jupyterhub_select_by(hub: Hub) -> None:
    """Each route whose URL JupyterHub has as well, by the name of what answers there."""
    compared = 0
    for url, route in routes_of(build_app(hub)):
        theirs = next(
            (name for pattern, name in THEIRS if re.fullmatch(pattern, url.removeprefix("/hub"))), ""
        )
        if not url.startswith("/hub/") or not theirs or route.name in ELSEWHERE:
            continue
        assert handler_name(route) == theirs, url
        compared += 1
    assert compared > 60


async def test_every_handler_that_has_a_name_of_jupyterhubs_has_a_route(hub: Hub) -> None:
    assert set(_HANDLERS) <= {route.name for _, route in routes_of(build_app(hub))}
    for handler in (handler for handler in _HANDLERS.values() if handler.startswith("jupyterhub.")):
        module, _, name = handler.rpartition(".")
        assert hasattr(import_module(module), name)


async def test_what_only_this_hub_has_keeps_its_own_name(hub: Hub) -> None:
    (follow,) = [route for url, route in routes_of(build_app(hub)) if url == "/hub/api/events"]
    assert handler_name(follow) == "web.api.events.follow"
    assert handler_name(None) == "unknown"
