"""Configuration files of the kinds there are: each loads without a word, and each of its lines has its effect.

The hub is one in memory: `spawner_class` and `db_url` are set aside for that, and looked at as settings.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from quart import request

from core.config.file import _run
from core.errors import ForbiddenError
from core.plugins.authenticator import Login
from core.plugins.spawner import Attempt
from core.settings import ConfigError, Settings
from spawners.configuration import load_settings
from spawners.simulated import SimulatedSpawner
from tests.conftest import Client, hub_in_memory
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in, path_of
from web.hub.hub import Hub
from web.proxies.own import OwnProgram
from web.request.client_address import address_of
from web.site.addresses import bind_address, connect_url

CONFIGS = Path(__file__).parents[3] / "configs"
IN_MEMORY = ["--JupyterHub.spawner_class=simulated", "--JupyterHub.db_url=sqlite://"]
ADMIN = "token-of-an-administrator"

Opened = Callable[..., AbstractAsyncContextManager[Client]]


def loaded(name: str, *overrides: str) -> Settings:
    settings, notes = load_settings([CONFIGS / name], overrides)
    assert notes == []
    return settings


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


@pytest.fixture
def opened() -> Opened:
    """An administrator's client of a hub with this configuration; `root` besides those it names."""

    @contextlib.asynccontextmanager
    async def open_client(name: str) -> AsyncIterator[Client]:
        settings = loaded(name, *IN_MEMORY)
        hub_settings = replace(settings.hub, api_tokens={**settings.hub.api_tokens, ADMIN: "root"})
        people = replace(settings.authenticator, admin_users={*settings.authenticator.admin_users, "root"})
        settings = replace(settings, hub=hub_settings, authenticator=people)
        async with hub_in_memory(settings) as hub, Client(hub, ADMIN) as client:
            yield client

    return open_client


async def token_of(client: Client, user: str) -> Client:
    """A client with a token that this user has made."""
    answer = await client.post(f"/users/{user}/tokens")
    assert answer.status_code == 201, answer.text
    return client.with_token(answer.json()["token"])


async def may_come_in(hub: Hub, name: str) -> bool:
    try:
        await hub.acts.accounts.of_login(Login(name))
    except ForbiddenError:
        return False
    return True


def proxy_arguments(hub: Hub) -> list[str]:
    return OwnProgram(hub.settings, hub.address, "").arguments()


# --- a classroom ---


