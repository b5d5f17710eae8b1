"""The configuration read anew while a hub in memory runs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

import projections
from core.config.roles import RoleError
from core.events.file.store import EventStore
from core.events.server import server_stream
from core.settings import ConfigError, ServiceSettings, Settings, TornadoSettings
from projections import users
from projections.servers import servers
from spawners.configuration import load_settings
from spawners.simulated import SimulatedBackend
from tests.conftest import SECRET, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import Browser
from web.lifecycle.reload import CHANGEABLE, Reloaded, Reloader

HEAD = """
c.JupyterHub.spawner_class = 'simulated'
c.JupyterHub.authenticator_class = 'dummy'
c.JupyterHub.db_url = 'sqlite://'
c.JupyterHub.api_tokens = {'admin-token-of-tests': 'alice', 'token-of-bob-12': 'bob'}
c.Authenticator.admin_users = {'alice'}
c.Authenticator.allowed_users = {'bob'}
"""


class World:
    """A running hub, and the file it was configured by."""

    def __init__(self, file: Path, client: Client) -> None:
        self.file = file
        self.client = client
        self.bob = client.with_token("token-of-bob-12")
        self._reloader = Reloader(client.hub, lambda: load_settings([file], []), SECRET)

    async def reload(self, lines: str) -> Reloaded:
        self.file.write_text(HEAD + lines)
        return await self._reloader.reload()


@pytest.fixture
def as_it_was() -> Iterator[None]:
    """Where log lines go."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


Started = Callable[[str], AbstractAsyncContextManager[World]]


@pytest.fixture
def started(tmp_path: Path) -> Started:
    @contextlib.asynccontextmanager
    async def start(lines: str = "") -> AsyncIterator[World]:
        file = tmp_path / "hub.py"
        file.write_text(HEAD + lines)
        settings, _ = load_settings([file], [])
        async with hub_in_memory(settings) as hub, Client(hub, "admin-token-of-tests") as client:
            yield World(file, client)

    return start


async def test_what_can_change_does_and_what_cannot_is_named(started: Started) -> None:
    async with started("") as world:
        assert (await world.client.post("/users/bob/servers/lab")).status_code == 400
        found = await world.reload(
            "c.JupyterHub.allow_named_servers = True\nc.JupyterHub.port = 9\nc.JupyterHub.db_kwargs = {}\n"
            "c.JupyterHub.api_page_default_limit = 1\nc.LocalProcessSpawner.kill_timeout = 9\n"
        )
        assert found.changed == ["c.JupyterHub.allow_named_servers", "c.JupyterHub.api_page_default_limit"]
        assert found.waiting == ["c.JupyterHub.bind_url"]  # kill_timeout is of a spawner that is not in use
        assert [note.name for note in found.notes] == ["c.JupyterHub.db_kwargs"]
        assert (await world.client.post("/users/bob/servers/lab")).status_code == 201
        pages = {"Accept": "application/jupyterhub-pagination+json"}
        assert len((await world.client.get("/users", headers=pages)).json()["items"]) == 1
        assert world.client.hub.settings.hub.bind_url == "http://:8000/"
        assert str(found).splitlines()[:2] == [
            "changed: c.JupyterHub.allow_named_servers, c.JupyterHub.api_page_default_limit",
            "only with a restart of the hub: c.JupyterHub.bind_url",
        ]


async def test_servers_and_people_notice_nothing(started: Started) -> None:
    async with started("") as world:
        assert (await world.bob.post("/users/bob/server")).status_code == 201
        before = (await world.client.get("/users/bob")).json()
        hub = world.client.hub
        row = users.by_name(hub.store.db, "bob")
        assert row is not None
        stream = server_stream(servers.of_user(hub.store.db, row.id)[0].id)
        version = hub.store.version(stream)
        await world.reload("c.Spawner.environment = {'A': 'b'}; c.Spawner.start_timeout = 5")
        after = (await world.client.get("/users/bob")).json()
        assert after["servers"] == before["servers"]
        assert hub.store.version(stream) == version
        assert hub.runtime.deadlines_of({}).start == 5


