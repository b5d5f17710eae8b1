"""When an image is pulled, by the policy and by what the engine has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from core.errors import SpawnError, UnreachableError
from core.plugins.spawner import Progress
from spawners.docker.engine.calls import EngineRefusal, EngineTrouble
from spawners.docker.engine.found import Image
from spawners.docker.pulling import Images
from spawners.docker.settings import DockerSettings

IMAGE = "team/r:1"


class Registry:
    """An engine, as far as images go. `error`: what a pull ends with; `pulls` takes a second."""

    def __init__(self, *images: str, error: str = "", failures: Sequence[Exception] = ()) -> None:
        self.images, self.pulled = set(images), list[str]()
        self._error, self._failures = error, list(failures)

    async def image(self, name: str) -> Image | None:
        await trio.lowlevel.checkpoint()
        return Image() if name in self.images else None

    @asynccontextmanager
    async def pull(
        self, name: str, tag: str, credentials: str
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        self.pulled.append(f"{name}:{tag}")
        if self._failures:
            raise self._failures.pop()
        yield self._steps(f"{name}:{tag}")

    async def _steps(self, image: str) -> AsyncIterator[dict[str, Any]]:
        for current in (1, 2, 3):
            await trio.sleep(0.4)
            yield {"status": "Downloading", "id": "a", "progressDetail": {"current": current, "total": 3}}
        if self._error:
            yield {"error": self._error}
        else:
            self.images.add(image)


async def provide(registry: Registry, policy: Any, told: list[Progress] | None = None) -> Image:
    images = Images(registry, Path("/nowhere"))  # type: ignore[arg-type]
    reports = [] if told is None else told
    return await images.provide(DockerSettings(image=IMAGE, pull_policy=policy), reports.append)


@pytest.mark.parametrize(
    ("pull_policy", "there", "pulled"),
    [
        ("ifnotpresent", True, []),
        ("ifnotpresent", False, [IMAGE]),
        ("always", True, [IMAGE]),
        ("always", False, [IMAGE]),
        ("never", True, []),
        ("skip", True, []),
        ("skip", False, []),
    ],
)
async def test_when_an_image_is_pulled(
    autojump_clock: object, pull_policy: str, there: bool, pulled: list[str]
) -> None:
    registry = Registry(*([IMAGE] if there else []))
    await provide(registry, pull_policy)
    assert registry.pulled == pulled


async def test_an_image_that_may_not_be_pulled_is_missed(autojump_clock: object) -> None:
    with pytest.raises(SpawnError, match=r"does not have the image team/r:1\."):
        await provide(Registry(), "never")


NO_NETWORK = EngineTrouble("no such manifest")


@pytest.mark.parametrize(
    "registry",
    [
        Registry(error="no such manifest"),
        Registry(failures=[EngineRefusal(404, "no such manifest")]),
        Registry(failures=[NO_NETWORK] * 3),
    ],
)
async def test_an_image_that_cannot_be_had_is_told_in_the_engines_words(
    autojump_clock: object, registry: Registry
) -> None:
    with pytest.raises(SpawnError, match="The image team/r:1 could not be pulled: no such manifest"):
        await provide(registry, "ifnotpresent")


async def test_what_an_engine_cannot_do_for_a_moment_is_tried_again(autojump_clock: object) -> None:
    registry = Registry(failures=[NO_NETWORK] * 2)
    await provide(registry, "ifnotpresent")
    assert registry.pulled == [IMAGE] * 3


async def test_an_engine_that_is_gone_says_nothing_of_an_image(autojump_clock: object) -> None:
    with pytest.raises(UnreachableError):
        await provide(Registry(failures=[UnreachableError("gone")]), "ifnotpresent")


async def test_a_pull_tells_how_far_it_is_twice_a_second_at_most(autojump_clock: object) -> None:
    told: list[Progress] = []
    await provide(Registry(), "ifnotpresent", told)
    assert [one.progress for one in told] == [5, 31.7]
    assert all(one.is_waiting for one in told)


async def test_one_start_pulls_for_all_and_another_goes_on_if_it_is_given_up(autojump_clock: object) -> None:
    registry, settings = Registry(), DockerSettings(image=IMAGE)
    images, told = Images(registry, Path("/nowhere")), list[str]()  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        first = trio.CancelScope()

        async def be_given_up() -> None:
            with first:
                await images.provide(settings, lambda _: None)

        nursery.start_soon(be_given_up)
        await trio.sleep(0.1)
        for _ in range(20):
            nursery.start_soon(images.provide, settings, lambda one: told.append(one.message))
        await trio.sleep(0.1)
        assert told == [f"Waiting for the image {IMAGE}, which is being pulled"] * 20
        first.cancel()
    assert registry.pulled == [IMAGE, IMAGE]
