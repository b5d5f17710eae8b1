"""Roles, scopes of the site's own, and services that hold them."""

c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.custom_scopes = {"custom:grades:read": {"description": "Read grades"}}
c.JupyterHub.services = [
    {"name": "grades", "url": "http://127.0.0.1:10101", "api_token": "token-of-the-grades", "display": False},
]
c.JupyterHub.load_roles = [
    {"name": "grader", "scopes": ["custom:grades:read", "access:services!service=grades"], "users": ["bob"]},
    {"name": "grades", "scopes": ["list:users", "read:users:name"], "services": ["grades"]},
]
