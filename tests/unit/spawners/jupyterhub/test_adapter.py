"""A class of JupyterHub's kind behind the adapter, without processes: what it is told, asked, and believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import trio
from jupyterhub.spawner import Spawner, SpawnException
from traitlets import Unicode
from traitlets.config import Config

from core.errors import SpawnError, UnreachableError
from core.naming.ids import new_id
from core.plugins.plugin_hub import Group, Person, ServerFacts
from core.plugins.spawner import Attempt, Gone, Kept, Progress, Running
from core.settings import PluginSettings, PluginSpawnerSettings
from spawners.jupyterhub.adapter import PluginSpawner
from tests.integration.spawner_worlds import LonelyHub, ignore

ALICE = Person("u1", "alice", True, (Group("staff", {"gpu": 1}),), {"secret": "of the login"}, ("", "lab"))


class Book(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """Runs what is written in `running`; what else happens is noted."""

    running: ClassVar[set[str]] = set()
    noted: ClassVar[list[Any]] = []
    down: ClassVar[str] = ""
    shelf = Unicode("top").tag(config=True)
    job = ""

    async def start(self) -> Any:
        self.job = f"job of {self.user.name}/{self.name}"
        self.running.add(self.job)
        await asyncio.sleep(0.03)
        return ("127.0.0.1", 4711)

    async def poll(self) -> int | None:
        if self.down:
            raise ConnectionError(self.down)
        if self.job in self.running:
            return None
        self.clear_state()
        return 3

    async def stop(self, now: bool = False) -> None:
        self.running.discard(self.job)

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), **({"job": self.job} if self.job else {})}

    def load_state(self, state: dict[str, Any]) -> None:
        self.job = state.get("job", "")

    def clear_state(self) -> None:
        super().clear_state()
        self.job = ""


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    Book.running.clear()
    Book.noted.clear()
    Book.down = ""
    monkeypatch.setattr("spawners.jupyterhub.ending.AGAIN", (0.0,))


class KnowingHub(LonelyHub):
    def person(self, user_id: str, name: str) -> Person:
        return ALICE if name == "alice" else super().person(user_id, name)


@asynccontextmanager
async def adapted(
    directory: Path, kind: type = Book, hub: LonelyHub | None = None, **traits: Any
) -> AsyncIterator[PluginSpawner]:
    config = Config()
    config.Spawner.update(traits)
    spawner = PluginSpawner(PluginSpawnerSettings(plugin=PluginSettings(kind, config)), directory)
    spawner.attach(hub or KnowingHub())
    yield spawner
    await spawner.close()


def attempt(name: str = "", **options: Any) -> Attempt:
    environment = {"JUPYTERHUB_API_TOKEN": "t0ken", "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-alice"}
    prefix = f"/user/alice/{name}"
    return Attempt(
        new_id("s"), "alice", name, prefix, options, environment, user_id="u1", server_id=f"v{name}"
    )


def server(name: str = "", **options: Any) -> ServerFacts:
    return ServerFacts(f"v{name}", ALICE, name, f"/user/alice/{name}", user_options=options)


# --- its life ---


async def test_it_is_started_asked_and_ended_by_the_next_hub_too(tmp_path: Path) -> None:
    one, hub = attempt(), KnowingHub()
    async with adapted(tmp_path, hub=hub) as spawner:
        assert await spawner.start(one, ignore) == "http://127.0.0.1:4711"
        assert spawner.state(one.spawn_id) == {"job": "job of alice/"}
    async with adapted(tmp_path, hub=hub) as spawner:
        assert await spawner.poll(one.spawn_id) == Running({"job": "job of alice/"})
        assert await spawner.list_attempts() == [one.spawn_id]
        assert await spawner.stop(one.spawn_id) == Gone(3)
        assert await spawner.poll(one.spawn_id) == Gone(3)
        assert await spawner.list_attempts() == []
    assert Book.running == set()


async def test_what_it_raises_when_asked_is_no_news_of_a_server(tmp_path: Path) -> None:
    one = attempt()
    async with adapted(tmp_path) as spawner:
        await spawner.start(one, ignore)
        Book.down = "the engine is away"
        for ask in (spawner.poll, spawner.stop):
            with pytest.raises(UnreachableError, match="the engine is away"):
                await ask(one.spawn_id)
        Book.down = ""
        assert isinstance(await spawner.poll(one.spawn_id), Running)


async def test_gone_is_asked_again_with_the_state_as_it_was(tmp_path: Path) -> None:
    class Forgetful(Book):
        """As Slurm's, where squeue fails in a way that it does not know."""

        lies = 1

        async def poll(self) -> int | None:
            if self.lies:
                self.lies -= 1
                self.clear_state()
                return 1
            found: int | None = await super().poll()
            return found

    one = attempt()
    async with adapted(tmp_path, Forgetful) as spawner:
        await spawner.start(one, ignore)
        assert await spawner.poll(one.spawn_id) == Running({"job": "job of alice/"})
        Book.running.clear()
        assert await spawner.poll(one.spawn_id) == Gone(3)


