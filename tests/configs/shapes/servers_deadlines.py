"""How long things may take, and how many at a time, with a class whose starts hang."""

import asyncio

from jupyterhub.spawner import Spawner


class SlowSpawner(Spawner):
    async def start(self):
        await asyncio.sleep(3600)

    async def poll(self):
        return 0

    async def stop(self, now=False):
        pass


c = get_config()
c.JupyterHub.spawner_class = SlowSpawner
c.Spawner.start_timeout = 1
c.Spawner.http_timeout = 7
c.Spawner.poll_interval = 11
c.Spawner.consecutive_failure_limit = 9
c.JupyterHub.concurrent_spawn_limit = 1
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
