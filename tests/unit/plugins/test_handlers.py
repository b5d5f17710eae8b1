"""Handlers of tornado at URLs of the hub: with our sessions, proofs and templates, on JupyterHub's real BaseHandler."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from jupyterhub import apihandlers, orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.auth import Authenticator
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler, LogoutHandler
from jupyterhub.scopes import needs_scope
from tornado.web import HTTPError, RequestHandler, authenticated

from core.events.record import HUB
from core.logins.gate import Attempt as LoginAttempt
from core.logins.gate import LoginGate
from core.plugins.spawner import Attempt
from core.user import Change
from projections import sessions, users
from spawners.simulated import SimulatedSpawner
from tests.conftest import ADMIN_TOKEN
from tests.unit.plugins.hub_with import hub_with, page
from tests.unit.web.pages.browser import FETCHES, NAVIGATES, Browser
from web.hub.hub import Hub

OPEN = {"allow_all": True, "admin_users": {"alice"}}


class Who(BaseHandler):  # type: ignore[misc]
    """As people write them for `c.JupyterHub.extra_handlers`."""

    @authenticated
    async def get(self) -> None:
        user = self.current_user
        self.write(
            {
                "name": user.name,
                "admin": user.admin,
                "url": user.url,
                "groups": [group.name for group in user.groups],
                "active": user.active,
                "hub": self.hub.base_url,
                "next": self.get_next_url(user),
                "scopes": sorted(self.expanded_scopes),
                "everybody": sorted(row.name for row in self.db.query(orm.User)),
                "state": await user.get_auth_state(),
                "authorization": self.request.headers.get("Authorization"),
                "cookies": sorted(self.cookies),
            }
        )

    async def post(self) -> None:
        self.write({"said": self.get_json_body()})

    def get_json_body(self) -> Any:
        return json.loads(self.request.body or b"null")


class Enter(BaseHandler):  # type: ignore[misc]
    """A way in of its own, as OAuth callbacks and launches are."""

    async def get(self) -> None:
        user = await self.login_user({"username": self.get_argument("name")})
        if user is None:
            raise HTTPError(403, "Not you, %s", "please")
        self.redirect(self.get_next_url(user))

    post = get

    def check_xsrf_cookie(self) -> None:
        """A launch comes from another site's page, and proves itself by what it brings."""


class Word(Authenticator):  # type: ignore[misc]
    enable_auth_state = True

    async def authenticate(self, handler: Any, data: dict[str, Any]) -> Any:
        name = data["username"]
        return None if name == "mallory" else {"name": name, "auth_state": {"by": handler.request.path}}

    def get_handlers(self, app: Any) -> list[Any]:
        return [("/enter", Enter), *super().get_handlers(app)]


EXTRA = [("/who", Who)]


async def entered(hub: Hub, name: str = "bob") -> Browser:
    browser = Browser(hub)
    answer = await browser.get(f"/hub/enter?name={name}", headers=NAVIGATES)
    assert answer.status_code == 302
    return browser


async def test_a_handler_logs_somebody_in_with_a_session_of_ours():
    async with hub_with(Word, OPEN, extra_handlers=EXTRA) as hub:
        browser = Browser(hub)
        answer = await browser.get("/hub/enter?name=Bob&next=/hub/home", headers=NAVIGATES)
        assert (answer.status_code, answer.headers["location"]) == (302, "/hub/home")
        bob = users.by_name(hub.store.db, "bob")
        assert bob is not None
        (session,) = sessions.ids_of_user(hub.store.db, bob.id)
        assert browser.session_id == session
        assert "bob" in await page(browser, "/hub/home")
        again = await browser.get("/hub/enter?name=bob", headers=NAVIGATES)
        assert again.headers["location"] == "/hub/spawn?name=bob"
        assert sessions.ids_of_user(hub.store.db, bob.id) == [session]


async def test_who_is_not_let_in_is_told_so_on_our_page_and_stays_nobody():
    async with hub_with(Word, OPEN | {"blocked_users": {"eve"}}, extra_handlers=EXTRA) as hub:
        browser = Browser(hub)
        for name in ("mallory", "eve"):
            answer = await browser.get(f"/hub/enter?name={name}", headers=NAVIGATES)
            assert answer.status_code == 403
            assert "Not you, please" in answer.text
            assert "/hub/static/css/theme.css" in answer.text
        who = await browser.get("/hub/who", headers=NAVIGATES)
        assert (who.status_code, who.headers["location"]) == (302, "/hub/login?next=%2Fhub%2Fwho")


