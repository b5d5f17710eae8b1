"""What a login brings is kept encrypted, and handed to servers."""

from jupyterhub.auth import Authenticator


class PortalAuthenticator(Authenticator):
    async def authenticate(self, handler, data):
        return {"name": data["username"], "auth_state": {"portal_token": f"of {data['username']}"}}

    async def pre_spawn_start(self, user, spawner):
        state = await user.get_auth_state()
        spawner.environment["PORTAL_TOKEN"] = state["portal_token"]


c = get_config()
c.JupyterHub.authenticator_class = PortalAuthenticator
c.Authenticator.enable_auth_state = True
c.Authenticator.allow_all = True
c.CryptKeeper.keys = ["a1" * 32]
