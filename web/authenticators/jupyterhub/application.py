"""tornado's application: handlers at their paths, and what they look up. In the thread of plug-ins."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from jupyterhub import apihandlers
from jupyterhub.handlers.login import LoginHandler, LogoutHandler
from jupyterhub.objects import Hub
from jupyterhub.utils import url_path_join
from sqlalchemy.orm import Session
from tornado.routing import PathMatches
from tornado.web import Application
from traitlets.config import Configurable

from web.authenticators.jupyterhub.base_handler import with_our_proof
from web.authenticators.jupyterhub.people import BridgedUsers
from web.authenticators.jupyterhub.plan import Plan
from web.authenticators.jupyterhub.templates import environments

STANDARD = frozenset({LoginHandler, LogoutHandler})  # the hub's own pages stand for these
logger = logging.getLogger("callboard.plugins")


class App(Configurable):
    """What plug-ins know as `app`, and their parent: LTI 1.3 wants it to have traits."""

    log = logger

    def __init__(self, plan: Plan, db: Session) -> None:
        super().__init__(config=plan.config)
        self.hub = Hub(base_url=url_path_join(plan.base_url, "hub/"), ip="127.0.0.1", port=1)
        self.db = db
        self.base_url = plan.base_url
        self.authenticator: Any = plan.kind(config=plan.config, parent=self, _deprecated_db_session=db)
        settings = _settings(self, plan)
        self.users = settings["users"] = BridgedUsers(db, settings, plan.hub)
        self.settings = self.tornado_settings = settings


def _settings(app: App, plan: Plan) -> dict[str, Any]:
    """Source of the names: JupyterHub 6.1.1."""
    base = app.hub.base_url
    return {
        "app": app,
        "db": app.db,
        "hub": app.hub,
        "authenticator": app.authenticator,
        "admin_users": app.authenticator.admin_users,
        "config": plan.config,
        "log": logger,
        "log_function": _no_log,
        "base_url": plan.base_url,
        "login_url": f"{base}login",
        "logout_url": app.authenticator.logout_url(base),
        "static_url_prefix": f"{base}static/",
        "cookie_secret": plan.cookie_secret,
        "xsrf_cookies": True,
        "services": {},
        "template_vars": {},
        "version_hash": "",
        "allow_named_servers": False,
        "shutdown_on_logout": False,  # the hub stops what is to be stopped
        **environments(plan.loaders),
        **plan.settings,
    }


def make_application(app: App, extra_handlers: Sequence[Any], **settings: Any) -> Application:
    """`settings`: for handlers, besides those of `app`."""
    found = [*app.authenticator.get_handlers(app), *extra_handlers, *brought_along()]
    app.settings.update(settings)
    return Application(list(_routes(found, app.hub.base_url)), **app.settings)


def brought_along() -> list[Any]:
    """Handlers that plug-ins have added to JupyterHub's own when they were imported: batchspawner does."""
    return [
        (path, handler, *rest)
        for path, handler, *rest in apihandlers.default_handlers
        if not handler.__module__.startswith("jupyterhub.")
    ]


def _routes(handlers: Sequence[Any], base: str) -> Iterator[Any]:
    """Below the hub's prefix. LTI 1.3 names its paths without a slash."""
    for path, handler, *rest in handlers:
        if handler not in STANDARD:
            yield (url_path_join(base, path), with_our_proof(handler), *rest)


def paths_of(application: Application) -> tuple[str, ...]:
    """Regular expressions of what is served."""
    matchers = [rule.matcher for rule in application.wildcard_router.rules]
    return tuple(matcher.regex.pattern for matcher in matchers if isinstance(matcher, PathMatches))


def _no_log(handler: Any) -> None:
    """The hub logs its requests; tornado would log `/oauth_callback?code=...`."""
    del handler