async def test_the_state_is_recorded_while_it_starts(tmp_path: Path) -> None:
    class Slow(Book):
        async def start(self) -> Any:
            await super().start()
            await asyncio.sleep(60)

    one, hub = attempt(), KnowingHub()
    async with adapted(tmp_path, Slow, hub) as spawner:
        with trio.move_on_after(0.3):
            await spawner.start(one, ignore)
        assert Book.running == set()  # a start that is called off is stopped
    Book.running.add("job of alice/")  # ... unless the hub was killed
    async with adapted(tmp_path, Slow, hub) as spawner:
        assert isinstance(await spawner.poll(one.spawn_id), Running)
        await spawner.stop(one.spawn_id)
    assert Book.running == set()


async def test_an_earlier_attempt_is_ended_before_another_begins(tmp_path: Path) -> None:
    one, other = attempt(), attempt()
    async with adapted(tmp_path) as spawner:
        await spawner.start(one, ignore)
        await spawner.start(other, ignore)
        assert await spawner.list_attempts() == [other.spawn_id]
        assert await spawner.poll(one.spawn_id) == Gone(3)


async def test_two_classes_of_one_hub_know_nothing_of_each_other(tmp_path: Path) -> None:
    class Other(Book):
        pass

    one, other, hub = attempt(), attempt(), KnowingHub()
    async with adapted(tmp_path, hub=hub) as first, adapted(tmp_path, Other, hub) as second:
        await first.start(one, ignore)
        await second.start(other, ignore)
        assert await first.list_attempts() == [one.spawn_id]
        assert await second.list_attempts() == [other.spawn_id]


async def test_what_it_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    class Refusing(Book):
        async def start(self) -> Any:
            raise SpawnException("No shelf is free.", reason="full", status_code=503, log_message="node 7")

    async with adapted(tmp_path, Refusing) as spawner:
        with pytest.raises(SpawnError, match="No shelf is free") as refusal:
            await spawner.start(attempt(), ignore)
    assert (refusal.value.status, refusal.value.reason) == (503, "full")


async def test_its_progress_is_told(tmp_path: Path) -> None:
    class Telling(Book):
        async def progress(self) -> AsyncIterator[dict[str, Any]]:
            yield {"progress": 30, "message": "looking for a shelf", "html_message": "<b>looking</b>"}
            yield {"no": "message"}

    told: list[Progress] = []
    async with adapted(tmp_path, Telling) as spawner:
        await spawner.start(attempt(), told.append)
    assert [(one.message, one.progress) for one in told] == [
        ("Spawning server...", 50),
        ("looking for a shelf", 30),
    ]


async def test_what_it_returned_nothing_for_is_where_it_set_its_server(tmp_path: Path) -> None:
    class Older(Book):
        async def start(self) -> None:
            await super().start()
            self.server.ip, self.server.port = "192.0.2.7", 99

    async with adapted(tmp_path, Older) as spawner:
        assert await spawner.start(attempt(), ignore) == "http://192.0.2.7:99"


# --- what it sees ---


async def test_it_sees_its_user_the_hub_and_its_server_as_in_jupyterhub(tmp_path: Path) -> None:
    class Looking(Book):
        async def start(self) -> Any:
            user, groups = self.user, self.user.groups
            self.noted += [
                (user.name, user.escaped_name, user.admin, user.url, await user.get_auth_state()),
                [(group.name, group.properties) for group in groups],
                sorted(user.orm_user.orm_spawners),
                (self.hub.api_url, self.hub.base_url, self.orm_spawner.name, self.server.base_url),
                (self.get_env()["JUPYTERHUB_API_TOKEN"], self.get_env()["JUPYTERHUB_SERVICE_PREFIX"]),
                (user.spawners["lab"] is self, self.active, self.pending, self.shelf),
                self.db.commit(),
            ]
            return await super().start()

    async with adapted(tmp_path, Looking, shelf="low") as spawner:
        await spawner.start(attempt("lab"), ignore)
    assert Book.noted == [
        ("alice", "alice", True, "/user/alice/", {"secret": "of the login"}),
        [("staff", {"gpu": 1})],
        ["", "lab"],
        ("http://127.0.0.1:8081/hub/api", "/hub/", "lab", "/user/alice/lab/"),
        ("t0ken", "/user/alice/lab/"),
        (True, True, "spawn", "low"),
        None,
    ]


