"""A class of the file's own that knows its people."""

from jupyterhub.auth import Authenticator
from traitlets import Dict


class TableAuthenticator(Authenticator):
    people = Dict(config=True)

    async def authenticate(self, handler, data):
        if self.people.get(data["username"]) == data["password"]:
            return data["username"]
        return None


c = get_config()
c.JupyterHub.authenticator_class = TableAuthenticator
c.TableAuthenticator.people = {"alice": "apple", "bob": "banana", "mallory": "mango"}
c.Authenticator.admin_users = {"alice"}
c.Authenticator.allowed_users = {"bob"}
c.Authenticator.blocked_users = {"mallory"}