async def test_pam_classroom(
    opened: Opened, attempts: list[Attempt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASS_YEAR", "2030")
    as_given = loaded("pam_classroom.py")
    assert as_given.hub.spawner_class == "localprocess"
    assert as_given.hub.authenticator_class == "pam"
    assert (as_given.pam.open_sessions, as_given.pam.service) == (False, "jupyter")
    assert as_given.local_users.create_system_users
    assert as_given.spawner.shell_cmd == ["bash", "-l", "-c"]
    assert as_given.spawner.term_timeout == 12
    assert "CLASS_YEAR" in as_given.spawner.env_keep
    async with opened("pam_classroom.py") as client:
        hub = client.hub
        # ip, port, ssl_key, ssl_cert
        assert hub.settings.hub.bind_url == "https://127.0.0.1:8443/"
        assert {"--ssl-key=/etc/ssl/private/class.key", "--ssl-cert=/etc/ssl/certs/class.pem"} <= set(
            proxy_arguments(hub)
        )
        assert hub.address == "http://127.0.0.1:9081"  # hub_port
        assert hub.settings.hub.cookie_max_age_days == 2
        assert hub.settings.hub.shutdown_on_logout
        # admin_users, allowed_users, blocked_users, username_map
        assert (await client.get("/users/alice")).json()["admin"]
        assert await may_come_in(hub, "bob")
        assert not await may_come_in(hub, "mallory")
        assert not await may_come_in(hub, "stranger")
        assert (await hub.acts.accounts.of_login(Login("Robert"))).user.name == "bob"
        # servers: cmd, args, notebook_dir, default_url, environment, mem_limit, cpu_limit
        assert (await client.post("/users/bob/server")).status_code == 201
        (attempt,) = attempts
        assert attempt.settings is not None
        assert [*attempt.settings.cmd, *attempt.settings.args] == [
            "jupyter-labhub",
            "--ServerApp.max_kernels=5",
        ]
        assert attempt.settings.environment == {"READING": "/srv/reading", "WHO": "bob"}
        told = attempt.environment
        assert (told["JUPYTERHUB_ROOT_DIR"], told["JUPYTERHUB_DEFAULT_URL"]) == (
            "~/class",
            "/lab/tree/welcome.ipynb",
        )
        assert (told["MEM_LIMIT"], told["CPU_LIMIT"]) == (str(2 * 2**30), "0.5")
        assert told["JUPYTERHUB_ADMIN_ACCESS"] == "1"  # admin_access
        assert told["JUPYTERHUB_API_URL"] == "http://127.0.0.1:9081/hub/api"
        assert (hub.runtime.deadlines_of({}).start, hub.runtime.deadlines_of({}).answer) == (
            90,
            45,
        )  # start_timeout, http_timeout
        # active_server_limit
        assert (await client.post("/users/carol/server")).status_code == 201
        assert (await client.post("/users/alice/server")).status_code == 429


# --- a university ---


async def test_oidc_groups(opened: Opened, attempts: list[Attempt]) -> None:
    as_given = loaded("oidc_groups.py")
    oidc = as_given.oidc
    assert as_given.hub.authenticator_class == "generic-oauth"
    assert (oidc.client_id, oidc.client_secret) == ("callboard", "secret-of-the-client")
    assert (oidc.token_url, oidc.userdata_url) == (
        "https://login.example.org/token",
        "https://login.example.org/userinfo",
    )
    assert oidc.username_claim({"email": "bob@example.org"}) == "bob"
    assert (oidc.claim_groups_key, oidc.admin_groups) == ("groups", {"it"})
    assert as_given.authenticator.auth_refresh_age == 900
    assert as_given.authenticator.refresh_pre_spawn
    async with opened("oidc_groups.py") as client:
        hub = client.hub
        # bind_url and public_url: all is below their path
        assert hub.base_url == "/jupyter/"
        assert f"--base-url={hub.base_url}" in proxy_arguments(hub)
        # auto_login, authorize_url, scope: to the provider without a page of ours
        browser = Browser(hub)
        leaving = await browser.get((await browser.get("/jupyter/hub/login")).headers["Location"])
        target = leaving.headers["Location"]
        assert target.startswith("https://login.example.org/authorize?")
        assert "scope=openid" in target
        assert oidc.login_service == "Example University"
        # allow_all, manage_groups, enable_auth_state with keys
        login = Login("carol", groups=["gpu-users"], auth_state={"access_token": "of-carol"})
        carol = (await hub.acts.accounts.of_login(login)).user
        assert [model["name"] for model in (await Client.get(_below(client), "/groups")).json()] == [
            "gpu-users"
        ]
        assert hub.logins.auth_states.of(carol.id) == {"access_token": "of-carol"}
        # auth_state_hook, group_overrides
        row = hub.store.db.execute("SELECT payload FROM events").fetchall()
        assert not any("of-carol" in payload for (payload,) in row), "no secret in the log"


def _below(client: Client) -> Client:
    """The same client, below this hub's own path."""
    client.base_url = f"http://hub.test{client.hub.base_url}hub/api"  # type: ignore[assignment]  # httpx takes texts
    return client


async def test_oidc_groups_start_with_what_the_login_left(opened: Opened, attempts: list[Attempt]) -> None:
    async with opened("oidc_groups.py") as client:
        login = Login("carol", groups=["gpu-users"], auth_state={"access_token": "of-carol"})
        await client.hub.acts.accounts.of_login(login)
        hub_settings = client.hub.settings
        client.hub.settings = replace(  # the provider that would be asked again is not there
            hub_settings, authenticator=replace(hub_settings.authenticator, refresh_pre_spawn=False)
        )
        assert (await _below(client).post("/users/carol/server")).status_code == 201
        (attempt,) = attempts
        assert attempt.settings is not None
        assert attempt.settings.environment == {"PROVIDER_TOKEN": "of-carol", "GPU": "1"}
        assert attempt.environment["MEM_LIMIT"] == str(32 * 2**30)


# --- trying things out ---


async def test_dummy_named(opened: Opened, attempts: list[Attempt]) -> None:
    as_given = loaded("dummy_named.py")
    assert as_given.hub.spawner_class == "simple"
    assert as_given.hub.db_url == "sqlite:///trial.sqlite"
    assert as_given.spawner.home_dir_template == "/tmp/homes/{username}"
    assert as_given.hub.log_level == "DEBUG"
    assert as_given.hub.default_server_name == "lab"
    async with opened("dummy_named.py") as client:
        hub = client.hub
        assert "--bind-url=http://127.0.0.1:8000/" in proxy_arguments(hub)  # bind_url
        assert not hub.ending.servers  # cleanup_servers
        # authenticator_class and its password; redirect_to_server
        assert (await Browser(hub).log_in("bob", "wrong")).status_code != 302
        answer = await Browser(hub).log_in("bob", "let me in")
        assert path_of(answer) == "/hub/home"
        # api_tokens, admin_users
        alice = client.with_token("token-of-alice-0001")
        assert (await alice.get("/user")).json()["admin"]
        # allow_named_servers, named_server_limit_per_user, tornado_settings
        for name, status in (("one", 202), ("two", 202), ("three", 400)):
            answer = await alice.post(f"/users/alice/servers/{name}")
            assert answer.status_code == status
            assert answer.headers["X-Trial"] == "yes"
        assert hub.limits is not None
        # concurrent_spawn_limit: what is more waits
        slow = {"simulate": {"delay": 60}}
        for number in range(5):
            await client.post(f"/users/user{number}")
            assert (await client.post(f"/users/user{number}/server", json=slow)).status_code == 202
        models = [(await client.get(f"/users/user{number}")).json() for number in range(5)]
        assert all(model["pending"] == "spawn" for model in models)
        with trio.fail_after(30):
            while len(attempts) < 5:  # alice's two, and three of the five
                await trio.sleep(0.01)
        await trio.sleep(0.05)
        assert len([attempt for attempt in attempts if attempt.user.startswith("user")]) == 3


# --- services ---


async def test_services_culler(opened: Opened) -> None:
    async with opened("services_culler.py") as client:
        hub = client.hub
        models = (await client.get("/services")).json()
        assert models.keys() == {"idle-culler", "announcements", "grader"}  # services
        assert models["idle-culler"]["command"][1:] == ["-m", "jupyterhub_idle_culler", "--timeout=3600"]
        assert models["announcements"]["info"] == {"text": "What is on"}
        assert models["announcements"]["display"] is False
        assert models["announcements"]["prefix"] == "/services/announcements/"
        assert models["grader"]["admin"] is True
        # load_roles: the culler's, and what everybody may besides
        assert "idle-culler" in models["idle-culler"]["roles"]
        assert (await client.post("/users/bob")).status_code == 201
        scopes = (await (await token_of(client, "bob")).get("/user")).json()["scopes"]
        assert "access:services!service=announcements" in scopes
        # api_token, service_tokens
        for token, name in (
            ("token-of-announcements", "announcements"),
            ("another-token-of-the-grader", "grader"),
        ):
            assert (await client.with_token(token).get("/user")).json()["name"] == name
        # extra_routes
        routes = (await client.get("/proxy")).json()
        assert routes["/status/"]["target"] == "http://127.0.0.1:10102"
        assert "--activity-interval=120" in proxy_arguments(hub)  # last_activity_interval
        assert hub.activity.resolution == 60  # activity_resolution
        culler = hub.services.configured["idle-culler"]
        assert (culler.environment, culler.cwd) == ({"CULL": "1"}, "/tmp")
        defined = hub.services.configured["announcements"]
        assert (defined.oauth_no_confirm, defined.timeout) == (True, 5)
        assert defined.oauth_client_allowed_scopes == ["read:users:name!user"]
        assert hub.settings.hub.service_check_interval == 0
        assert hub.settings.hub.authenticator_class == "dummy"


# --- subdomains ---


async def test_subdomains(opened: Opened) -> None:
    async with opened("subdomains.py") as client:
        settings = client.hub.settings
        assert (settings.hub.subdomain_host, settings.hub.subdomain_hook) == (
            "https://hub.example.org",
            "idna",
        )
        assert settings.hub.public_url == "https://hub.example.org/"
        await client.post("/users/bob")
        await client.post("/users/bob/server")
        url = "https://bob.hub.example.org/user/bob/"
        assert (await client.get("/users/bob")).json()["servers"][""]["url"] == url
        assert (await client.get("/proxy")).json().keys() == {"/", "bob.hub.example.org/user/bob/"}
        # hub_ip, hub_connect_ip
        assert bind_address(settings.hub) == "http://0.0.0.0:8081"
        assert connect_url(settings) == "http://10.1.2.3:8081/hub"
        assert client.hub.address == "http://127.0.0.1:8081"
        assert "--bind-url=http://127.0.0.1:8000/" in proxy_arguments(client.hub)  # bind_url
        # trusted_downstream_ips
        headers = {"X-Forwarded-For": "203.0.113.7, 10.0.0.1"}
        async with client.app.test_request_context("/", headers=headers):
            assert address_of(request) == "203.0.113.7"  # type: ignore[arg-type]  # a proxy of one
        # authenticator_class, cookie_host_prefix_enabled, tornado_settings: the cookie of a login
        answer = await Browser(client.hub, origin="https://hub.example.org").log_in("bob")
        (login,) = [
            text for text in answer.headers.get_list("set-cookie") if text.startswith("jupyterhub-hub-login=")
        ]
        assert "samesite=lax" in login.lower()


# --- hooks ---


async def test_hooks(opened: Opened, attempts: list[Attempt], caplog: pytest.LogCaptureFixture) -> None:
    async with opened("hooks.py") as client:
        hub = client.hub
        assert (await client.post("/users/bob")).status_code == 201
        # options_form, options_from_form
        views, hooks = hub.launch.views, hub.launch.spawn_hooks
        (row,) = hub.store.db.execute("SELECT id FROM servers WHERE user != ''").fetchmany(1)
        view = views.of_id(row[0])
        assert view is not None
        view.user._know(admin=True)
        assert "<option>4G" in await hooks.form(view)
        assert await hooks.options_from_form(view, {"memory": ["4G"], "debug": ["on"]}) == {
            "memory": "4G",
            "debug": True,
        }
        view.user._know(admin=False)
        assert "<option>4G" not in await hooks.form(view)
        # apply_user_options, pre_spawn_hook
        body = {"user_options": {"memory": "4G", "debug": True}}
        assert (await client.post("/users/bob/server", json=body)).status_code == 201
        (attempt,) = attempts
        assert attempt.settings is not None
        assert attempt.environment["MEM_LIMIT"] == str(4 * 2**30)
        assert attempt.environment["JUPYTERHUB_DEBUG"] == "1"
        assert attempt.settings.environment == {"SCRATCH": "/scratch/bob/default"}
        # progress_ready_hook
        assert "Welcome, bob" in (await client.get("/users/bob/server/progress")).text
        # post_stop_hook, within hook_timeout
        with caplog.at_level("INFO", logger="callboard.hooks"):
            assert (await client.delete("/users/bob/server")).status_code == 204
        assert "scratch of bob let go" in caplog.text
        assert hub.settings.callboard.hook_timeout == 10
        # default_url, authenticator_class
        assert path_of(await Browser(hub).log_in("carol")) == "/hub/home"
        # user_redirect_hook
        browser = await logged_in(hub, "carol")
        answer = await browser.get("/hub/user-redirect/course/one", headers=NAVIGATES)
        assert path_of(answer) == "/services/course/course/one"


# --- roles ---


async def test_roles_scopes(opened: Opened, attempts: list[Attempt]) -> None:
    async with opened("roles_scopes.py") as client:
        hub = client.hub
        assert (await client.get("/users/alice")).json()["admin"]  # admin_users
        # load_groups
        teachers = (await client.get("/groups/teachers")).json()
        assert (teachers["users"], teachers["properties"]) == (["bob"], {"room": "2.14"})
        assert sorted((await client.get("/groups/students")).json()["users"]) == ["carol", "dave"]
        # load_roles, custom_scopes, extra_user_scopes
        bob, dave = await token_of(client, "bob"), await token_of(client, "dave")
        scopes = (await bob.get("/user")).json()["scopes"]
        assert {"custom:grades:write", "custom:grades:read", "read:users!group=students", "read:hub"} <= set(
            scopes
        )
        assert (await bob.get("/users/carol")).status_code == 200
        assert (await bob.get("/users/alice")).status_code == 404
        assert [user["name"] for user in (await dave.get("/users")).json()] == ["carol", "dave"]
        # server_token_scopes, oauth_client_allowed_scopes
        assert (await client.post("/users/bob/server")).status_code == 201
        own = client.with_token(attempts[0].environment["JUPYTERHUB_API_TOKEN"])
        assert "custom:grades:read" in (await own.get("/user")).json()["scopes"]
        assert hub.settings.spawner.oauth_client_allowed_scopes == ["read:users:name!user"]
        # token_expires_in_max_seconds
        answer = await client.post("/users/bob/tokens", json={"expires_in": 999_999})
        assert answer.status_code == 400
        assert (await client.post("/users/bob/tokens")).json()["expires_at"] is not None
        # api_page_default_limit, api_page_max_limit
        pages = {"Accept": "application/jupyterhub-pagination+json"}
        assert len((await client.get("/users", headers=pages)).json()["items"]) == 2
        assert len((await client.get("/users?limit=50", headers=pages)).json()["items"]) == 3
        # authenticate_prometheus
        assert (await Browser(hub).get("/hub/metrics")).status_code == 200
        assert hub.settings.hub.authenticator_class == "dummy"


# --- sharing ---


async def test_sharing(opened: Opened, attempts: list[Attempt]) -> None:
    async with opened("sharing.py") as client:
        hub = client.hub
        # load_groups, load_roles: bob may share with carol and with the team
        bob = await token_of(client, "bob")
        assert (await bob.post("/users/bob/servers/lab")).status_code == 201  # allow_named_servers
        assert (await bob.post("/shares/bob/lab", json={"user": "carol"})).status_code in (200, 201)
        assert (await bob.post("/shares/bob/lab", json={"group": "team"})).status_code in (200, 201)
        carol = await token_of(client, "carol")
        assert "access:servers!server=bob/lab" in (await carol.get("/user")).json()["scopes"]
        # disable_user_config
        assert attempts[0].environment["JUPYTERHUB_DISABLE_USER_CONFIG"] == "1"
        # poll_interval, poll_jitter
        assert {hub.runtime.poll_delay() for _ in range(5)} == {5}
        # use_legacy_stopped_server_status_code, implicit_spawn_seconds, template_vars, authenticator_class
        browser = await logged_in(hub, "bob")
        assert (await browser.get("/hub/user/bob/", headers=NAVIGATES)).status_code == 503
        assert hub.settings.hub.implicit_spawn_seconds == 3
        assert "Share with care." in (await browser.get("/hub/home", headers=NAVIGATES)).text
        assert hub.settings.hub.authenticator_class == "dummy"


# --- all of them ---


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.py")), ids=lambda file: file.stem)
def test_no_line_is_left_out(file: Path) -> None:
    """Each option that a file sets is named in the test of that file."""
    source = inspect.getsource(globals()[f"test_{file.stem}"])
    for section, traits in _run(file).items():
        for trait in traits:
            assert trait in source, f"c.{section}.{trait}"


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.py")), ids=lambda file: file.stem)
def test_a_line_too_many_is_refused(file: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "hub.py"
    wrong.write_text(f"{file.read_text()}\nc.Spawner.start_timeout = 'soon'\n")
    with pytest.raises(ConfigError, match="start_timeout"):
        load_settings([wrong], [])
