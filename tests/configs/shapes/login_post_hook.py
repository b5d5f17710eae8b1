"""A function looks at each login, and names administrators."""

from jupyterhub.auth import DummyAuthenticator


async def after_login(authenticator, handler, authentication):
    name = authentication["name"]
    if name in authenticator.admin_users:
        authentication["admin"] = True
    if name == "eve":
        return None
    return authentication


class CourseAuthenticator(DummyAuthenticator):
    def normalize_username(self, username):
        return super().normalize_username(username.replace(" ", "."))


c = get_config()
c.JupyterHub.authenticator_class = CourseAuthenticator
c.DummyAuthenticator.password = "open sesame"
c.Authenticator.admin_users = {"alice"}
c.Authenticator.allow_all = True
c.Authenticator.username_map = {"bob.b": "bob"}
c.Authenticator.post_auth_hook = after_login
