"""Templates of an administrator's, written for JupyterHub: each page, each block, each variable."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from jupyterhub._data import DATA_FILES_PATH
from msgspec.structs import replace

from core.settings import AuthenticatorSettings, Settings, SpawnerSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from tests.unit.web.pages.html import data_of, read
from tests.unit.web.pages.test_oauth import AUTHORIZE, of_grader, settings, start, token_of
from web.hub.hub import Hub
from web.presentation.wants import Wants, wants_of

STOCK = Path(DATA_FILES_PATH) / "templates"  # JupyterHub's own


def settings_with(directory: Path, **hub: Any) -> Settings:
    given = settings(
        template_paths=[str(directory)],
        template_vars={"login_term_url": "/terms"},
        allow_named_servers=True,
        **hub,
    )
    given.hub.load_roles[0]["scopes"].append("shares!user")
    return replace(
        given,
        spawner=SpawnerSettings(options_form='<input name="size">'),
        authenticator=AuthenticatorSettings(admin_users={"alice"}, allow_all=True, request_otp=True),
    )


# --- the pages ---


class World:
    """Bob and alice in a hub whose templates are an administrator's."""

    def __init__(self, hub: Hub, bob: Browser, alice: Browser, admin: Client) -> None:
        self.hub, self.bob, self.alice, self.admin = hub, bob, alice, admin

    async def shown(self, path: str, browser: Browser | None = None, **options: Any) -> httpx.Response:
        return await (browser or self.bob).get(path, headers=NAVIGATES, **options)

    async def simulate(self, **options: Any) -> None:
        body = {"user_options": {"simulate": options}}
        await self.admin.post("/users/bob/server", json=body, headers={"Prefer": "respond-async"})


@asynccontextmanager
async def world_with(directory: Path, **hub: Any) -> AsyncIterator[World]:
    async with hub_in_memory(settings_with(directory, **hub)) as made:
        bob = await logged_in(made, "bob")
        alice = await logged_in(made, "alice", bob.app)
        async with Client(made, ADMIN_TOKEN, bob.app) as admin:
            yield World(made, bob, alice, admin)


async def not_found(world: World) -> httpx.Response:
    return await world.shown("/hub/nothing")


async def accept_share(world: World) -> httpx.Response:
    code = (await world.admin.post("/share-codes/alice/")).json()["code"]
    return await world.shown(f"/hub/accept-share?code={code}")


async def admin_page(world: World) -> httpx.Response:
    return await world.shown("/hub/admin", world.alice)


async def error(world: World) -> httpx.Response:
    return await world.shown("/hub/error/502")


async def home(world: World) -> httpx.Response:
    await world.admin.put("/users/bob/servers/lab")
    return await world.shown("/hub/home")


async def login(world: World) -> httpx.Response:
    return await world.shown("/hub/login", Browser(world.hub, world.bob.app))


async def not_running(world: World) -> httpx.Response:
    return await world.shown("/hub/user/bob/tree")


async def oauth(world: World) -> httpx.Response:
    return await world.shown(AUTHORIZE, params=of_grader())


async def spawn(world: World) -> httpx.Response:
    return await world.shown("/hub/spawn")


async def spawn_pending(world: World) -> httpx.Response:
    await world.simulate(delay=50)
    return await world.shown("/hub/spawn-pending/bob")


async def stop_pending(world: World) -> httpx.Response:
    await world.simulate(stop_delay=50)
    await trio.sleep(1)
    await world.admin.delete("/users/bob/server", headers={"Prefer": "respond-async"})
    return await world.shown("/hub/spawn-pending/bob")


async def token(world: World) -> httpx.Response:
    await world.bob.call("POST", "/users/bob/tokens", json={"note": "backup"})
    await token_of(world.bob, await start(world.hub))
    return await world.shown("/hub/token")


PAGES: dict[str, tuple[Callable[[World], Awaitable[httpx.Response]], int]] = {
    "404": (not_found, 404),
    "accept-share": (accept_share, 200),
    "admin": (admin_page, 200),
    "error": (error, 200),
    "home": (home, 200),
    "login": (login, 200),
    "not_running": (not_running, 424),
    "oauth": (oauth, 200),
    "page": (home, 200),
    "spawn": (spawn, 200),
    "spawn_pending": (spawn_pending, 200),
    "stop_pending": (stop_pending, 200),
    "token": (token, 200),
}


