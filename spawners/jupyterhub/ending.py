"""Whether an attempt runs, and its end, in the thread of spawners."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.utils import maybe_future
from msgspec import Struct

from core.machine.process_identity import Identity, is_alive
from core.plugins.plugin_hub import ServerFacts
from core.secrets.scrubbing import scrubbed
from spawners.jupyterhub.in_thread import Live, World
from spawners.jupyterhub.records import as_plain

AGAIN = (1.0, 2.0)  # seconds before each time that an engine is asked again, before "gone" is believed
FOR_A_START = 5.0  # seconds that an end waits for a start that is under way to come back
UNTIL_GONE = 5.0  # seconds after `stop` in which the class must say that it is gone
LOOK = 0.1
LONGEST_REASON = 200  # characters of what a class says of an end


class Attempted(Struct, frozen=True):
    """`process`: where its state is one of this machine: which that was."""

    server: ServerFacts
    state: dict[str, Any]
    url: str
    process: Identity | None = None


class Seen(Struct, frozen=True):
    """`runs`, or `exit_status` and `reason`, as far as they are known. `state`: as it is now."""

    runs: bool
    state: dict[str, Any]
    exit_status: int | None = None
    reason: str = ""


async def look(world: World, attempted: Attempted) -> Seen:
    """Raises what the class raises: then nobody knows."""
    live = world.live(attempted.server, attempted.state, attempted.url)
    status = await _status(live, attempted)
    for pause in () if live.is_local else AGAIN:
        if status is None:
            break
        await asyncio.sleep(pause)
        live.spawner.load_state(dict(attempted.state))  # some drop it whenever they think that it is gone
        status = await _status(live, attempted)
    return _seen(live, status)


async def stop(world: World, attempted: Attempted) -> Seen:
    """Return once the class says that it is gone, or will not say so."""
    live = world.live(attempted.server, attempted.state, attempted.url)
    has_turn = await _wait_turn(live)
    try:
        live.spawner._stop_pending = True
        live.spawner.stop_polling()
        if await _status(live, attempted) is None:
            await _stop(live, attempted.process)
        return _seen(live, await _wait_gone(live, attempted))
    finally:
        live.spawner._stop_pending = False
        if has_turn:
            live.turn.release()


async def clear(world: World, attempted: Attempted) -> dict[str, Any]:
    """What the class wants to have again when this server starts the next time."""
    live = world.live(attempted.server, attempted.state, attempted.url)
    live.spawner.clear_state()
    return as_plain(live.spawner.get_state())


async def _stop(live: Live, process: Identity | None) -> None:
    """Its own `stop`; where a process of this machine is known to have ended, nobody waits for that to be noticed.

    (A zombie is alive to `kill`: an adopted child of this process would be waited for until all deadlines are over.)
    """
    stopping = asyncio.ensure_future(maybe_future(live.spawner.stop()))
    try:
        while not stopping.done():
            await asyncio.wait([stopping], timeout=LOOK if live.is_local else None)
            if live.is_local and not live.began_here and not _is_ours(process):
                return
        await stopping
    finally:
        stopping.cancel()


async def _status(live: Live, attempted: Attempted) -> Any:
    """None while it runs. A process is only taken for ours if it is the very one that was started."""
    if live.is_local and not live.began_here and not _is_ours(attempted.process):
        return 0
    return await maybe_future(live.spawner.poll())


def _is_ours(process: Identity | None) -> bool:
    return process is not None and is_alive(process)


async def _wait_gone(live: Live, attempted: Attempted) -> Any:
    async with asyncio.timeout(UNTIL_GONE * 2):
        for _ in range(int(UNTIL_GONE / LOOK)):
            if (status := await _status(live, attempted)) is not None:
                return status
            await asyncio.sleep(LOOK)
    return None


async def _wait_turn(live: Live) -> bool:
    try:
        async with asyncio.timeout(FOR_A_START):
            return await live.turn.acquire()
    except TimeoutError:
        return False


def _seen(live: Live, status: Any) -> Seen:
    state = as_plain(live.spawner.get_state())
    if status is None:
        return Seen(True, state)
    if isinstance(status, bool) or not isinstance(status, int):
        return Seen(False, state, reason=scrubbed(str(status))[:LONGEST_REASON])
    known = status != 0 or live.began_here  # JupyterHub's 0 stands for "who knows" as well
    return Seen(False, state, status if known else None)