async def test_what_a_handler_knows_of_who_asks():
    async with hub_with(Word, OPEN, extra_handlers=EXTRA) as hub:
        browser = await entered(hub)
        seen = (await browser.get("/hub/who")).json()
        assert {key: seen[key] for key in ("name", "admin", "url", "groups", "active", "hub", "next")} == {
            "name": "bob",
            "admin": False,
            "url": "/user/bob/",
            "groups": [],
            "active": False,
            "hub": "/hub/",
            "next": "/hub/spawn",
        }
        assert seen["everybody"] == ["alice", "bob"]
        assert seen["state"] == {"by": "/hub/enter"}
        assert "access:servers!user=bob" in seen["scopes"]
        assert seen["cookies"] == ["_xsrf"]
        await browser.call("POST", "/users/bob/server")
        running = (await browser.get("/hub/who")).json()
        assert (running["active"], running["next"]) == (True, "/user/bob/")


async def test_a_token_says_who_asks_and_no_plug_in_sees_it():
    async with hub_with(Word, OPEN, extra_handlers=EXTRA) as hub:
        browser = Browser(hub, Authorization=f"token {ADMIN_TOKEN}")
        seen = (await browser.get("/hub/who")).json()
        assert (seen["name"], seen["authorization"]) == ("alice", None)
        assert (await browser.post("/hub/who", json={"a": 1})).json() == {"said": {"a": 1}}
        foreign = Browser(hub, Authorization="Bearer of.another.place")
        assert (await foreign.get("/hub/who", headers=NAVIGATES)).status_code == 302


async def test_what_changes_of_users_is_known_at_the_next_request():
    async with hub_with(Word, OPEN, extra_handlers=EXTRA) as hub:
        browser = await entered(hub)
        bob = users.by_name(hub.store.db, "bob")
        assert bob is not None
        await hub.entities.users.ask(bob.id, Change(admin=True), by=HUB)
        admin = Browser(hub, Authorization=f"token {ADMIN_TOKEN}")
        await admin.post("/hub/api/groups/astro")
        await admin.post("/hub/api/groups/astro/users", json={"users": ["bob"]})
        seen = (await browser.get("/hub/who")).json()
        assert (seen["admin"], seen["groups"]) == (True, ["astro"])
        assert "admin:users" in seen["scopes"]
        await admin.delete("/hub/api/groups/astro")
        await admin.patch("/hub/api/users/bob", json={"name": "robert"})
        seen = (await browser.get("/hub/who")).json()
        assert (seen["name"], seen["groups"], seen["everybody"]) == ("robert", [], ["alice", "robert"])


async def test_scopes_of_the_hub_guard_a_handler():
    class Guarded(BaseHandler):  # type: ignore[misc]
        @needs_scope("admin:users")
        def get(self) -> None:
            self.write("for administrators")

    async with hub_with(Word, OPEN, extra_handlers=[("/guarded", Guarded)]) as hub:
        bob = await entered(hub)
        assert (await bob.get("/hub/guarded", headers=NAVIGATES)).status_code == 403
        alice = Browser(hub, Authorization=f"token {ADMIN_TOKEN}")
        assert (await alice.get("/hub/guarded")).text == "for administrators"


class Plain(RequestHandler):
    """Knows nothing of JupyterHub."""

    def initialize(self, word: str) -> None:
        self.word = word

    def get(self, number: str) -> None:
        self.write(f"{self.word} {int(number)}")

    post = get


