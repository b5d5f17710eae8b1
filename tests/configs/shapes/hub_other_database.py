"""As a hub in a cluster has it: its database elsewhere, what is beside it ignored."""

c = get_config()
c.JupyterHub.db_url = "postgresql+psycopg2://hub:not-told@db.example.org/jupyterhub"
c.JupyterHub.db_kwargs = {"pool_pre_ping": True}
c.JupyterHub.cookie_secret_file = "state/secret"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "let me in"
c.Authenticator.allowed_users = {"bob"}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = 1
