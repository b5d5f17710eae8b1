"""A hub for load tests, ours or JupyterHub: `callboard loadtest`, and docs/capacity.md for what was found with it.

    CAPACITY_TOKEN=... callboard -f benchmarks/capacity_config.py
    CAPACITY_TOKEN=... python -m jupyterhub -f benchmarks/capacity_config.py

Servers are processes of this machine, each a small program that answers at once: what is measured is the hub.
"""

import os
import sys
from pathlib import Path

PAGE_SERVER = Path(__file__).parents[1] / "tests/integration/page_server.py"
PORT = int(os.environ.get("PORT", "8000"))

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}"
c.JupyterHub.hub_port = PORT + 1
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PORT + 2}"
if command := os.environ.get("CAPACITY_PROXY"):
    c.ConfigurableHTTPProxy.command = [command]

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["CAPACITY_TOKEN"]
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "loadtest", "api_token": os.environ["CAPACITY_TOKEN"]}]
c.JupyterHub.load_roles = [
    {
        "name": "loadtest",
        "services": ["loadtest"],
        "scopes": ["admin:users", "admin:servers", "tokens", "read:metrics", "read:hub"],
    }
]

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(Path("homes", "{username}").absolute())
c.Spawner.cmd = [sys.executable, "-S", "-E", str(PAGE_SERVER)]
c.JupyterHub.concurrent_spawn_limit = 100
