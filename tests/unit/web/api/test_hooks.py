"""Functions and settings of a config file, and what they do to the starts and stops of a hub in memory."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio

import projections
from core.events.file.store import EventStore
from core.plugins.spawner import Attempt
from spawners.configuration import load_settings
from spawners.simulated import SimulatedBackend, SimulatedSpawner
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests

HEAD = """
c.JupyterHub.spawner_class = 'simulated'
c.JupyterHub.authenticator_class = 'dummy'
c.JupyterHub.db_url = 'sqlite://'
c.JupyterHub.allow_named_servers = True
c.JupyterHub.api_tokens = {'admin-token-of-hooks': 'alice', 'token-of-bob-12': 'bob'}
c.Authenticator.admin_users = {'alice'}
c.Authenticator.allowed_users = {'bob'}
told = __import__('sys').modules['tests.unit.web.api.test_hooks'].TOLD
"""
TOLD: list[Any] = []  # what the hooks of these files have to say


@pytest.fixture(autouse=True)
def nothing_told_yet() -> None:
    TOLD.clear()


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Attempt]:
    """What the spawner was asked to start."""
    seen: list[Attempt] = []
    start = SimulatedSpawner.start

    async def noting(self: SimulatedSpawner, attempt: Attempt, report: Any) -> str:
        seen.append(attempt)
        return await start(self, attempt, report)

    monkeypatch.setattr(SimulatedSpawner, "start", noting)
    return seen


Configured = Callable[[str], AbstractAsyncContextManager[Client]]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """An administrator's client of a hub with these lines in its config file."""

    @contextlib.asynccontextmanager
    async def open_client(text: str) -> AsyncIterator[Client]:
        file = tmp_path / "hub.py"
        file.write_text(HEAD + text)
        settings, notes = load_settings([file], [])
        assert [str(note) for note in notes] == []
        async with hub_in_memory(settings) as hub, Client(hub, "admin-token-of-hooks") as client:
            yield client

    return open_client


async def start(client: Client, user: str = "bob", **body: Any) -> tuple[int, str]:
    answer = await client.post(f"/users/{user}/server", json=body or None)
    return answer.status_code, answer.json()["message"] if answer.content else ""


# --- what a server is told ---


async def test_settings_become_variables_of_the_server(
    configured: Configured, attempts: list[Attempt]
) -> None:
    lines = """
c.Spawner.mem_limit = '2G'
c.Spawner.mem_guarantee = '512M'
c.Spawner.cpu_limit = 1.5
c.Spawner.cpu_guarantee = 1
c.Spawner.notebook_dir = '/srv/{username}'
c.Spawner.default_url = '{base_url}lab'
c.Spawner.debug = True
c.Spawner.disable_user_config = True
"""
    async with configured(lines) as client:
        assert await start(client) == (201, "")
    told = attempts[0].environment
    assert told["MEM_LIMIT"] == str(2 * 2**30)
    assert told["MEM_GUARANTEE"] == str(512 * 2**20)
    assert (told["CPU_LIMIT"], told["CPU_GUARANTEE"]) == ("1.5", "1.0")
    assert (told["JUPYTERHUB_ROOT_DIR"], told["JUPYTERHUB_DEFAULT_URL"]) == ("/srv/bob", "/user/bob/lab")
    assert (told["JUPYTERHUB_DEBUG"], told["JUPYTERHUB_DISABLE_USER_CONFIG"]) == ("1", "1")


async def test_what_is_not_set_is_not_told(configured: Configured, attempts: list[Attempt]) -> None:
    async with configured("") as client:
        assert await start(client) == (201, "")
    assert (
        not {"MEM_LIMIT", "CPU_LIMIT", "JUPYTERHUB_DEBUG", "JUPYTERHUB_ROOT_DIR"}
        & attempts[0].environment.keys()
    )
    assert attempts[0].settings == client.hub.settings.spawner


async def test_a_function_in_the_environment_is_called_at_each_start(
    configured: Configured, attempts: list[Attempt]
) -> None:
    lines = """
async def later(spawner): return None
c.Spawner.environment = {'WHO': lambda spawner: spawner.user.name.upper(), 'A': 'b', 'NONE': later}
"""
    async with configured(lines) as client:
        assert await start(client) == (201, "")
        assert await start(client, "alice") == (201, "")
    assert [attempt.settings and attempt.settings.environment for attempt in attempts] == [
        {"WHO": "BOB", "A": "b"},
        {"WHO": "ALICE", "A": "b"},
    ]


# --- hooks of a start ---