@pytest.mark.parametrize("path", ["/hub/who", "/hub/plain/7"])
async def test_what_may_change_something_needs_the_proof_that_our_pages_meant_it(path: str):
    async with hub_with(Word, OPEN, extra_handlers=[*EXTRA, (r"/plain/(\d+)", Plain, {"word": "w"})]) as hub:
        bob, carol = await entered(hub), await entered(hub, "carol")
        await page(bob, "/hub/home")
        await page(carol, "/hub/home")
        assert (await bob.post(path)).status_code == 403
        assert (await bob.post(path, headers={"X-XSRFToken": carol.xsrf})).status_code == 403
        bob.cookies.set("_xsrf", "planted", domain="hub.test", path="/hub/")
        assert (await bob.post(path, headers={"X-XSRFToken": "planted"})).status_code == 403
        fresh = await entered(hub)
        await page(fresh, "/hub/home")
        assert (await fresh.post(path, headers={"X-XSRFToken": fresh.xsrf})).status_code == 200
        assert (await fresh.post(f"{path}?_xsrf={fresh.xsrf}")).status_code == 200
        from_elsewhere = {"X-XSRFToken": fresh.xsrf, "Sec-Fetch-Site": "cross-site"}
        assert (await fresh.post(path, headers=from_elsewhere)).status_code == 403


async def test_a_launch_by_post_from_another_site_logs_in_where_its_handler_says_so():
    async with hub_with(Word, OPEN, extra_handlers=EXTRA) as hub:
        browser = Browser(hub)
        headers = NAVIGATES | {"Sec-Fetch-Site": "cross-site", "Origin": "https://lms.example"}
        answer = await browser.post("/hub/enter", data={"name": "bob"}, headers=headers)
        assert answer.status_code == 302
        assert "bob" in await page(browser, "/hub/home")


async def test_handlers_that_know_nothing_of_jupyterhub_are_served_too():
    async with hub_with(None, extra_handlers=[(r"/plain/(\d+)", Plain, {"word": "number"})]) as hub:
        browser = Browser(hub)
        assert (await browser.get("/hub/plain/7")).text == "number 7"
        assert (await browser.get("/hub/plain/x")).status_code == 404
        assert (await browser.put("/hub/plain/7")).status_code in (403, 405)


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("DELETE", 405), ("BREW", 405)])
async def test_each_method_gets_its_answer(method: str, status: int):
    class Some(BaseHandler):  # type: ignore[misc]
        def get(self) -> None:
            self.set_header("X-Some", "1")
            self.add_header("Set-Cookie", "a=1")
            self.add_header("Set-Cookie", "b=2")
            self.add_header("Set-Cookie", "jupyterhub-hub-login=forged")
            self.write("some")

        head = get

    async with hub_with(None, extra_handlers=[("/some", Some)]) as hub:
        browser = Browser(hub, Authorization=f"token {ADMIN_TOKEN}")
        answer = await browser.request(method, "/hub/some")
        assert answer.status_code == status
        if status == 200:
            assert answer.text == ("some" if method == "GET" else "")
            assert answer.headers["X-Some"] == "1"
            assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "tornado" not in answer.headers.get("Server", "").lower()


async def test_our_logout_ends_what_a_handler_has_begun_and_a_handler_may_end_it_too():
    class Leave(LogoutHandler):  # type: ignore[misc]
        async def handle_logout(self) -> None:
            self.set_header("X-Left", "1")

        async def render_logout_page(self) -> None:
            self.redirect("https://idp.example/logout")

    class Leaving(Word):
        def get_handlers(self, app: Any) -> list[Any]:
            return [*super().get_handlers(app), ("/logout", Leave)]

    async with hub_with(Word, OPEN, extra_handlers=EXTRA) as hub:
        browser = await entered(hub)
        await browser.get("/hub/logout", headers=NAVIGATES)
        assert (await browser.get("/hub/who", headers=NAVIGATES)).status_code == 302
    async with hub_with(Leaving, OPEN, extra_handlers=EXTRA) as hub:
        browser = await entered(hub)
        answer = await browser.get("/hub/logout", headers=NAVIGATES)
        assert (answer.headers["location"], answer.headers["X-Left"]) == ("https://idp.example/logout", "1")
        bob = users.by_name(hub.store.db, "bob")
        assert bob is not None
        assert sessions.ids_of_user(hub.store.db, bob.id) == []
        assert (await browser.get("/hub/who", headers=NAVIGATES)).status_code == 302