async def test_a_broken_file_changes_nothing_and_says_so(started: Started) -> None:
    async with started("") as world:
        settings = world.client.hub.settings
        with pytest.raises(ConfigError, match=r"hub\.py:\d+: SyntaxError"):
            await world.reload("c.JupyterHub.allow_named_servers = True\nc = = 1")
        with pytest.raises(ConfigError, match=r"c\.JupyterHub\.hub_port"):
            await world.reload("c.JupyterHub.allow_named_servers = True\nc.JupyterHub.hub_port = 'x'")
        with pytest.raises(RoleError, match=r"c\.JupyterHub\.load_roles: .*nonsense"):
            await world.reload(
                "c.JupyterHub.allow_named_servers = True\n"
                "c.JupyterHub.load_roles = [{'name': 'odd-one', 'scopes': ['nonsense']}]"
            )
        assert world.client.hub.settings is settings
        assert (await world.reload("")).changed == []


async def test_roles_groups_and_users_become_what_the_file_says(started: Started) -> None:
    lines = """
c.JupyterHub.load_groups = {'staff': ['bob']}
c.JupyterHub.custom_scopes = {'custom:grades:read': {'description': 'Read grades'}}
c.JupyterHub.load_roles = [{'name': 'grader', 'groups': ['staff'], 'scopes': ['read:hub', 'custom:grades:read']}]
"""
    async with started("") as world:
        assert (await world.bob.get("/info")).status_code == 403
        found = await world.reload(lines)
        assert found.waiting == []
        assert (await world.bob.get("/info")).status_code == 200
        assert "custom:grades:read" in (await world.bob.get("/user")).json()["scopes"]
        await world.reload("")
        assert (await world.bob.get("/info")).status_code == 403


async def test_who_may_log_in_is_looked_at_anew(started: Started) -> None:
    async with started("") as world:
        assert world.client.hub.settings.authenticator.blocked_users == set()
        before = world.client.hub.logins.admission
        await world.reload("c.Authenticator.blocked_users = {'bob'}")
        assert world.client.hub.settings.authenticator.blocked_users == {"bob"}
        assert world.client.hub.logins.admission is not before


async def test_services_come_and_go_unless_the_hub_runs_them(started: Started) -> None:
    lines = """
c.JupyterHub.services = [
    {'name': 'outside', 'url': 'http://127.0.0.1:9', 'api_token': 'token-of-outside'},
    {'name': 'inside', 'command': ['true']},
]
"""
    async with started("") as world:
        found = await world.reload(lines)
        assert found.changed == ["c.JupyterHub.services"]
        assert found.waiting == ["the managed service inside"]
        assert list((await world.client.get("/services")).json()) == ["outside"]
        outside = world.client.with_token("token-of-outside")
        assert (await outside.get("/user")).json()["name"] == "outside"
        await world.reload("")
        assert (await world.client.get("/services")).json() == {}


async def test_a_function_is_the_new_one_though_it_looks_alike(started: Started) -> None:
    lines = "ROOM = {!r}\nc.Spawner.pre_spawn_hook = lambda spawner: spawner.environment.update(ROOM=ROOM)"
    async with started(lines.format("1")) as world:
        found = await world.reload(lines.format("2"))
        assert found.changed == []
        spawner = world.client.hub.settings.spawner
        assert spawner.pre_spawn_hook.__globals__["ROOM"] == "2"
        found = await world.reload("c.Spawner.pre_spawn_hook = lambda spawner: None")
        assert found.changed == ["c.Spawner.pre_spawn_hook"]


async def test_limits_act_at_once(started: Started) -> None:
    async with started("") as world:
        assert (await world.client.post("/users/alice/server")).status_code == 201
        await world.reload("c.JupyterHub.active_server_limit = 1")
        assert (await world.client.post("/users/bob/server")).status_code == 429
        await world.reload("c.JupyterHub.active_server_limit = 2")
        assert (await world.client.post("/users/bob/server")).status_code == 201


def test_all_that_is_called_changeable_is_a_setting() -> None:
    settings = Settings()
    for part, names in CHANGEABLE.items():
        assert names <= set(getattr(settings, part).__struct_fields__), part


async def test_a_new_administrator_is_one_to_the_authenticator_too(started: Started) -> None:
    passwords = {"user": "for-everybody", "admin": "a" * 32}
    lines = (
        "c.JupyterHub.authenticator_class = 'shared-password'\nc.Authenticator.allow_all = True\n"
        + "".join(
            f"c.SharedPasswordAuthenticator.{whose}_password = '{password}'\n"
            for whose, password in passwords.items()
        )
    )
    async with started(lines) as world:
        await world.reload(lines + "c.Authenticator.admin_users = {'alice', 'bob'}\n")
        for whose, is_in in (("user", False), ("admin", True)):
            given = {"username": "bob", "password": passwords[whose]}
            found = await world.client.hub.acts.credential_login.log_in(given, address="192.0.2.1")
            assert (found is not None and bool(found.user.admin)) == is_in


