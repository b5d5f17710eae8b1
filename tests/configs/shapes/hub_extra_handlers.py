"""Pages beside the hub's: one of plain tornado, one that knows who asks."""

from jupyterhub.handlers import BaseHandler
from tornado.web import RequestHandler, authenticated


class Ping(RequestHandler):
    def get(self):
        self.write("pong")


class Mine(BaseHandler):
    @authenticated
    async def get(self):
        self.write({"name": self.current_user.name, "admin": self.current_user.admin})


c = get_config()
c.JupyterHub.extra_handlers = [(r"/ping", Ping), (r"/mine", Mine)]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"alice"}
