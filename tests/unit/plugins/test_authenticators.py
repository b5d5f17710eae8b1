"""Authenticators as people write them in a configuration file, on JupyterHub's real classes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from jupyterhub.auth import Authenticator, DummyAuthenticator
from jupyterhub.user import User
from sqlalchemy import text
from tornado.web import HTTPError
from traitlets import Unicode, default

import projections
from core.errors import ForbiddenError, InvalidError, UnavailableError
from core.events.file.store import EventStore
from core.events.record import HUB
from core.plugins.spawner import Attempt
from core.settings import ConfigError
from projections import groups, roles, users
from projections.users import UserRow
from tests.conftest import ADMIN_TOKEN, SECRET, Client
from tests.unit.plugins.hub_with import hub_with, page, settings_with
from tests.unit.web.pages.browser import Browser
from web.hub.hub import Hub
from web.lifecycle.reload import Reloader

HERE = "192.0.2.7"
OPEN = {"allow_all": True}


class Shared(Authenticator):  # type: ignore[misc]
    """One password for everybody; what it says besides comes with the form."""

    word = Unicode(config=True)

    async def authenticate(self, handler: Any, data: dict[str, Any]) -> Any:
        if data["password"] != self.word:
            return None
        return {"name": data["username"], **data.get("more", {})}


async def log_in(hub: Hub, name: str, password: str = "pw", **more: Any) -> UserRow | None:
    fields = {"username": name, "password": password, "more": more}
    found = await hub.acts.credential_login.log_in(fields, address=HERE)
    return None if found is None else found.user


async def test_a_class_of_a_file_says_who_somebody_is():
    async with hub_with(Shared, OPEN | {"word": "pw"}) as hub:
        bob = await log_in(hub, "Bob")
        assert bob is not None
        assert (bob.name, bob.admin) == ("bob", False)
        assert await log_in(hub, "bob", "wrong") is None


async def test_a_method_that_is_no_coroutine_and_a_plain_name_will_do():
    class Simple(Authenticator):  # type: ignore[misc]
        def authenticate(self, handler: Any, data: dict[str, Any]) -> str:
            return str(data["username"])

    async with hub_with(Simple, OPEN) as hub:
        bob = await log_in(hub, "BOB")
        assert bob is not None
        assert bob.name == "bob"


@pytest.mark.parametrize(
    ("traits", "name", "comes_in"),
    [
        (OPEN, "bob", True),
        ({}, "bob", False),
        ({"allowed_users": {"Bob"}}, "bob", True),
        ({"allowed_users": {"bob"}}, "eve", False),
        ({"allowed_users": {"bob"}, "admin_users": {"Root"}}, "root", True),
        (OPEN | {"blocked_users": {"eve"}}, "Eve", False),
        ({"allow_existing_users": True}, "alice", True),  # whom the configuration's tokens have made
        (OPEN | {"username_pattern": "[a-c]"}, "dave", False),
        (OPEN | {"username_map": {"bobby": "bob"}}, "Bobby", True),
    ],
)
async def test_its_own_traits_say_who_may_come_in(traits: dict[str, Any], name: str, comes_in: bool):
    async with hub_with(Shared, traits | {"word": "pw"}) as hub:
        found = await log_in(hub, name)
        assert (found is not None) == comes_in
        if name == "Bobby":
            assert found is not None
            assert found.name == "bob"


async def test_its_methods_say_so_too():
    class Picky(Shared):
        def check_allowed(self, username: str, authentication: Any = None) -> bool:
            return username.startswith("b") and authentication["auth_state"] == {"from": "form"}

        async def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
            return username != "bad"

        def is_admin(self, handler: Any, authentication: Any) -> bool:
            return bool(authentication["name"] == "boss")

        def normalize_username(self, username: str) -> str:
            return username.removesuffix("@lab").lower()

    async with hub_with(Picky, {"word": "pw"}) as hub:
        state = {"from": "form"}
        boss, bob = (
            await log_in(hub, "boss@lab", auth_state=state),
            await log_in(hub, "bob", auth_state=state),
        )
        assert boss is not None
        assert bob is not None
        assert (boss.name, boss.admin, bob.admin) == ("boss", True, False)
        assert await log_in(hub, "bad", auth_state=state) is None
        assert await log_in(hub, "bob") is None
        assert await log_in(hub, "carol", auth_state=state) is None


async def test_who_is_blocked_stays_out_whatever_the_class_says():
    class Lax(Shared):
        def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
            return True

    async with hub_with(Lax, OPEN | {"word": "pw", "blocked_users": {"eve"}}) as hub:
        with pytest.raises(ForbiddenError):
            await log_in(hub, "eve")


async def test_a_plug_in_says_who_somebody_is_and_never_what_they_may_do():
    async with hub_with(Shared, OPEN | {"word": "pw"}) as hub:
        bob = await log_in(hub, "bob", scopes=["admin:users"], roles=[{"name": "admin"}])
        assert bob is not None
        assert not bob.admin
        assert "admin:users" not in hub.rights.of_user(bob).held


async def test_groups_and_roles_are_those_that_a_login_tells():
    traits = OPEN | {"word": "pw", "manage_groups": True, "manage_roles": True}
    reader = {"name": "reader", "description": "reads", "scopes": ["read:users:name"]}
    async with hub_with(Shared, traits) as hub:
        bob = await log_in(hub, "bob", groups={"astro"}, roles=[reader])
        assert bob is not None
        assert [group.name for group in groups.of_user(hub.store.db, bob.id)] == ["astro"]
        assert "reader" in roles.granted_to(hub.store.db, f"user/{bob.id}")
        await log_in(hub, "bob", groups=["geo"], roles=[])
        assert [group.name for group in groups.of_user(hub.store.db, bob.id)] == ["geo"]
        assert "reader" not in roles.granted_to(hub.store.db, f"user/{bob.id}")
        with pytest.raises(ForbiddenError, match="tells no groups"):
            await log_in(hub, "bob")


async def test_auth_state_is_kept_and_what_there_was_may_be_reconciled():
    async def keep_both(authenticator: Any, model: dict[str, Any], existing: dict[str, Any] | None) -> Any:
        return {**(existing or {}), **model["auth_state"]}

    traits = OPEN | {"word": "pw", "enable_auth_state": True, "reconcile_auth_state_hook": keep_both}
    async with hub_with(Shared, traits) as hub:
        bob = await log_in(hub, "bob", auth_state={"first": 1})
        assert bob is not None
        await log_in(hub, "bob", auth_state={"second": 2})
        assert hub.logins.auth_states.of(bob.id) == {"first": 1, "second": 2}


async def test_a_default_of_the_class_counts_as_much_as_the_configuration():
    class Keeping(Shared):
        enable_auth_state = True

        @default("auto_login")
        def _auto_login(self) -> bool:
            return True

    async with hub_with(Keeping, OPEN | {"word": "pw"}) as hub:
        assert hub.settings.authenticator.enable_auth_state
        assert hub.settings.authenticator.auto_login
        bob = await log_in(hub, "bob", auth_state={"token": "t"})
        assert bob is not None
        assert hub.logins.auth_states.of(bob.id) == {"token": "t"}


async def test_post_auth_hook_gets_the_real_objects():
    seen: dict[str, Any] = {}

    async def hook(authenticator: Any, handler: Any, model: dict[str, Any]) -> dict[str, Any] | None:
        authenticator.log.info("somebody logs in")
        seen.update(
            kind=type(authenticator),
            admins=authenticator.admin_users,
            allowed=authenticator.allowed_users,
            address=handler.request.remote_ip,
            base_url=handler.hub.base_url,
        )
        return None if model["name"] == "eve" else model | {"admin": True}

    traits = {"word": "pw", "allowed_users": {"bob", "eve"}, "admin_users": {"root"}, "post_auth_hook": hook}
    async with hub_with(Shared, traits) as hub:
        bob = await log_in(hub, "bob")
        assert bob is not None
        assert bob.admin
        assert seen == {
            "kind": Shared,
            "admins": {"root"},
            "allowed": {"alice", "bob", "eve", "root"},  # and who is a user already
            "address": "127.0.0.1",
            "base_url": "/hub/",
        }
        assert await log_in(hub, "eve") is None


async def test_the_handler_is_a_request_handler_with_the_request_of_the_form():
    class Looking(Shared):
        async def authenticate(self, handler: Any, data: dict[str, Any]) -> Any:
            seen = {
                "agent": handler.request.headers.get("User-Agent"),
                "path": handler.request.path,
                "next": handler.get_argument("next", ""),
                "name": handler.get_argument("username"),
                "cookie": handler.get_cookie("theme"),
                "host": handler.request.host,
                "hidden": handler.get_cookie("jupyterhub-hub-login"),
            }
            return {"name": data["username"], "auth_state": seen}

    async with hub_with(Looking, OPEN | {"word": "pw", "enable_auth_state": True}) as hub:
        browser = Browser(hub, **{"User-Agent": "Test/1"})
        browser.cookies.set("theme", "dark")
        answer = await browser.log_in("bob", "pw", next_url="/hub/home")
        assert answer.status_code == 302
        bob = users.by_name(hub.store.db, "bob")
        assert bob is not None
        assert hub.logins.auth_states.of(bob.id) == {
            "agent": "Test/1",
            "path": "/hub/login",
            "next": "/hub/home",
            "name": "bob",
            "cookie": "dark",
            "host": "hub.test",
            "hidden": None,
        }


async def test_a_header_may_say_who_comes_without_any_form():
    """As RemoteUserAuthenticator and its like do."""

    class Header(Authenticator):  # type: ignore[misc]
        auto_login = True

        def authenticate(self, handler: Any, data: Any = None) -> str | None:
            name: str | None = handler.request.headers.get("Remote-User")
            return name

    async with hub_with(Header, OPEN) as hub:
        browser = Browser(hub)
        answer = await browser.get("/hub/login?next=/hub/home", headers={"Remote-User": "zoe"})
        assert (answer.status_code, answer.headers["location"]) == (302, "/hub/home")
        assert "zoe" in await page(browser, "/hub/home")
        assert (await Browser(hub).get("/hub/login")).status_code == 403


@pytest.mark.parametrize(
    ("raised", "expected", "text"),
    [
        (HTTPError(403, "No %s here", "entry"), ForbiddenError, "No entry here"),
        (ConnectionRefusedError("ldap"), UnavailableError, "cannot be asked"),
        (TimeoutError(), UnavailableError, "cannot be asked"),
        (type("LDAPSocketOpenError", (type("LDAPCommunicationError", (Exception,), {}),), {})("no route"),
         UnavailableError, "cannot be asked"),
        (KeyError("a bug"), KeyError, "a bug"),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_no_wrong_password(
    raised: Exception, expected: type[Exception], text: str
):
    class Failing(Authenticator):  # type: ignore[misc]
        async def authenticate(self, handler: Any, data: Any) -> None:
            raise raised

    async with hub_with(Failing, OPEN) as hub:
        with pytest.raises(expected, match=text):
            await log_in(hub, "bob")


async def test_a_login_still_stands_as_long_as_refresh_user_says_so():
    answers: list[Any] = [True, {"auth_state": {"n": 2}}, ConnectionError(), False]

    class Refreshing(Shared):
        async def refresh_user(self, user: Any, handler: Any = None) -> Any:
            assert isinstance(user, User)
            assert (await user.get_auth_state())["n"] in (1, 2)
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    traits = OPEN | {"word": "pw", "enable_auth_state": True, "auth_refresh_age": 60}
    async with hub_with(Refreshing, traits) as hub:
        browser = Browser(hub)
        assert (await browser.log_in("bob", "pw")).status_code == 302
        bob = await log_in(hub, "bob", auth_state={"n": 1})
        assert bob is not None
        seen = []
        for _ in range(4):
            hub.logins.confirmations.note(bob.id, seconds=0)
            seen.append((await browser.get("/hub/home")).status_code)
        assert seen == [200, 200, 200, 302]
        assert hub.logins.auth_states.of(bob.id) == {"n": 2}


async def test_a_class_that_never_refreshes_is_not_asked():
    async with hub_with(Shared, OPEN | {"word": "pw"}) as hub:
        assert not hub.logins.refreshes


async def test_pre_spawn_start_hands_what_the_login_has_left_to_the_server(attempts: list[Attempt]):
    ended = trio.Event()
    token = trio.lowlevel.current_trio_token()

    class Handing(Shared):
        async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
            assert [group.name for group in user.groups] == []
            state = await user.get_auth_state()
            spawner.environment["UPSTREAM"] = f"{user.name}:{state['token']}:{spawner.name}"

        def post_spawn_stop(self, user: Any, spawner: Any) -> None:
            token.run_sync_soon(ended.set)

    async with hub_with(Handing, OPEN | {"word": "pw", "enable_auth_state": True}) as hub:
        browser = Browser(hub)
        await browser.log_in("bob", "pw")
        await log_in(hub, "bob", auth_state={"token": "t1"})
        started = await browser.call("POST", "/users/bob/server")
        assert started.status_code == 201
        assert attempts[0].settings is not None
        assert attempts[0].settings.environment["UPSTREAM"] == "bob:t1:"
        await browser.call("DELETE", "/users/bob/server")
        with trio.fail_after(5):
            await ended.wait()


async def test_pre_spawn_start_may_refuse_a_start_in_its_own_words():
    class Refusing(Shared):
        def pre_spawn_start(self, user: Any, spawner: Any) -> None:
            raise HTTPError(402, "Your quota of %s is used up", "hours")

    async with hub_with(Refusing, OPEN | {"word": "pw"}) as hub:
        browser = Browser(hub)
        await browser.log_in("bob", "pw")
        refused = await browser.call("POST", "/users/bob/server")
        assert (refused.status_code, refused.json()["message"]) == (402, "Your quota of hours is used up")


async def test_it_is_told_of_users_who_come_and_go():
    told: list[tuple[str, str]] = []

    class Told(Shared):
        def add_user(self, user: Any) -> None:
            told.append(("add", user.name))
            if user.name == "nobody":
                raise ValueError("there is no such account")
            super().add_user(user)

        def delete_user(self, user: Any) -> None:
            told.append(("delete", user.name))

    async with hub_with(Told, OPEN | {"word": "pw"}) as hub:
        bob = await log_in(hub, "bob")
        assert bob is not None
        assert ("add", "bob") in told
        with pytest.raises(InvalidError, match="no such account"):
            await hub.logins.authenticator.check_new_user("nobody")
        await hub.user_deletion.begin(bob.id, by=HUB)
        with trio.fail_after(5):
            while users.by_id(hub.store.db, bob.id) is not None:
                await trio.sleep(0.01)
        await log_in(hub, "carol")
        assert ("delete", "bob") in told


async def test_the_login_page_shows_what_the_class_brings():
    class Branded(Shared):
        custom_html = "<form id='own'>{{ next }} <input name='_xsrf' value='{{ xsrf }}'></form>"

    class Button(Shared):
        login_service = "Castle"

        def login_url(self, base_url: str) -> str:
            return f"{base_url}castle"

        def logout_url(self, base_url: str) -> str:
            return f"{base_url}leave"

    async with hub_with(Branded, OPEN) as hub:
        browser = Browser(hub)
        shown = await page(browser, "/hub/login?next=/hub/home")
        assert "<form id='own'>/hub/home" in shown
        assert browser.xsrf in shown
    async with hub_with(Button, OPEN | {"word": "pw"}) as hub:
        browser = Browser(hub)
        shown = await page(browser, "/hub/login?next=/hub/home")
        assert "Log in with Castle" in shown
        assert "/hub/castle?next=%2Fhub%2Fhome" in shown
        await log_in(hub, "bob")
    async with hub_with(Button, OPEN | {"auto_login": True}) as hub:
        answer = await Browser(hub).get("/hub/login?next=/hub/home")
        assert (answer.status_code, answer.headers["location"]) == (302, "/hub/castle?next=/hub/home")


async def test_a_real_class_of_jupyterhub_runs_as_the_base_of_ones_own():
    class House(DummyAuthenticator):  # type: ignore[misc]
        def is_admin(self, handler: Any, authentication: Any) -> bool:
            return bool(authentication["name"].startswith("a"))

    async with hub_with(House, {"DummyAuthenticator": {"allowed_users": {"anna"}}}) as hub:
        anna = await log_in(hub, "anna", "whatever")
        assert anna is not None
        assert anna.admin
        assert await log_in(hub, "bob", "whatever") is None


async def test_a_class_that_cannot_be_made_keeps_the_hub_from_starting_in_one_line():
    class Broken(Authenticator):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            raise RuntimeError("no client_id,\nno fun")

    with pytest.raises(ExceptionGroup) as caught:
        async with hub_with(Broken):
            pass
    error: BaseException = caught.value
    while isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, ConfigError)
    assert str(error) == "Broken: RuntimeError: no client_id, no fun"


@pytest.mark.slow
async def test_one_that_blocks_its_thread_hurts_its_own_logins_alone():
    """`time.sleep(30)`: others' pages are answered, and after a few seconds others log in."""
    import time

    class Blocking(Shared):
        async def authenticate(self, handler: Any, data: dict[str, Any]) -> Any:
            if data["username"] == "slow":
                time.sleep(30)
            return await super().authenticate(handler, data)

    async with hub_with(Blocking, OPEN | {"word": "pw"}) as hub:
        browser = Browser(hub)
        await browser.log_in("bob", "pw")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log_in, hub, "slow")
            await trio.sleep(0.2)
            began = trio.current_time()
            assert (await browser.get("/hub/token")).status_code == 200
            assert trio.current_time() - began < 2
            with trio.fail_after(20):
                carol = await log_in(hub, "carol")
            assert carol is not None
            nursery.cancel_scope.cancel()