async def test_a_hook_sees_whose_server_it_is_and_changes_this_start_alone(
    configured: Configured, attempts: list[Attempt]
) -> None:
    lines = """
c.JupyterHub.load_groups = {'physics': {'users': ['bob'], 'properties': {'room': 7}}}
def pre_spawn(spawner):
    user = spawner.user
    told.append((user.name, user.escaped_name, user.url, user.admin, [g.name for g in user.groups]))
    told.append((user.groups[0].properties, 'physics' in user.groups, sorted(user.spawners)))
    told.append((spawner.name, spawner.user_options, spawner.handler.request.method, spawner.hub.api_url))
    told.append((spawner.get_env()['JUPYTERHUB_USER'], spawner.template_namespace()['username']))
    spawner.environment['ROOM'] = 7
    spawner.mem_limit = '1G'
    spawner.args.append('--x')
c.Spawner.pre_spawn_hook = pre_spawn
"""
    async with configured(lines) as client:
        assert await start(client, user_options={"size": "big"}) == (201, "")
    assert TOLD == [
        ("bob", "bob", "/user/bob/", False, ["physics"]),
        ({"room": 7}, True, [""]),
        ("", {"size": "big"}, "POST", "http://127.0.0.1:8081/hub/api"),
        ("bob", "bob"),
    ]
    changed = attempts[0].settings
    assert changed is not None
    assert (changed.environment, changed.mem_limit, changed.args) == ({"ROOM": "7"}, 2**30, ["--x"])
    assert attempts[0].environment["MEM_LIMIT"] == str(2**30)
    assert client.hub.settings.spawner.args == []


@pytest.mark.parametrize(
    "hook",
    [
        "def hook(spawner): told.append(spawner.name)",
        "async def hook(spawner):\n    import asyncio\n    await asyncio.sleep(0)\n    told.append(spawner.name)",
        "from core.plugins.hooks import trio_hook\n@trio_hook\nasync def hook(spawner):\n"
        "    import trio\n    await trio.sleep(0)\n    told.append(spawner.name)",
    ],
)
async def test_a_hook_may_be_plain_or_of_asyncio_or_of_trio(configured: Configured, hook: str) -> None:
    async with configured(f"{hook}\nc.Spawner.pre_spawn_hook = hook") as client:
        assert await start(client) == (201, "")
    assert TOLD == [""]


@pytest.mark.parametrize(
    ("lines", "status", "message"),
    [
        ("def f(s): raise RuntimeError('geheim')\nc.Spawner.pre_spawn_hook = f", 500, "Internal Server Error"),
        (
            "class E(Exception): status_code = 418; log_message = 'no tea'\n"
            "def f(s): raise E()\nc.Spawner.pre_spawn_hook = f",
            418,
            "no tea",
        ),
        (
            "class E(Exception): jupyterhub_message = 'Ask bob.'\ndef f(s): raise E()\nc.Spawner.pre_spawn_hook = f",
            500,
            "Ask bob.",
        ),
        ("c.Spawner.environment = {'A': lambda s: 1 / 0}", 500, "Internal Server Error"),
        ("def f(s): s.cmd = 5\nc.Spawner.pre_spawn_hook = f", 400, "The setting cmd of this start is invalid"),
        ("def f(s, o): raise ValueError\nc.Spawner.apply_user_options = f", 400, "The options of this start"),
        ("c.Spawner.group_overrides = lambda s: {'a': 5}", 500, "Internal Server Error"),
    ],
)  # fmt: skip
async def test_a_hook_that_fails_fails_its_start_alone(
    configured: Configured, lines: str, status: int, message: str
) -> None:
    async with configured(lines) as client:
        answer = await start(client)
        assert answer[0] == status
        assert answer[1].startswith(message)
        assert "geheim" not in answer[1]
        assert (await client.get("/users/bob")).json()["servers"] == {}


async def test_options_set_what_the_configuration_lets_them(
    configured: Configured, attempts: list[Attempt]
) -> None:
    lines = "c.Spawner.apply_user_options = {'memory': 'mem_limit', 'page': 'default_url', 'wait': 'start_timeout'}"
    async with configured(lines) as client:
        options = {"memory": "2G", "page": "/tree", "wait": "90", "cmd": "rm"}
        assert await start(client, user_options=options) == (201, "")
        assert (await start(client, "alice", user_options={"memory": "much"}))[0] == 400
    changed = attempts[0].settings
    assert changed is not None
    assert (changed.mem_limit, changed.default_url, changed.start_timeout) == (2 * 2**30, "/tree", 90.0)
    assert changed.cmd == ["jupyterhub-singleuser"]


async def test_groups_override_settings_by_the_order_of_their_keys(
    configured: Configured, attempts: list[Attempt]
) -> None:
    lines = """
c.JupyterHub.load_groups = {'physics': ['bob'], 'staff': ['bob'], 'others': ['alice']}
c.Spawner.environment = {'A': '1', 'B': '2'}
c.Spawner.group_overrides = {
    '02-staff': {'groups': ['staff'], 'spawner_override': {'cpu_limit': 2.0, 'environment': {'A': None, 'C': '3'}}},
    '01-physics': {'groups': ['physics'], 'spawner_override': {'cpu_limit': 1.0, 'mem_limit': lambda s: '1G'}},
    '03-others': {'groups': ['others'], 'spawner_override': {'cpu_limit': 9.0}},
}
"""
    async with configured(lines) as client:
        assert await start(client) == (201, "")
    changed = attempts[0].settings
    assert changed is not None
    assert (changed.cpu_limit, changed.mem_limit) == (2.0, 2**30)
    assert changed.environment == {"B": "2", "C": "3"}


