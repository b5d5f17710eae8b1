"""Who may come in is seen from the request; a check of the file's own decides about names."""

from jupyterhub.auth import Authenticator
from traitlets import Set, Unicode


class OfficeAuthenticator(Authenticator):
    header = Unicode("X-Office", config=True)
    domains = Set(config=True)
    login_service = Unicode("the office", config=True)

    def authenticate(self, handler, data):
        if handler.request.headers.get(self.header) != "yes":
            return None
        return data["username"]

    def check_allowed(self, username, authentication=None):
        return username.partition("@")[2] in self.domains


c = get_config()
c.JupyterHub.authenticator_class = OfficeAuthenticator
c.OfficeAuthenticator.header = "X-Campus"
c.OfficeAuthenticator.domains = {"example.org"}
