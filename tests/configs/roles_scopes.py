# Roles, groups and scopes of a course's own.
c = get_config()

c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.admin_users = {"alice"}
c.JupyterHub.custom_scopes = {
    "custom:grades:read": {"description": "Read grades"},
    "custom:grades:write": {"description": "Change grades", "subscopes": ["custom:grades:read"]},
}
c.JupyterHub.load_groups = {
    "teachers": {"users": ["bob"], "properties": {"room": "2.14"}},
    "students": ["carol", "dave"],
}
c.JupyterHub.load_roles = [
    {
        "name": "teacher",
        "description": "Sees the course's servers and its grades",
        "scopes": ["read:users!group=students", "access:servers!group=students", "custom:grades:write"],
        "groups": ["teachers"],
    },
    {"name": "helper", "scopes": ["list:users!group=students"], "users": ["dave"]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", "custom:grades:read"]},
]
c.JupyterHub.extra_user_scopes = {"read:hub"}
c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server", "custom:grades:read"]
c.Spawner.oauth_client_allowed_scopes = ["read:users:name!user"]
c.JupyterHub.token_expires_in_max_seconds = 86400
c.JupyterHub.api_page_default_limit = 2
c.JupyterHub.api_page_max_limit = 3
c.JupyterHub.authenticate_prometheus = False
