"""Shares, limits on servers and on tokens."""

c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.active_server_limit = 1
c.JupyterHub.token_expires_in_max_seconds = 60
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "shares!user", "read:users:name", "read:groups:name"]},
]