async def test_programs_are_told_which_class_it_is():
    async with (
        hub_with(Shared, {"word": "pw", "admin_users": {"alice"}}) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        told = (await client.get("/info")).json()
        assert told["authenticator"]["class"] == f"{__name__}.Shared"


# --- a configuration that is read anew, and a hub that is another one ---


async def test_who_may_come_in_changes_with_the_configuration():
    before = {"word": "pw", "allowed_users": {"bob", "eve"}}
    async with hub_with(Shared, before) as hub:
        browser = Browser(hub)
        await browser.log_in("eve", "pw")
        after = settings_with(Shared, before | {"blocked_users": {"eve"}, "allowed_users": {"bob", "Carol"}})
        reloaded = await Reloader(hub, lambda: (after, []), SECRET).reload()
        assert set(reloaded.changed) == {"c.Authenticator.allowed_users", "c.Authenticator.blocked_users"}
        assert reloaded.waiting == []
        assert await log_in(hub, "carol") is not None
        assert await log_in(hub, "eve") is None
        assert (await browser.get("/hub/home")).status_code == 302


async def test_what_else_a_class_has_waits_for_a_restart_and_is_named():
    async with hub_with(Shared, OPEN | {"word": "pw"}) as hub:
        after = settings_with(Shared, OPEN | {"word": "another", "enable_auth_state": True})
        reloaded = await Reloader(hub, lambda: (after, []), SECRET).reload()
        assert reloaded.changed == []
        assert sorted(reloaded.waiting) == ["c.Authenticator.enable_auth_state", "c.Shared.word"]
        assert await log_in(hub, "bob") is not None


async def test_a_configuration_that_its_class_does_not_take_changes_nothing():
    class Careful(Shared):
        def check_allow_config(self) -> None:
            if not self.allow_all:
                raise ValueError("nobody at all?")

    async with hub_with(Careful, OPEN | {"word": "pw"}) as hub:
        after = settings_with(Careful, {"word": "pw"})
        with pytest.raises(ConfigError, match=r"Careful: ValueError: nobody at all\?"):
            await Reloader(hub, lambda: (after, []), SECRET).reload()
        assert await log_in(hub, "bob") is not None


async def test_the_next_hub_knows_sessions_states_and_what_the_plug_in_has_kept(tmp_path: Path):
    class Counting(Shared):
        """Keeps how often somebody came, in a table of its own."""

        async def authenticate(self, handler: Any, data: dict[str, Any]) -> Any:
            handler.db.execute(text("CREATE TABLE IF NOT EXISTS comings (name TEXT)"))
            handler.db.execute(text("INSERT INTO comings VALUES (:name)"), {"name": data["username"]})
            handler.db.commit()
            (count,) = handler.db.execute(text("SELECT count(*) FROM comings")).one()
            return {"name": data["username"], "auth_state": {"count": count}}

    traits = OPEN | {"word": "pw", "enable_auth_state": True}
    path = str(tmp_path / "log.sqlite")

    @asynccontextmanager
    async def next_hub() -> AsyncIterator[Hub]:
        store = EventStore(path, projections.ALL, threaded=False)
        try:
            async with hub_with(Counting, traits, store=store, db_url=f"sqlite:///{path}") as hub:
                yield hub
        finally:
            store.close()

    async with next_hub() as hub:
        before = Browser(hub)
        await before.log_in("bob", "pw")
    async with next_hub() as hub:
        after = Browser(hub)
        after.cookies = before.cookies
        assert "bob" in await page(after, "/hub/home")
        bob = await log_in(hub, "bob")
        assert bob is not None
        assert hub.logins.auth_states.of(bob.id) == {"count": 2}
    assert Path(f"{path}-plugins").exists()


async def test_roles_that_it_knows_before_anybody_has_logged_in_are_there_from_the_start():
    class Knowing(Shared):
        async def load_managed_roles(self) -> list[dict[str, Any]]:
            reads = ["read:users:name"]
            return [
                {"name": "teacher", "description": "teaches", "scopes": reads, "users": ["alice", "nobody"]}
            ]

    async with hub_with(Knowing, OPEN | {"word": "pw", "manage_roles": True}) as hub:
        alice = users.by_name(hub.store.db, "alice")
        assert alice is not None
        assert "teacher" in roles.granted_to(hub.store.db, f"user/{alice.id}")
        found = roles.by_name(hub.store.db, "teacher")
        assert found is not None
        assert found.managed
