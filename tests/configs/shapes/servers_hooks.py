"""Functions around a start, in JupyterHub's order, and state that is kept."""

import os

from jupyterhub.spawner import Spawner

ORDER = []


class NotedSpawner(Spawner):
    order = ORDER

    def get_state(self):
        return {**super().get_state(), "ticket": getattr(self, "ticket", "")}

    def load_state(self, state):
        super().load_state(state)
        self.ticket = state.get("ticket", "")

    def clear_state(self):
        super().clear_state()
        self.ticket = ""

    async def start(self):
        ORDER.append("start")
        self.ticket = f"ticket of {self.user.name}"
        return os.environ["PAGE_URL"]

    async def poll(self):
        return None if self.ticket else 0

    async def stop(self, now=False):
        ORDER.append(f"stop with {self.ticket}")
        self.ticket = ""


def before(spawner):
    ORDER.append(f"before {spawner.user.name} {spawner.environment['STEP']}")


def after(spawner):
    ORDER.append("after")


async def options(spawner, user_options):
    spawner.environment["STEP"] = user_options.get("step", "none")


c = get_config()
c.JupyterHub.spawner_class = NotedSpawner
c.Spawner.pre_spawn_hook = before
c.Spawner.post_stop_hook = after
c.Spawner.apply_user_options = options
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
