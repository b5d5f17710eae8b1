"""A list of profiles to choose from, made by a function; the class adds what is allowed."""

import os

from jupyterhub.spawner import Spawner
from traitlets import Dict


async def form(spawner):
    items = "".join(f'<option value="{name}">{name}</option>' for name in spawner.profiles)
    return f'<select name="profile">{items}</select>'


def chosen(formdata):
    return {"profile": formdata["profile"][0]}


class ProfileSpawner(Spawner):
    profiles = Dict(config=True)
    limits = []

    async def start(self):
        self.mem_limit = self.profiles[self.user_options["profile"]]
        self.limits.append(self.mem_limit)
        return os.environ["PAGE_URL"]

    async def poll(self):
        return None

    async def stop(self, now=False):
        pass


c = get_config()
c.JupyterHub.spawner_class = ProfileSpawner
c.ProfileSpawner.profiles = {"small": "1G", "large": "64G"}
c.Spawner.options_form = form
c.Spawner.options_from_form = chosen
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
