"""A spawner is added by one file and one line: its settings are read, shown and asked for, and its servers run."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

import projections
from core.config import file, reference, shown
from core.config.trait_names import Names
from core.events.file.store import EventStore
from core.settings import ConfigError, Settings
from spawners import KINDS, make_spawner
from tests.conftest import SECRET, Client
from tests.integration.spawner_worlds import TINY_SERVER
from tests.integration.toy_spawner import KIND, ToySettings
from web.hub.hub import Hub
from web.main import open_hub

ALL = (*KINDS, KIND)
NAMES = Names(ALL)
CONFIG = f"""
c.JupyterHub.spawner_class = "toy"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.api_tokens = {{"token-of-alice": "alice"}}
c.Authenticator.admin_users = {{"alice"}}
c.Spawner.cmd = [{sys.executable!r}, "-S", "-E", {TINY_SERVER!r}]
"""
HOOK = "def hook(spawner): spawner.image += '-gpu'"


def read(directory: Path, *lines: str, command: tuple[str, ...] = ()) -> tuple[Settings, list[str]]:
    config = directory / "hub.py"
    config.write_text("\n".join([CONFIG, *lines]))
    settings, notes = file.load_settings([config], command, names=NAMES)
    return settings, [str(note).partition(": ")[2] for note in notes]


@pytest.fixture
def lines() -> tuple[str, ...]:
    """More of the configuration."""
    return ()


@pytest.fixture
async def hub(tmp_path: Path, lines: tuple[str, ...]) -> AsyncIterator[Hub]:
    settings, _ = read(tmp_path, *lines)
    store = EventStore(":memory:", projections.ALL, threaded=False)
    spawner = make_spawner(settings, tmp_path, ALL)
    with trio.fail_after(60):
        async with open_hub(settings, store=store, secret=SECRET, spawner=spawner) as hub:
            yield hub
            for spawn_id in await spawner.list_attempts():
                await spawner.stop(spawn_id)
    store.close()


@pytest.fixture
async def alice(hub: Hub) -> AsyncIterator[Client]:
    async with Client(hub, "token-of-alice") as client:
        yield client


def test_its_traits_are_read_from_its_section_and_those_of_its_ancestors(tmp_path: Path) -> None:
    settings, notes = read(tmp_path, "c.ToySpawner.image = 'science'", "c.Spawner.start_timeout = 5")
    assert notes == []
    assert isinstance(settings.spawner, ToySettings)
    assert (settings.spawner.image, settings.spawner.start_timeout) == ("science", 5)
    assert shown.differing(settings, NAMES)["ToySpawner"] == {"image": "science"}
    settings, _ = read(tmp_path, command=("--ToySpawner.image=other",))
    assert isinstance(settings.spawner, ToySettings)
    assert settings.spawner.image == "other"


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("c.ToySpawner.imge = 'x'", "c.ToySpawner.imge: unknown (did you mean image?)"),
        ("c.ToySpawnr.image = 'x'", "c.ToySpawnr: unknown (did you mean ToySpawner?)"),
    ],
)
def test_what_is_misspelt_is_told(tmp_path: Path, line: str, note: str) -> None:
    assert read(tmp_path, line)[1] == [note]


def test_a_trait_that_never_acts_is_named_with_the_reason(tmp_path: Path) -> None:
    kind = replace(KIND, reasons={"registry": "a toy has none"})
    (tmp_path / "hub.py").write_text("c.JupyterHub.spawner_class = 'toy'\nc.ToySpawner.registry = 'x'")
    _, notes = file.load_settings([tmp_path / "hub.py"], (), names=Names((*KINDS, kind)))
    assert [str(note).partition(": ")[2] for note in notes] == [
        "c.ToySpawner.registry: ignored (a toy has none)"
    ]


def test_a_value_of_the_wrong_type_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"c\.ToySpawner\.image = 3: expected str, got int"):
        read(tmp_path, "c.ToySpawner.image = 3")


def test_it_is_among_the_options_and_no_other_changes() -> None:
    names = {option.full_name for option in reference.options(NAMES)}
    assert names - {option.full_name for option in reference.options(Names(KINDS))} == {"c.ToySpawner.image"}


def image_of(hub: Hub) -> str:
    """What the one server that runs was started from."""
    (made,) = hub.spawner.main.spawner._engine.values()  # type: ignore[attr-defined]
    environment = Path(f"/proc/{made.process.pid}/environ").read_bytes().split(b"\0")
    return next(item for item in environment if item.startswith(b"IMAGE=")).decode()


@pytest.mark.parametrize(("options", "image"), [({}, "IMAGE=plain"), ({"image": "science"}, "IMAGE=science")])
async def test_an_image_is_asked_for_with_a_start(
    hub: Hub, alice: Client, options: dict[str, str], image: str
) -> None:
    assert (await alice.post("/users/alice/server", json=options)).status_code == 201
    assert image_of(hub) == image
    assert (await alice.delete("/users/alice/server")).status_code == 204


async def test_an_image_that_is_not_allowed_is_refused_and_nothing_begins(hub: Hub, alice: Client) -> None:
    before = hub.store.head
    answer = await alice.post("/users/alice/server", json={"image": "$(id)"})
    assert (answer.status_code, answer.json()["message"]) == (400, "There is no image '$(id)'.")
    assert hub.store.head == before
    assert await hub.spawner.list_attempts() == []


async def test_a_stop_has_the_deadline_of_the_spawner(hub: Hub) -> None:
    assert hub.runtime.deadlines_of({}).stop == ToySettings.stop_timeout == 5


@pytest.mark.parametrize(
    ("lines", "options", "status", "image"),
    [
        (["c.Spawner.apply_user_options = {'picture': 'image'}"], {"picture": "science"}, 201, "science"),
        (["c.Spawner.apply_user_options = {'picture': 'image'}"], {"picture": 7}, 400, ""),
        (["c.Spawner.apply_user_options = {'picture': 'painting'}"], {"picture": "x"}, 400, ""),
        (
            ["def hook(spawner): spawner.image += '-gpu'", "c.Spawner.pre_spawn_hook = hook"],
            {"image": "science"},
            201,
            "science-gpu",
        ),
    ],
)
async def test_options_and_hooks_may_set_what_is_the_spawners_own(
    hub: Hub, alice: Client, options: dict[str, object], status: int, image: str
) -> None:
    """Options act first, and hooks have the last word."""
    assert (await alice.post("/users/alice/server", json=options)).status_code == status
    if image:
        assert image_of(hub) == f"IMAGE={image}"
    else:
        assert await hub.spawner.list_attempts() == []
