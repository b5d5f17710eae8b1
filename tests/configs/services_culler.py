# Services: one that ends idle servers, one with pages of its own, one elsewhere.
import sys

c = get_config()

c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "description": "Ends servers that nobody uses",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    },
    {"name": "user", "scopes": ["self", "access:services!service=announcements"]},
]
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
        "environment": {"CULL": "1"},
        "cwd": "/tmp",
    },
    {
        "name": "announcements",
        "url": "http://127.0.0.1:10101",
        "api_token": "token-of-announcements",
        "info": {"text": "What is on"},
        "display": False,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": ["read:users:name!user"],
        "oauth_redirect_uri": "http://127.0.0.1:10101/oauth_callback",
        "timeout": 5,
    },
]
c.JupyterHub.services.append({"name": "grader", "admin": True, "api_token": "token-of-the-grader-1"})
c.JupyterHub.service_tokens = {"another-token-of-the-grader": "grader"}
c.JupyterHub.service_check_interval = 0
c.JupyterHub.last_activity_interval = 120
c.JupyterHub.activity_resolution = 60
c.Proxy.extra_routes = {"/status/": "http://127.0.0.1:10102"}
