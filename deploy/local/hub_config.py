"""A hub for trying things out: `make hub`. Anybody may log in under any name, so it is for this machine only.

PORT in the environment is another place than 8000 for it; the hub's own port is the one after it.
All it keeps is in the current directory: callboard.sqlite and what is called after it, homes/,
jupyterhub_cookie_secret, and callboard-proxy.pid while it runs.
"""

import getpass
import os
import sys
from pathlib import Path

try:
    admin = getpass.getuser()
except (KeyError, OSError):  # a container's nameless user
    admin = "admin"

c = get_config()  # noqa: F821

if port := os.environ.get("PORT"):
    c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
    c.JupyterHub.hub_port = int(port) + 1
else:
    c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.db_url = "sqlite:///callboard.sqlite"

c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {admin}

c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "shares!user", "list:users", "list:groups"]}]

c.JupyterHub.allow_named_servers = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(Path("homes", "{username}").absolute())
c.Spawner.cmd = [str(Path(sys.executable).with_name("jupyterhub-singleuser"))]
if os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]
