"""Below a path, behind somebody else's https."""

c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:8123/jupyter"
c.JupyterHub.public_url = "https://hub.example.org/jupyter/"
c.JupyterHub.trusted_downstream_ips = ["10.0.0.0/8"]
c.JupyterHub.tornado_settings = {"headers": {"X-Site": "campus"}, "slow_spawn_timeout": 0}
c.JupyterHub.cookie_max_age_days = 1
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