async def test_a_login_page_of_its_own_comes_before_ours():
    class OwnLogin(LoginHandler):  # type: ignore[misc]
        def _render(self, login_error: str | None = None, username: str | None = None, **kwargs: Any) -> Any:
            return self.render_template("login.html", login_error=login_error, custom_html="<b>own</b>")

    class Own(Word):
        def get_handlers(self, app: Any) -> list[Any]:
            return [("/login", OwnLogin)]

    async with hub_with(Own, OPEN) as hub:
        browser = Browser(hub)
        assert "own" in await page(browser, "/hub/login")
        fields = {"username": "bob", "password": "x", "_xsrf": browser.xsrf}
        answer = await browser.post("/hub/login?next=/hub/home", data=fields, headers=NAVIGATES)
        assert (answer.status_code, answer.headers["location"]) == (302, "/hub/home")


async def test_who_keeps_failing_at_a_login_page_of_its_own_waits(monkeypatch: pytest.MonkeyPatch):
    passed: list[tuple[str, bool]] = []
    attempt = LoginGate.attempt

    @asynccontextmanager
    async def noting(gate: LoginGate, name: str, address: str) -> AsyncIterator[LoginAttempt]:
        async with attempt(gate, name, address) as found:
            yield found
        passed.append((name, found.has_succeeded))

    monkeypatch.setattr(LoginGate, "attempt", noting)

    class Own(Word):
        def get_handlers(self, app: Any) -> list[Any]:
            return [("/login", type("OwnLogin", (LoginHandler,), {}))]

    async with hub_with(Own, OPEN) as hub:
        browser = Browser(hub)
        await browser.get("/hub/login", headers=NAVIGATES)
        for name in ("mallory", "Bob"):
            fields = {"username": name, "password": "x", "_xsrf": browser.xsrf}
            await browser.post("/hub/login", data=fields, headers=NAVIGATES)
        assert passed == [("mallory", False), ("bob", True)]


async def test_pages_are_made_of_our_templates_with_what_those_know():
    class Page(BaseHandler):  # type: ignore[misc]
        async def get(self) -> None:
            self.finish(await self.render_template("error.html", status_code=200, message="<b>hello</b>"))

    async with hub_with(
        Word, OPEN, extra_handlers=[("/page", Page)], template_vars={"announcement": "<i>news</i>"}
    ) as hub:
        browser = await entered(hub)
        shown = await page(browser, "/hub/page")
        assert "&lt;b&gt;hello&lt;/b&gt;" in shown
        assert "<i>news</i>" in shown
        assert "bob" in shown
        assert 'href="/hub/static/css/theme.css?v=' in shown


async def test_what_breaks_in_a_handler_is_a_page_of_ours_and_a_line_in_the_log(caplog: Any):
    class Broken(BaseHandler):  # type: ignore[misc]
        def get(self) -> None:
            raise RuntimeError("a bug of theirs")

    async with hub_with(Word, OPEN, extra_handlers=[("/broken", Broken)]) as hub:
        answer = await Browser(hub).get("/hub/broken?code=c0ffee", headers=NAVIGATES)
        assert answer.status_code == 500
        assert "a bug of theirs" not in answer.text
        assert "a bug of theirs" in caplog.text


async def test_bodies_and_forms_are_as_bounded_as_elsewhere():
    async with hub_with(Word, OPEN, extra_handlers=EXTRA) as hub:
        browser = Browser(hub)
        large = {"name": "bob", "more": "x" * 70_000}
        many = "&".join(f"f{number}=1" for number in range(200))
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answers: list[httpx.Response] = [
            await browser.post("/hub/enter", data=large),
            await browser.post("/hub/enter", content=many, headers=form),
        ]
        assert [answer.status_code for answer in answers] == [413, 413]


async def test_a_handler_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch):
    import asyncio

    class Hangs(BaseHandler):  # type: ignore[misc]
        async def get(self) -> None:
            await asyncio.sleep(1000)

    async with hub_with(Word, OPEN, extra_handlers=[("/hangs", Hangs), *EXTRA]) as hub:
        assert hub.plugins.opened is not None
        monkeypatch.setattr(hub.plugins.opened.thread, "_within", 0.05)
        assert (await Browser(hub).get("/hub/hangs", headers=NAVIGATES)).status_code == 503