async def test_a_servers_token_may_what_a_function_says(
    configured: Configured, attempts: list[Attempt]
) -> None:
    lines = "c.Spawner.server_token_scopes = lambda spawner: ['read:users:name!user', 'admin:users']"
    async with configured(lines) as client:
        assert await start(client) == (201, "")
        token = attempts[0].environment["JUPYTERHUB_API_TOKEN"]
        async with client.with_token(token) as server:
            scopes = (await server.get("/user")).json()["scopes"]
    assert "read:users:name!user=bob" in scopes
    assert not any(scope.startswith("admin:") for scope in scopes)


# --- afterwards ---


async def test_the_ready_event_is_as_its_hook_leaves_it(configured: Configured) -> None:
    lines = """
def ready(spawner, event):
    event['message'] = f'Welcome, {spawner.user.name}'
    return event
c.Spawner.progress_ready_hook = ready
"""
    async with configured(lines) as client:
        assert await start(client) == (201, "")
        stream = await client.get("/users/bob/server/progress")
    (line,) = [line for line in stream.text.splitlines() if line.startswith("data: ")]
    assert json.loads(line[6:])["message"] == "Welcome, bob"


async def test_the_stop_hook_runs_after_a_stop_a_failure_and_a_death(configured: Configured) -> None:
    lines = """
async def stopped(spawner):
    told.append((spawner.user.name, await spawner.poll()))
    raise RuntimeError('it hurts nobody')
c.Spawner.post_stop_hook = stopped
"""
    async with configured(lines) as client:
        assert await start(client) == (201, "")
        assert TOLD == []
        assert (await client.delete("/users/bob/server")).status_code == 204
        assert TOLD == [("bob", 0)]
        assert (await start(client, user_options={"simulate": {"fail": "no room"}}))[0] == 500
        assert len(TOLD) == 2
        assert await start(client, user_options={}) == (201, "")
        (server,) = client.hub.spawner.main.spawner.backend.running()  # type: ignore[attr-defined]  # the simulated one
        client.hub.spawner.main.spawner.backend.kill(server)  # type: ignore[attr-defined]
        with trio.fail_after(30):
            while len(TOLD) < 3:
                await trio.sleep(0.01)


async def test_a_stop_hook_that_hangs_holds_a_stop_only_for_its_time(configured: Configured) -> None:
    lines = """
async def stopped(spawner):
    import asyncio
    await asyncio.sleep(60)
c.Spawner.post_stop_hook = stopped
c.Callboard.hook_timeout = 0.05
"""
    async with configured(lines) as client:
        assert await start(client) == (201, "")
        assert (await client.delete("/users/bob/server")).status_code == 204


# --- limits ---


async def test_a_limit_may_depend_on_who_asks(configured: Configured) -> None:
    lines = """
async def limit(handler):
    told.append(handler.current_user.name)
    return 0 if handler.current_user.admin else 1
c.JupyterHub.named_server_limit_per_user = limit
"""
    async with configured(lines) as client, client.with_token("token-of-bob-12") as bob:
        assert (await bob.post("/users/bob/servers/one")).status_code == 201
        assert (await bob.post("/users/bob/servers/two")).status_code == 400
        assert (await client.post("/users/bob/servers/three")).status_code == 201
    assert TOLD == ["bob", "bob", "alice"]


async def test_a_limit_that_is_not_told_in_time_is_503(configured: Configured) -> None:
    lines = """
async def limit(handler):
    import asyncio
    await asyncio.sleep(60)
c.JupyterHub.named_server_limit_per_user = limit
c.Callboard.hook_timeout = 0.05
"""
    async with configured(lines) as client:
        assert (await client.post("/users/bob/servers/one")).status_code == 503


# --- a restart ---


@pytest.mark.parametrize(("timeout", "pending"), [(0, "check"), (5, None), (-1, None)])
async def test_a_hub_may_wait_for_its_servers_before_it_serves(
    timeout: float, pending: str | None, autojump_clock: object
) -> None:
    store, backend = EventStore(":memory:", projections.ALL, threaded=False), SimulatedBackend()
    async with hub_in_memory(store=store, backend=backend) as hub, Client(hub, ADMIN_TOKEN) as client:
        assert await start(client, "alice") == (201, "")
    settings = settings_for_tests(init_spawners_timeout=timeout)
    async with (
        hub_in_memory(settings, store=store, backend=backend) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        servers = (await client.get("/users/alice")).json()["servers"]
        assert servers[""]["pending"] == pending
    store.close()


async def test_who_asked_is_forgotten_where_nothing_is_begun(configured: Configured) -> None:
    async with configured("c.Spawner.pre_spawn_hook = lambda spawner: None") as client:
        statuses = [(await client.post("/users/bob/server")).status_code for _ in range(3)]
        assert statuses == [201, 400, 400]
        assert client.hub.launch._handlers == {}
