"""A hub in a container, with its proxy beside it and people's servers as containers on the same network."""

import os

c = get_config()  # noqa: F821 -- the configuration loader's

c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_ip = "hub"
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.db_url = "sqlite:////srv/callboard/callboard.sqlite"
c.JupyterHub.cookie_secret_file = "/srv/callboard/jupyterhub_cookie_secret"  # noqa: S105 -- a path
c.JupyterHub.cleanup_servers = False
c.Proxy.should_start = False

c.JupyterHub.spawner_class = "callboard-docker"
c.DockerSpawner.image = "jupyterhub/singleuser:latest"
c.DockerSpawner.network_name = "callboard"
c.DockerSpawner.volumes = {"callboard-home-{username}": "/home/jovyan"}

# Choose how people log in; this is one password for all, from the environment. Whatever it is, it wants https.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["HUB_PASSWORD"]
c.Authenticator.allow_all = True
