"""A service of ten lines, as people write them: it knows its visitors by the hub."""

import json
import os
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from tornado import ioloop, web


class WhoAmI(HubOAuthenticated, web.RequestHandler):
    @web.authenticated
    def get(self) -> None:
        self.write(json.dumps(self.get_current_user()))


prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
pages = [(f"{prefix}oauth_callback", HubOAuthCallbackHandler), (f"{prefix}.*", WhoAmI)]
web.Application(pages, cookie_secret=os.urandom(32)).listen(
    urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port or 0, "127.0.0.1"
)
ioloop.IOLoop.current().start()
