"""What servers are told: by the class, by traits and by functions."""

import os

from jupyterhub.spawner import Spawner
from traitlets import Unicode


class LabSpawner(Spawner):
    room = Unicode("hall", config=True)
    told = []

    def get_env(self):
        return {**super().get_env(), "ROOM": self.room}

    def get_args(self):
        return [*super().get_args(), f"--title={self.user.name}"]

    async def start(self):
        self.told.append((self.get_env(), [*self.cmd, *self.get_args()]))
        return os.environ["PAGE_URL"]

    async def poll(self):
        return None

    async def stop(self, now=False):
        pass


c = get_config()
c.JupyterHub.spawner_class = LabSpawner
c.LabSpawner.room = "attic"
c.Spawner.environment = {"FIXED": "1", "OF": lambda spawner: spawner.user.name}
c.Spawner.env_keep = ["TERM_OF_YEAR"]
c.Spawner.cmd = ["jupyter-labhub"]
c.Spawner.args = ["--ServerApp.max_kernels=5"]
c.Spawner.default_url = "/lab"
c.Spawner.notebook_dir = "~/work"
c.Spawner.mem_limit = "2G"
c.Spawner.cpu_guarantee = 0.5
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