async def test_a_handler_starts_and_stops_servers_within_the_hubs_limits():
    class Start(BaseHandler):  # type: ignore[misc]
        @authenticated
        async def get(self) -> None:
            user = self.current_user
            await self.spawn_single_user(user, options={"size": "s"})
            ready = user.spawners[""].ready
            await self.stop_single_user(user)
            self.write({"ready": ready, "known": sorted(user.spawners)})

    async with hub_with(Word, OPEN, extra_handlers=[("/start", Start)]) as hub:
        browser = await entered(hub)
        assert (await browser.get("/hub/start")).json() == {"ready": True, "known": [""]}


async def test_set_login_cookie_alone_makes_somebody_known_but_no_administrator():
    class Direct(BaseHandler):  # type: ignore[misc]
        """As JSONWebTokenAuthenticator's and other older ones do."""

        def get(self) -> None:
            user = self.user_from_username(self.get_argument("name"))
            user.admin = True
            self.set_login_cookie(user)
            self.redirect("/hub/home")

    async with hub_with(Word, OPEN | {"blocked_users": {"eve"}}, extra_handlers=[("/direct", Direct)]) as hub:
        browser = Browser(hub)
        assert (await browser.get("/hub/direct?name=dora", headers=NAVIGATES)).status_code == 302
        dora = users.by_name(hub.store.db, "dora")
        assert dora is not None
        assert not dora.admin
        assert "dora" in await page(browser, "/hub/home")
        blocked = await Browser(hub).get("/hub/direct?name=eve", headers=NAVIGATES)
        assert blocked.status_code == 403


class PortOf(APIHandler):  # type: ignore[misc]
    """As batchspawner's: its module adds it to JupyterHub's own handlers, and it sets what the server tells."""

    @authenticated
    def post(self) -> None:
        token, spawner = self.get_auth_token(), None
        for found in self.current_user.spawners.values():
            if found.api_token == token:
                spawner = found
        for name, value in self.get_json_body().items():
            if hasattr(spawner, name):
                setattr(spawner, name, value)
        self.finish({"message": "configured"})
        self.set_status(201)


async def test_a_server_tells_its_spawner_where_it_listens_by_a_handler_that_came_along(
    monkeypatch: pytest.MonkeyPatch, attempts: list[Attempt]
):
    heard: list[tuple[str, dict[str, Any]]] = []

    async def hear(self: SimulatedSpawner, spawn_id: str, told: Mapping[str, Any]) -> None:
        heard.append((spawn_id, dict(told)))

    monkeypatch.setattr(SimulatedSpawner, "hear", hear, raising=False)
    monkeypatch.setattr(PortOf, "__module__", "batchspawner.api")
    monkeypatch.setattr(apihandlers, "default_handlers", [("/api/batchspawner", PortOf)])
    async with hub_with(Word, OPEN) as hub:
        browser = await entered(hub)
        await browser.call("POST", "/users/bob/server")
        (attempt,) = attempts
        of_server = {"Authorization": f"token {attempt.environment['JUPYTERHUB_API_TOKEN']}"}
        server = Browser(hub, **of_server)
        told = await server.post("/hub/api/batchspawner", json={"port": 4711, "nonsense": 1})
        assert (told.status_code, told.json()) == (200, {"message": "configured"})
        assert heard == [(attempt.spawn_id, {"port": 4711})]
        assert (await Browser(hub).post("/hub/api/batchspawner", json={"port": 1})).status_code == 403
        mine = Browser(hub, Authorization=f"token {ADMIN_TOKEN}")
        assert (await mine.post("/hub/api/batchspawner", json={"port": 1})).status_code == 200
        assert len(heard) == 1


async def test_a_script_of_somebodys_server_reads_no_page_of_a_plug_in_with_its_visitors_cookies():
    """NativeAuthenticator's `/authorize/NAME` even acts on a GET."""
    async with hub_with(Word, OPEN, extra_handlers=EXTRA) as hub:
        browser = await entered(hub)
        await page(browser, "/hub/home")
        assert (await browser.get("/hub/who", headers=FETCHES)).status_code == 302
        proved = FETCHES | {"X-XSRFToken": browser.xsrf}
        assert (await browser.get("/hub/who", headers=proved)).json()["name"] == "bob"
