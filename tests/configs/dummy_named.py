# For trying things out: any name, one password, several servers each.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "let me in"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "/tmp/homes/{username}"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = 2
c.JupyterHub.default_server_name = "lab"
c.JupyterHub.redirect_to_server = False
c.JupyterHub.db_url = "sqlite:///trial.sqlite"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.concurrent_spawn_limit = 3
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "headers": {"X-Trial": "yes"}}
c.JupyterHub.api_tokens = {"token-of-alice-0001": "alice"}
c.JupyterHub.log_level = "DEBUG"
c.Authenticator.admin_users.add("alice")
