"""What hooks read is what the server gets, what they set acts, and what they leave is there for the next one."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from jupyterhub.utils import _strict_dns_safe_encode
from msgspec.structs import replace

from core.naming.subdomains import safe_label
from core.plugins.hooks import trio_hook
from core.plugins.spawner import Attempt
from core.settings import CryptSettings, GroupSettings, SpawnerSettings
from projections import users
from projections.servers import servers
from spawners.simulated import SimulatedSpawner
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from tests.unit.web.pages.html import check_page, shown
from web.hub.hub import Hub


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


@asynccontextmanager
async def hub_with(*, login: dict[str, Any] | None = None, **spawner: Any) -> AsyncIterator[Hub]:
    """Bob is in the group physics. `login`: settings of the authenticator."""
    settings = settings_for_tests(load_groups={"physics": GroupSettings(["bob"], {"room": 7})})
    settings = replace(
        settings,
        spawner=SpawnerSettings(**spawner),
        authenticator=replace(settings.authenticator, **(login or {})),
        crypt=CryptSettings(keys=["00" * 32]),
    )
    async with hub_in_memory(settings) as hub:
        yield hub


async def start(hub: Hub, **body: Any) -> tuple[int, str]:
    async with Client(hub, ADMIN_TOKEN) as client:
        answer = await client.post("/users/bob/server", json=body or None)
        return answer.status_code, answer.json()["message"] if answer.content else ""


# --- spawners ---


async def test_what_a_hook_reads_is_what_the_server_gets(
    attempts: list[Attempt], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: dict[str, Any] = {}
    monkeypatch.setenv("LANG", "C.UTF-8")

    def prepare(spawner: Any) -> None:
        spawner.mem_limit = "1G"
        spawner.cmd = "jupyter-labhub"
        spawner.environment["ROOM"] = str(spawner.user.groups[0].properties["room"])
        spawner.notebook_dir = "/srv/{username}"
        read.update(
            env=spawner.get_env(), options=spawner.user_options, mem=spawner.mem_limit, cmd=spawner.cmd
        )

    environment = {"WHO": lambda spawner: spawner.user.name.upper(), "NOTHING": lambda spawner: None}
    async with hub_with(pre_spawn_hook=prepare, environment=environment, cpu_limit=2.0) as hub:
        assert await start(hub, user_options={"size": "big"}) == (201, "")
    (attempt,) = attempts
    assert attempt.settings is not None
    gets = {"LANG": "C.UTF-8", **attempt.environment, **attempt.settings.environment}
    assert {name: read["env"][name] for name in gets} == gets
    assert (gets["MEM_LIMIT"], gets["CPU_LIMIT"]) == (str(2**30), "2.0")
    assert (gets["JUPYTERHUB_ROOT_DIR"], gets["WHO"], gets["ROOM"]) == ("/srv/bob", "BOB", "7")
    assert (read["options"], attempt.user_options) == ({"size": "big"}, {"size": "big"})
    assert (read["mem"], attempt.settings.mem_limit) == (2**30, 2**30)
    assert (read["cmd"], attempt.settings.cmd) == (["jupyter-labhub"], ["jupyter-labhub"])


async def test_options_that_a_hook_changes_are_those_of_this_start(attempts: list[Attempt]) -> None:
    def prepare(spawner: Any) -> None:
        spawner.user_options["size"] = "small"

    async with hub_with(pre_spawn_hook=prepare) as hub:
        assert await start(hub, user_options={"size": "huge"}) == (201, "")
        bob = users.by_name(hub.store.db, "bob")
        assert bob is not None
        assert servers.of_user(hub.store.db, bob.id)[0].options() == {"size": "huge"}
    assert [attempt.user_options for attempt in attempts] == [{"size": "small"}]


async def test_what_cannot_be_a_setting_is_refused_where_it_is_set() -> None:
    def prepare(spawner: Any) -> None:
        spawner.mem_limit = "much"

    async with hub_with(pre_spawn_hook=prepare) as hub:
        status, message = await start(hub)
    assert status == 400
    assert message.startswith("The setting mem_limit of this start is invalid: ")


async def test_what_a_start_has_left_is_there_when_it_is_ready_and_when_it_has_ended() -> None:
    told: list[Any] = []

    def prepare(spawner: Any) -> None:
        spawner.volume = f"vol-{spawner.user.name}"
        spawner.environment["VOLUME"] = spawner.volume

    def ready(spawner: Any, event: dict[str, Any]) -> dict[str, Any]:
        told.append(("ready", spawner.volume, spawner.ready, spawner.pending, spawner.server.base_url))
        return event

    async def stopped(spawner: Any) -> None:
        told.append(("stopped", spawner.volume, spawner.environment, await spawner.poll(), spawner.handler))

    async with hub_with(pre_spawn_hook=prepare, progress_ready_hook=ready, post_stop_hook=stopped) as hub:
        async with Client(hub, ADMIN_TOKEN) as client:
            assert (await client.post("/users/bob/server")).status_code == 201
            await client.get("/users/bob/server/progress")
            assert (await client.delete("/users/bob/server")).status_code == 204
        assert told == [
            ("ready", "vol-bob", True, None, "/user/bob/"),
            ("stopped", "vol-bob", {"VOLUME": "vol-bob"}, 0, None),
        ]
        assert hub.launch._kept._started == {}


async def test_a_start_that_fails_is_looked_back_at_too() -> None:
    told: list[Any] = []

    def prepare(spawner: Any) -> None:
        spawner.volume = "made"
        raise RuntimeError("no room")

    async with hub_with(pre_spawn_hook=prepare, post_stop_hook=lambda it: told.append(it.volume)) as hub:
        assert (await start(hub))[0] == 500
        assert told == ["made"]
        assert hub.launch._kept._started == {}


async def test_a_hook_sees_how_its_server_is() -> None:
    seen: dict[str, Any] = {}

    def prepare(spawner: Any) -> None:
        orm = spawner.orm_spawner
        seen.update(
            authenticator=(
                spawner.authenticator.admin_users,
                spawner.authenticator is spawner.user.authenticator,
            ),
            states=(
                spawner.pending,
                spawner.active,
                spawner.ready,
                spawner.user.running,
                spawner.user.active,
            ),
            orm=(orm.name, orm.user.name, orm.user_options, orm.pending, type(orm.started)),
            oauth=(spawner.oauth_client_id, spawner.oauth_access_scopes),
            token=spawner.api_token == spawner.get_env()["JUPYTERHUB_API_TOKEN"],
            user=(
                spawner.user.kind,
                [role.name for role in spawner.user.roles],
                spawner.user.spawner.pending,
            ),
            group=(spawner.user.groups[0].id[:1], [one.name for one in spawner.user.groups[0].users]),
            hub=(spawner.hub.base_url, spawner.hub.api_url, spawner.hub.ip, spawner.hub.port),
        )

    async with hub_with(pre_spawn_hook=prepare) as hub:
        assert await start(hub, user_options={"size": 1}) == (201, "")
    assert seen == {
        "authenticator": ({"alice"}, True),
        "states": ("spawn", True, False, False, True),
        "orm": ("", "bob", {"size": 1}, "spawn", datetime),
        "oauth": ("jupyterhub-user-bob", ["access:servers!server=bob/", "access:servers!user=bob"]),
        "token": True,
        "user": ("user", ["user"], "spawn"),
        "group": ("g", ["bob"]),
        "hub": ("/hub/", "http://127.0.0.1:8081/hub/api", "127.0.0.1", 8081),
    }


async def test_moments_are_utc_without_a_zone_as_in_jupyterhub() -> None:
    seen: list[Any] = []
    async with hub_with(pre_spawn_hook=lambda spawner: seen.append(spawner.user.created)) as hub:
        assert await start(hub) == (201, "")
    assert seen[0].tzinfo is None
    assert abs(seen[0] - datetime.now(UTC).replace(tzinfo=None)).total_seconds() < 3600


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (
            lambda spawner: spawner.db.commit(),
            "pre_spawn_hook: spawner.db is not here: the hub's data is no database of SQLAlchemy's; "
            "the REST API reads and changes it.",
        ),
        (
            lambda spawner: spawner.user.groups.append("staff"),
            "pre_spawn_hook: user.groups cannot be changed: users are changed through the REST API, "
            "or by what a login says (c.Authenticator.post_auth_hook).",
        ),
    ],
)
async def test_what_is_not_here_is_said_in_log_answer_and_progress(
    use: Callable[[Any], None], sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub_with(pre_spawn_hook=use) as hub:
        assert await start(hub) == (500, sentence)
        page = await shown(await logged_in(hub, "bob"), "/hub/spawn-pending/bob", 500)
        assert page.one(class_="alert").text == sentence
    assert any(sentence in record.getMessage() for record in caplog.records if record.levelname == "ERROR")


@pytest.mark.parametrize("name", ["bob", "Bob@example.org", "bob--x", "jörg", "b" * 41, "7", "a.b"])
def test_a_safe_name_is_jupyterhubs(name: str) -> None:
    """Volumes and claims are called by it. (6.1.1 itself means this function, and calls a set by a like name.)"""
    assert safe_label(name, 40) == _strict_dns_safe_encode(name, max_length=40)


# --- forms ---


async def test_hooks_of_a_form_leave_things_for_one_another_and_for_the_start(
    attempts: list[Attempt],
) -> None:
    """`auth_state_hook` comes first, as in JupyterHub."""

    def take(spawner: Any, auth_state: Any) -> None:
        spawner.quota = (auth_state or {}).get("quota", "none")

    def form(spawner: Any) -> str:
        spawner.choices = {"1": spawner.quota}
        return f"<p id='quota'>{spawner.quota}</p><input name=size>"

    def read(data: dict[str, list[str]], spawner: Any) -> dict[str, Any]:
        spawner.mem_limit = "2G"
        spawner.handler_said = spawner.handler.get_argument("size")
        return {"size": spawner.choices[data["size"][0]]}

    def prepare(spawner: Any) -> None:
        spawner.environment["SAID"] = f"{spawner.handler_said} {spawner.quota} {spawner.choices}"

    hooks = {
        "auth_state_hook": take,
        "options_form": form,
        "options_from_form": read,
        "pre_spawn_hook": prepare,
    }

    async def give(authenticator: Any, handler: Any, model: dict[str, Any]) -> dict[str, Any]:
        return {**model, "auth_state": {"quota": "5G"}}

    async with hub_with(login={"enable_auth_state": True, "post_auth_hook": give}, **hooks) as hub:
        browser = await logged_in(hub, "bob")
        page = await shown(browser, "/hub/spawn")
        assert page.one(id_="quota").text == "5G"
        action = page.one("form", id_="spawn_form")["action"]
        answer = await browser.post(action, data={"size": "1"}, headers=NAVIGATES)
        assert answer.status_code == 302, answer.text
        assert hub.launch._kept._looked_at == {}
    (attempt,) = attempts
    assert attempt.settings is not None
    assert attempt.settings.environment == {"SAID": "1 5G {'1': '5G'}"}
    assert (attempt.settings.mem_limit, attempt.user_options) == (2 * 2**30, {"size": "5G"})


@pytest.mark.parametrize("is_of_asyncio", [True, False])
async def test_an_auth_state_that_a_hook_has_renewed_is_kept(is_of_asyncio: bool) -> None:
    async def renew(spawner: Any) -> None:
        state = await spawner.user.get_auth_state()
        await spawner.user.save_auth_state({"token": f"{state['token']}+"})
        spawner.environment["TOKEN"] = (await spawner.user.get_auth_state())["token"]

    async def give(authenticator: Any, handler: Any, model: dict[str, Any]) -> dict[str, Any]:
        return {**model, "auth_state": {"token": "old"}}

    hook = renew if is_of_asyncio else trio_hook(renew)
    login = {"enable_auth_state": True, "post_auth_hook": give}
    async with hub_with(login=login, pre_spawn_hook=hook) as hub:
        await logged_in(hub, "bob")
        assert await start(hub) == (201, "")
        bob = users.by_name(hub.store.db, "bob")
        assert bob is not None
        assert hub.logins.auth_states.of(bob.id) == {"token": "old+"}


async def test_where_none_is_kept_none_can_be_saved() -> None:
    async def renew(spawner: Any) -> None:
        await spawner.user.save_auth_state({"token": "new"})

    async with hub_with(pre_spawn_hook=renew) as hub:
        status, message = await start(hub)
    assert (status, message.startswith("This hub keeps no auth_state")) == (500, True)


# --- logins ---


async def test_a_login_hook_reads_the_authenticator_and_the_request() -> None:
    seen: dict[str, Any] = {}

    def look(authenticator: Any, handler: Any, model: dict[str, Any]) -> dict[str, Any]:
        authenticator.log.info("%s logs in", model["name"])
        seen.update(
            admins=authenticator.admin_users,
            allowed=(authenticator.allow_all, authenticator.allowed_users, authenticator.blocked_users),
            checks=(
                authenticator.check_allowed("carol", model),
                authenticator.check_blocked_users("carol", model),
                authenticator.is_admin(handler, {"name": "alice"}),
                authenticator.validate_username("a/b"),
                authenticator.normalize_username("Carol"),
            ),
            said=(
                handler.get_argument("username"),
                handler.get_body_argument("password"),
                handler.request.method,
            ),
            query=handler.get_query_argument("next", ""),
            knows=(handler.find_user("alice").admin, handler.find_user("carol")),
        )
        return {**model, "admin": model["name"] in authenticator.admin_users}

    async with hub_with(login={"post_auth_hook": look, "blocked_users": {"mallory"}}) as hub:
        assert (await Browser(hub).log_in("bob", "geheim1", next_url="/hub/home")).status_code == 302
    assert seen == {
        "admins": {"alice"},
        "allowed": (True, set(), {"mallory"}),
        "checks": (True, True, True, False, "carol"),
        "said": ("bob", "geheim1", "POST"),
        "query": "/hub/home",
        "knows": (True, None),
    }


async def test_what_a_login_hook_cannot_have_is_said_on_the_form_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def look(authenticator: Any, handler: Any, model: dict[str, Any]) -> dict[str, Any]:
        authenticator.admin_users.add(model["name"])
        return model

    async with hub_with(login={"post_auth_hook": look}) as hub:
        answer = await Browser(hub).log_in("bob")
        assert answer.status_code == 403
        said = check_page(answer).one(id_="login-error").text
    assert said.startswith("post_auth_hook: authenticator.admin_users cannot be changed: ")
    assert any(said in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)


async def test_a_hook_of_an_asyncio_loop_finds_users_too() -> None:
    seen: list[Any] = []

    async def look(authenticator: Any, handler: Any, model: dict[str, Any]) -> dict[str, Any]:
        seen.append(handler.find_user("alice").name)
        return model

    async with hub_with(login={"post_auth_hook": look}) as hub:
        assert (await Browser(hub).log_in("bob")).status_code == 302
    assert seen == ["alice"]