async def test_what_is_not_built_is_refused_with_a_reason(tmp_path: Path) -> None:
    class Certified(Book):
        async def start(self) -> Any:
            await self.move_certs(await self.create_certs())

    async with adapted(tmp_path, Certified) as spawner:
        with pytest.raises(
            SpawnError, match=r"There is no TLS between hub and servers: c\.JupyterHub\.internal_ssl"
        ):
            await spawner.start(attempt(), ignore)


# --- forms, options and hooks ---


def as_text() -> Any:
    return "<p>text</p>"


def as_function() -> Any:
    return lambda spawner: f"<p>{spawner.user.name}</p>"


def as_coroutine() -> Any:
    async def form(spawner: Any) -> str:
        await asyncio.sleep(0)
        return f"<p>{spawner.told}</p>"

    return form


@pytest.mark.parametrize(
    ("form", "html"),
    [(as_text, "<p>text</p>"), (as_function, "<p>alice</p>"), (as_coroutine, "<p>of the login</p>")],
)
async def test_a_form_may_be_a_text_a_function_or_a_coroutine(tmp_path: Path, form: Any, html: str) -> None:
    def auth_state_hook(spawner: Any, auth_state: Any) -> None:
        spawner.told = auth_state["secret"]

    async with adapted(tmp_path, options_form=form(), auth_state_hook=auth_state_hook) as spawner:
        assert await spawner.options_form(server()) == html


async def test_what_is_set_for_the_form_is_there_in_the_start_and_after_the_stop(tmp_path: Path) -> None:
    class Minded(Book):
        def _options_form_default(self) -> str:
            self.minded = "by the form"
            return "<p>x</p>"

        def options_from_form(self, data: Any) -> Any:
            return {"size": data["size"][0], "minded": self.minded}

        def options_from_query(self, data: Any) -> Any:
            return None

    def post_stop_hook(spawner: Any) -> None:
        Book.noted.append((spawner.minded, spawner.user_options, spawner.active))

    one = attempt(size="L")
    async with adapted(tmp_path, Minded, post_stop_hook=post_stop_hook) as spawner:
        assert await spawner.options_form(server()) == "<p>x</p>"
        assert await spawner.options_from_form(server(), {"size": ["L"]}) == {
            "size": "L",
            "minded": "by the form",
        }
        assert await spawner.options_from_query(server(), {"size": ["L"]}) == {}
        await spawner.start(one, ignore)
        await spawner.stop(one.spawn_id)
        await spawner.after_stop(ServerFacts("v", ALICE, "", "/user/alice/", one.spawn_id))
    assert Book.noted == [("by the form", {"size": "L"}, False)]


async def test_scopes_and_the_ready_event_are_asked_of_the_configuration(tmp_path: Path) -> None:
    def ready(spawner: Any, event: Any) -> Any:
        return {**event, "message": f"Welcome, {spawner.user.name}"}

    one = attempt()
    async with adapted(
        tmp_path,
        server_token_scopes=lambda spawner: [f"read:users!user={spawner.user.name}"],
        progress_ready_hook=ready,
    ) as spawner:
        assert await spawner.scopes(server(), "server_token_scopes") == ["read:users!user=alice"]
        await spawner.start(one, ignore)
        facts = ServerFacts("v", ALICE, "", "/user/alice/", one.spawn_id)
        assert await spawner.ready_event(facts, {"ready": True}) == {
            "ready": True,
            "message": "Welcome, alice",
        }


async def test_what_lasts_is_deleted_with_the_server_and_with_what_the_class_kept_of_it(
    tmp_path: Path,
) -> None:
    class Lasting(Book):
        volume = ""

        async def start(self) -> Any:
            self.volume = self.volume or "volume of alice"
            return await super().start()

        def get_state(self) -> dict[str, Any]:
            return {**super().get_state(), "volume": self.volume}

        def load_state(self, state: dict[str, Any]) -> None:
            super().load_state(state)
            self.volume = state.get("volume", "")

        async def delete_forever(self) -> None:
            self.noted.append(self.volume)

    one, hub = attempt(), KnowingHub()
    async with adapted(tmp_path, Lasting, hub) as spawner:
        await spawner.start(one, ignore)
        await spawner.stop(one.spawn_id)
        await spawner.forget(one.spawn_id)
    async with adapted(tmp_path, Lasting, hub) as spawner:
        await spawner.delete_forever(Kept("u1", "alice", "v", ""))
        await spawner.delete_forever(Kept("u1", "alice"))
    assert Book.noted == ["volume of alice"]
    assert hub.states.keys() == []