def blocks_of(template: str) -> list[tuple[str, str]]:
    """Of JupyterHub's own template, the names of its blocks and ` scoped` where they are."""
    return re.findall(r"{%-? block (\w+)( scoped)? -?%}", (STOCK / f"{template}.html").read_text())


def overriding(template: str) -> str:
    """A template that puts a mark before what is in each block."""
    lines = [f'{{% extends "templates/{template}.html" %}}']
    for name, scoped in blocks_of(template):
        mark = f"data-mark-{name} " if name.endswith("_attrs") else f"<!-- mark-{name} -->"
        lines.append(f"{{% block {name}{scoped} %}}{mark}{{{{ super() }}}}{{% endblock %}}")
    return "\n".join(lines)


def test_there_is_a_page_for_each_of_jupyterhubs_templates() -> None:
    assert {path.stem for path in STOCK.glob("*.html")} == {*PAGES, "logout"}


@pytest.mark.parametrize("template", PAGES)
async def test_each_block_of_jupyterhubs_may_be_an_administrators_own(
    tmp_path: Path, template: str, autojump_clock: object
) -> None:
    (tmp_path / f"{template}.html").write_text(overriding(template))
    visit, status = PAGES[template]
    async with world_with(tmp_path) as world:
        answer = await visit(world)
    assert answer.status_code == status, answer.text
    filled = {"title", "main"} if template == "page" else set()  # by each page itself
    missing = [name for name, _ in blocks_of(template) if f"mark-{name}" not in answer.text]
    assert set(missing) == filled
    assert read(answer.text).one("html")


async def test_so_may_those_of_the_page_after_a_logout(tmp_path: Path) -> None:
    (tmp_path / "logout.html").write_text(overriding("logout"))
    given = settings_with(tmp_path)
    given = replace(given, authenticator=replace(given.authenticator, auto_login=True))
    async with hub_in_memory(given) as hub:
        answer = await Browser(hub).get("/hub/logout", headers=NAVIGATES)
    assert [name for name, _ in blocks_of("logout") if f"mark-{name}" not in answer.text] == []


# --- JupyterHub's own, as they are ---

IDS = {
    "home": ("start", "new-server-btn"),
    "login": ("username_input", "password_input", "otp_input", "login_submit", "login_terms_checkbox"),
    "not_running": ("start",),
    "spawn": ("spawn_form",),
    "spawn_pending": ("progress-bar", "progress-message", "progress-log", "stop-server-btn"),
    "stop_pending": ("refresh",),
    "token": ("request-token-form", "token-note", "token-expiration-seconds", "token-scopes", "token-result"),
}


@pytest.mark.parametrize("template", PAGES)
async def test_jupyterhubs_own_templates_find_their_variables(template: str, autojump_clock: object) -> None:
    visit, status = PAGES[template]
    async with world_with(STOCK) as world:
        answer = await visit(world)
    assert answer.status_code == status, answer.text
    assert 'id="thenavbar"' in answer.text, "it is made of JupyterHub's templates"
    for name in IDS.get(template, ()):
        assert name in answer.text


async def test_what_they_show_is_right(autojump_clock: object) -> None:
    async with world_with(STOCK) as world:
        await world.admin.put("/users/bob/servers/lab", json={"display_name": "My lab"})
        text = (await world.shown("/hub/home")).text
        assert 'href="/hub/spawn/bob"' in text
        assert ("My lab" in text, "/user/bob/lab/" in text, 'id="stop"' in text) == (True, True, False)
        text = (await token(world)).text  # its server has been started for that
        assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text)
        assert ("backup" in text, "read:users:name!user=bob" in text) == (True, True)
        text = (await world.shown("/hub/home")).text
        assert ('href="/user/bob/"' in text, 'id="stop"' in text) == (True, True)


# --- variables ---

SEEN = """{% extends "templates/page.html" %}{% block main %}<pre id="seen">
{{ url }} {{ user.running }} {{ user.active }} {{ user.server.url }} {{ user.spawner.pending }} {{ user.name }}
{{ default_server.active }} {{ base_url }} {{ prefix }} {{ xsrf == xsrf_token }}
{{ user.all_spawners(include_default=False) | map(attribute="name") | join(",") }} {{ user.groups | length }}
</pre>{% endblock %}"""


