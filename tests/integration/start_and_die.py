"""A hub that only starts servers, for tests that kill it: state directory, home template, spawn ids."""

import sys
from pathlib import Path

import trio

from core.plugins.spawner import Attempt
from spawners.local.settings import LocalProcessSettings
from spawners.local.spawner import LocalProcessSpawner
from tests.integration.spawner_worlds import TINY_SERVER, ignore


async def main(state: str, home: str, *spawn_ids: str) -> None:
    command = [sys.executable, "-S", "-E", TINY_SERVER]
    settings = LocalProcessSettings(cmd=command, home_dir_template=home)
    spawner = LocalProcessSpawner(Path(state), settings, simple=True)
    async with trio.open_nursery() as nursery:
        print("go", flush=True)
        for spawn_id in spawn_ids:
            attempt = Attempt(spawn_id, "alice", "", "/user/alice/", {}, {})
            nursery.start_soon(spawner.start, attempt, ignore)
    await trio.sleep_forever()


trio.run(main, *sys.argv[1:])
