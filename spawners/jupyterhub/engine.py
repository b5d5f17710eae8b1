"""The thread of spawners, as the hub asks it: with deadlines, and with errors that say what they are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

import trio

from core.asyncio_thread.call import PluginError
from core.asyncio_thread.host import AsyncioHost, Condition
from core.errors import HubError, UnreachableError
from core.plugins.plugin_hub import Site
from core.plugins.spawner import Beat
from core.settings import PluginSettings
from spawners.jupyterhub.in_thread import World

logger = logging.getLogger("callboard.plugins")

T = TypeVar("T")
Args = TypeVarTuple("Args")

BEAT = 10.0  # seconds between looks at whether the thread answers
ANSWER = 30.0  # seconds it has for that


class Engine:
    def __init__(self, plugin: PluginSettings, site: Site) -> None:
        self._host = AsyncioHost("spawners", partial(World, plugin, site))

    @property
    def condition(self) -> Condition:
        return self._host.condition

    async def call(
        self,
        function: Callable[[World, *Args], Coroutine[Any, Any, T]],
        *args: *Args,
        within: float,
        what: str,
    ) -> T:
        """What the function returns or raises; trio.TooSlowError, PluginError."""
        return await self._host.call(function, *args, within=within, what=what)

    async def ask(
        self,
        function: Callable[[World, *Args], Coroutine[Any, Any, T]],
        *args: *Args,
        within: float,
        what: str,
    ) -> T:
        """The same for news of a server: whatever goes wrong, it could not be asked after."""
        with _unreachable(what):
            return await self._host.call(function, *args, within=within, what=what)

    async def close(self) -> None:
        await self._host.close()

    async def run(self, beat: Beat) -> None:
        """Watch over the thread for as long as the hub lives, and end it with the hub."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._host.run)
                while True:
                    with _telling_why_not():
                        await self._host.call(
                            _answers, within=ANSWER, what="a look at the thread of spawners"
                        )
                        beat()
                    await trio.sleep(BEAT)
        except trio.Cancelled:
            await self.close()
            raise


async def _answers(world: World) -> None:
    """That it was called is the answer."""


@contextmanager
def _unreachable(what: str) -> Iterator[None]:
    try:
        yield
    except trio.TooSlowError:
        raise UnreachableError(f"{what}: no answer in time") from None
    except (HubError, UnreachableError):
        raise
    except Exception as error:
        raise UnreachableError(f"{what}: {type(error).__name__}: {error}") from error


@contextmanager
def _telling_why_not() -> Iterator[None]:
    try:
        yield
    except (trio.TooSlowError, PluginError) as error:
        logger.warning("the thread of spawners does not answer: %r", error)
