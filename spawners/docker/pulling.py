"""Images: whether the engine has the one that is wanted, and fetching it otherwise, with what is told meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import trio

from core.errors import SpawnError
from core.plugins.spawner import Progress, Report
from spawners.docker.credentials import credentials_for
from spawners.docker.engine.calls import Engine, failure_of
from spawners.docker.engine.found import Image
from spawners.docker.images import reference
from spawners.docker.settings import DockerSettings

_BEGIN, _END = 5.0, 45.0  # percent of a start, at the beginning of a pull and at its end
_PAUSE = 0.5  # seconds between messages


class Images:
    """`logins`: the folder with those of registries."""

    def __init__(self, engine: Engine, logins: Path) -> None:
        self._engine = engine
        self._logins = logins
        self._pulls: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()

    async def provide(self, settings: DockerSettings, report: Report) -> Image:
        """See to it that the engine has the image, as far as the policy allows. Raises SpawnError."""
        match settings.pull_policy:
            case "skip":
                return Image()
            case "always":
                await self._pull(settings.image, report)
                found = await self._engine.image(settings.image)
            case "never":
                found = await self._engine.image(settings.image)
            case _:
                found = await self._engine.image(settings.image) or await self._pulled(settings.image, report)
        if found is None:
            raise SpawnError(f"The container engine does not have the image {settings.image}.")
        return found

    async def _pulled(self, image: str, report: Report) -> Image | None:
        """One start pulls it, and the others wait; if it is given up, the next one does."""
        lock = self._pulls.setdefault(image, trio.Lock())
        if lock.locked():
            report(Progress(f"Waiting for the image {image}, which is being pulled", _BEGIN, is_waiting=True))
        async with lock:
            found = await self._engine.image(image)
            if found is None:
                await self._pull(image, report)
                found = await self._engine.image(image)
            return found

    async def _pull(self, image: str, report: Report) -> None:
        """Raises SpawnError with the engine's words where it cannot be had."""
        pull = Pull(image)
        report(pull.progress)
        name, tag = reference(image)
        credentials = await trio.to_thread.run_sync(credentials_for, name, self._logins)

        async def follow() -> None:
            async with self._engine.pull(name, tag, credentials) as steps:
                await _tell(pull, steps, report)

        failure = await failure_of(follow)
        why = pull.error if failure is None else failure.message
        if why:
            raise SpawnError(f"The image {image} could not be pulled: {why}")


async def _tell(pull: Pull, steps: AsyncIterator[dict[str, Any]], report: Report) -> None:
    told = trio.current_time()
    async for step in steps:
        pull.take(step)
        if trio.current_time() - told >= _PAUSE:
            told = trio.current_time()
            report(pull.progress)


class Pull:
    """How far a pull is, from the engine's messages about its layers.

    Waiting for it is no part of starting: see Progress. `error`: why it has failed.
    """

    def __init__(self, image: str) -> None:
        self.error = ""
        self.image = image
        self._layers: dict[str, tuple[float, float]] = {}  # how much is here, and how much there is

    def take(self, step: dict[str, Any]) -> None:
        if error := step.get("error"):
            self.error = str(error)
        layer, detail = step.get("id"), step.get("progressDetail")
        if not isinstance(layer, str) or not isinstance(detail, dict):
            return
        here, whole = self._layers.get(layer, (0.0, 0.0))
        current, total = detail.get("current"), detail.get("total")
        if step.get("status") == "Downloading" and isinstance(current, int | float):
            self._layers[layer] = (float(current), float(total or whole or current))
        elif step.get("status") in ("Download complete", "Extracting", "Pull complete"):
            self._layers[layer] = (whole or here, whole or here)

    @property
    def share(self) -> float:
        """Between 0 and 1, of what is known to be needed."""
        whole = sum(whole for _, whole in self._layers.values())
        return min(sum(here for here, _ in self._layers.values()) / whole, 1.0) if whole else 0.0

    @property
    def progress(self) -> Progress:
        whole = sum(whole for _, whole in self._layers.values())
        size = f" ({self.share:.0%} of {whole / 1e6:.0f} MB)" if whole else ""
        percent = round(_BEGIN + (_END - _BEGIN) * self.share, 1)
        return Progress(f"Pulling the image {self.image}{size}", percent, is_waiting=True)
