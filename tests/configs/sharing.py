# People share their servers with each other.
c = get_config()

c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.load_roles = [
    {
        "name": "user",
        "scopes": ["self", "shares!user", "list:users", "list:groups", "read:users:name", "read:groups:name"],
    }
]
c.JupyterHub.load_groups = {"team": ["bob", "carol"]}
c.JupyterHub.use_legacy_stopped_server_status_code = True
c.JupyterHub.implicit_spawn_seconds = 3
c.JupyterHub.template_vars = {"announcement": "Share with care."}
c.Spawner.poll_interval = 5
c.Spawner.poll_jitter = 0
c.Spawner.disable_user_config = True