async def test_variables_mean_what_they_mean_in_jupyterhub(tmp_path: Path, autojump_clock: object) -> None:
    (tmp_path / "home.html").write_text(SEEN)
    async with world_with(tmp_path) as world:
        await world.admin.put("/users/bob/servers/lab")
        told = read((await world.shown("/hub/home")).text).one(id_="seen").text
        assert told == "/hub/spawn/bob False False None bob False /hub/ / True lab 0"
        await world.simulate(delay=20)
        told = read((await world.shown("/hub/home")).text).one(id_="seen").text
        assert told == "/hub/spawn/bob False True /user/bob/ spawn bob True /hub/ / True lab 0"
        await trio.sleep(25)
        told = read((await world.shown("/hub/home")).text).one(id_="seen").text
        assert re.fullmatch(
            r"/user/bob/ True True http://\w+\.simulated/user/bob/ None bob True /hub/ / True lab 0",
            told,
        )


async def test_a_failed_start_is_an_exception(tmp_path: Path, autojump_clock: object) -> None:
    (tmp_path / "not_running.html").write_text(
        '{% extends "templates/not_running.html" %}'
        "{% block message %}<p id=seen>{{ failed }} {{ exception }} {{ exception.status }} {{ failed_message }}</p>"
        "{% endblock %}"
    )
    async with world_with(tmp_path) as world:
        await world.simulate(fail="no room", fail_status=507)
        await trio.sleep(1)
        answer = await world.shown("/hub/spawn-pending/bob")
    assert answer.status_code == 507
    assert read(answer.text).one(id_="seen").text == "True no room 507 no room"


# --- what they rely on ---


@pytest.mark.parametrize(
    ("html", "wants"),
    [
        ("<p>The price is $(5), and require(['x']) is no script</p>", Wants()),
        ("<script>document.title = `${1}`</script>", Wants(data=True)),
        ("<script>$('#x').hide()</script>", Wants(True, True)),
        ("<script>$.ajax('/')</script>", Wants(True, True)),
        ("<SCRIPT>require(['jquery'], function($) {})</SCRIPT>", Wants(True, True)),
        ("<script>jQuery(document)</script>", Wants(True, True)),
        ('<div class="x" style="color: red">', Wants(style_attributes=True)),
        ("<div data-style=x>style = 5</div>", Wants()),
        ("<style>p { color: red }</style>", Wants()),
    ],
)
def test_what_html_wants(html: str, wants: Wants) -> None:
    assert wants_of(html) == wants


STYLES = "; style-src-attr 'unsafe-inline'"


async def test_only_pages_that_want_libraries_have_them(tmp_path: Path) -> None:
    """Also where it is a template that another one includes; and the policy is wider for no page but that one."""
    (tmp_path / "part.html").write_text("<script>$('#x')</script><p style='color: red'>x</p>")
    (tmp_path / "token.html").write_text(
        '{% extends "templates/token.html" %}{% block main %}{% include "part.html" %}{{ super() }}{% endblock %}'
    )
    async with world_with(tmp_path) as world:
        answer = await world.shown("/hub/token")
        sources = [script["src"] for script in read(answer.text).all("script") if "src" in script.attributes]
        names = [source.partition("?")[0].removeprefix("/hub/static/") for source in sources]
        libraries = ["components/requirejs/require.js", "components/jquery/dist/jquery.min.js"]
        assert [name for name in names if name in libraries] == libraries
        assert "js/for-templates.js" in names
        for source in sources:
            assert (await world.bob.get(source)).status_code == 200
        assert STYLES in answer.headers["content-security-policy"]
        other = await world.shown("/hub/home")
        assert "jquery" not in other.text
        assert "unsafe" not in other.headers["content-security-policy"]


async def test_so_do_forms_and_announcements(tmp_path: Path) -> None:
    form = "<p style='color: red'>x</p><script>$('p').show()</script>"
    given = settings_with(tmp_path, logo_file="")
    given = replace(given, spawner=SpawnerSettings(options_form=form))
    async with hub_in_memory(given) as hub:
        bob = await logged_in(hub, "bob")
        answer = await bob.get("/hub/spawn", headers=NAVIGATES)
        assert "components/jquery/dist/jquery.min.js" in answer.text
        assert STYLES in answer.headers["content-security-policy"]
        other = await bob.get("/hub/token", headers=NAVIGATES)
        assert "jquery" not in other.text
        assert "unsafe" not in other.headers["content-security-policy"]


async def test_scripts_find_the_pages_data_without_a_template_of_ours(tmp_path: Path) -> None:
    (tmp_path / "home.html").write_text('{% extends "templates/home.html" %}')
    async with world_with(tmp_path) as world:
        page = read((await world.shown("/hub/home")).text)
    assert data_of(page)["user"] == "bob"
