"""Nobody signs up; who has been made by an administrator may come in."""

from jupyterhub.auth import Authenticator


class PassphraseAuthenticator(Authenticator):
    async def authenticate(self, handler, data):
        return data["username"] if data["password"] == "passphrase" else None

    def is_admin(self, handler, authentication):
        return authentication["name"].endswith("-admin")

    def add_user(self, user):
        super().add_user(user)
        self.added.append(user.name)

    added = []


c = get_config()
c.JupyterHub.authenticator_class = PassphraseAuthenticator
c.Authenticator.allow_existing_users = True
c.JupyterHub.load_groups = {"course": ["carol", "dave-admin"]}
