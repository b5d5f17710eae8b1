"""Callboard as hubbench drives it: everything comes from the HB_* environment.

The state directory is the current one; it is copied between runs, so nothing is addressed by its full path.
Limits are out of the way; all else is as shipped.
"""

import os

env = os.environ

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = f"http://127.0.0.1:{env['HB_PUBLIC_PORT']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{env['HB_HUB_PORT']}"
c.JupyterHub.db_url = "sqlite:///callboard.sqlite"

c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {env["HB_ADMIN"]}
c.JupyterHub.services = [{"name": "hubbench", "api_token": env["HB_TOKEN"]}]
c.JupyterHub.load_roles = [
    {
        "name": "hubbench",
        "services": ["hubbench"],
        "scopes": [
            "admin:users",
            "admin:servers",
            "admin:groups",
            "tokens",
            "list:users",
            "list:services",
            "read:hub",
            "proxy",
        ],
    }
]

mode = env["HB_SPAWNER"]
if mode == "process":
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = os.path.abspath("homes/{username}")
    c.LocalProcessSpawner.port_range = (int(env["HB_PORT_MIN"]), int(env["HB_PORT_MAX"]) - 1)
    c.Spawner.cmd = [env["HB_SERVER_CMD"]]
else:
    c.JupyterHub.spawner_class = "simulated"
    c.SimulatedSpawner.url = env["HB_SHARED_URL"]
if mode == "gate":
    c.SimulatedSpawner.gate_url = env["HB_GATE_URL"]

c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 120
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.active_server_limit = 0
# POST .../server answers when the server is ready, except where the spawns are to stay pending
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0 if mode == "gate" else 120, "slow_stop_timeout": 120}
