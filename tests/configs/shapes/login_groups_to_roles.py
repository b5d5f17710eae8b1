"""Groups come with the login, roles with groups."""

from jupyterhub.auth import Authenticator


class DirectoryAuthenticator(Authenticator):
    async def authenticate(self, handler, data):
        groups = ["staff"] if data["username"].startswith("prof-") else ["students"]
        return {"name": data["username"], "groups": groups, "admin": data["username"] == "prof-x"}


c = get_config()
c.JupyterHub.authenticator_class = DirectoryAuthenticator
c.Authenticator.manage_groups = True
c.Authenticator.allow_all = True
c.JupyterHub.load_roles = [
    {"name": "supervisor", "groups": ["staff"], "scopes": ["list:users", "admin:servers!group=students"]},
]