async def test_pages_look_as_the_file_says_now(started: Started) -> None:
    async with started("") as world:
        url = "http://hub.test/hub/error/404"
        assert "closed today" not in (await world.client.get(url)).text
        await world.reload('c.JupyterHub.template_vars = {"announcement": "closed today"}\n')
        assert "closed today" in (await world.client.get(url)).text
        with pytest.raises(ConfigError):
            await world.reload("c.JupyterHub.template_vars = 5\n")
        assert "closed today" in (await world.client.get(url)).text
        await world.reload('c.JupyterHub.logo_file = "/nowhere"\n')
        assert "closed today" not in (await world.client.get(url)).text


async def test_cookies_are_set_as_the_file_says_now(started: Started) -> None:
    async with started("c.JupyterHub.tornado_settings = {'cookie_options': {'samesite': 'None'}}\n") as world:
        browser = Browser(world.client.hub)
        before = await browser.get("/hub/login")
        assert "SameSite=None" in before.headers["Set-Cookie"]
        found = await world.reload(
            "c.JupyterHub.tornado_settings = {'cookie_options': {'samesite': 'Strict'}}\n"
        )
        assert found.changed == ["c.JupyterHub.tornado_settings"]
        after = await Browser(world.client.hub).get("/hub/login")
        assert "SameSite=Strict" in after.headers["Set-Cookie"]


@pytest.mark.parametrize(("seconds", "polled"), [(0, 0), (30, 1)])
async def test_servers_that_run_are_polled_as_the_file_says_now(
    seconds: int, polled: int, started: Started
) -> None:
    async with started(f"c.Spawner.poll_interval = {30 - seconds}\n") as world:
        assert (await world.bob.post("/users/bob/server")).status_code == 201
        polls = world.client.hub.servers._polls
        assert len(polls) == 1 - polled
        await world.reload(f"c.Spawner.poll_interval = {seconds}\n")
        assert len(polls) == polled


async def test_the_next_process_of_a_service_is_told_what_the_file_says_now() -> None:
    service = ServiceSettings("watcher", command=["watch"])
    old = settings_for_tests(services=[service], load_roles=[])
    cookies = TornadoSettings(cookie_options={"samesite": "Strict"})
    new = replace(
        old,
        hub=replace(old.hub, tornado_settings=cookies),
        spawner=replace(old.spawner, env_keep=["LANG"]),
    )
    backend = SimulatedBackend()
    async with hub_in_memory(old, services=backend) as hub:
        assert hub.service_processes is not None
        runtime = hub.service_processes._runtime
        before = runtime.launch("watcher")
        await Reloader(hub, lambda: (new, []), SECRET).reload()
        attempt = runtime.attempt("watcher", "run")
        assert attempt.environment["JUPYTERHUB_COOKIE_OPTIONS"] == '{"samesite": "Strict"}'
        assert attempt.settings is not None
        assert attempt.settings.env_keep == ["LANG"]
        assert runtime.launch("watcher") != before


async def test_a_hub_that_has_crashed_after_a_reload_goes_on_with_the_process_that_came_after_it(
    autojump_clock: object,
) -> None:
    """It was launched as the file says now, and that is what the log says of it."""
    store, backend = EventStore(":memory:", projections.ALL, threaded=False), SimulatedBackend()
    old = settings_for_tests(services=[ServiceSettings("watcher", command=["watch"])], load_roles=[])
    new = replace(
        old, hub=replace(old.hub, tornado_settings=TornadoSettings(cookie_options={"secure": True}))
    )
    async with hub_in_memory(old, store=store, services=backend) as hub:
        await trio.sleep(0.1)
        await Reloader(hub, lambda: (new, []), SECRET).reload()
        backend.kill(backend.running()[0])
        await trio.sleep(1)
        (run,) = backend.running()
    async with hub_in_memory(new, store=store, services=backend):
        await trio.sleep(1)
        assert backend.running() == [run]


async def test_logging_that_cannot_be_set_up_changes_nothing_at_all(
    started: Started, as_it_was: None
) -> None:
    async with started("") as world:
        settings = world.client.hub.settings
        broken = "c.JupyterHub.logging_config = {'handlers': {'x': {'class': 'no.such.Class'}}}\n"
        with pytest.raises(ConfigError, match="logging_config"):
            await world.reload(f"c.JupyterHub.allow_named_servers = True\n{broken}")
        assert world.client.hub.settings is settings
        assert [type(handler) for handler in logging.getLogger().handlers] == [logging.StreamHandler]
