"""All that lives in the thread of plug-ins: the authenticator, tornado's application, their database."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from jupyterhub import orm
from jupyterhub.auth import Authenticator
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.utils import maybe_future
from msgspec import structs
from tornado.httputil import HTTPInputError, url_concat
from traitlets.config import Config

from core.plugins.authenticator import Login
from web.authenticators.jupyterhub.application import App, make_application, paths_of
from web.authenticators.jupyterhub.asking import Answered, Asking, Traits, UserFacts
from web.authenticators.jupyterhub.base_handler import patch_base_handler
from web.authenticators.jupyterhub.database import open_database
from web.authenticators.jupyterhub.exchange import Exchange, request_of
from web.authenticators.jupyterhub.models import login_of, reconciled
from web.authenticators.jupyterhub.people import BridgedUser, Copies
from web.authenticators.jupyterhub.plan import Plan
from web.authenticators.jupyterhub.traits import settle_names, traits_of, values_of

logger = logging.getLogger("callboard.plugins")


class World:
    """Built in the thread, anew whenever another thread takes over."""

    def __init__(self, plan: Plan) -> None:
        patch_base_handler()
        self.hub = plan.hub
        self._db = open_database(plan.database)
        self._copies = Copies(self._db)
        self._app = App(plan, self._db)
        self._base = self._app.hub.base_url
        self._users = self._app.users
        self.authenticator = self._app.authenticator
        settle_names(self.authenticator)
        self.application = make_application(self._app, plan.extra_handlers, world=self)

    # --- asked by the hub ---

    async def traits(self) -> Traits:
        found = traits_of(self.authenticator, paths_of(self.application), self._base)
        if not self.authenticator.manage_roles:
            return found
        return structs.replace(found, roles=tuple(await self.authenticator.load_managed_roles()))

    async def values_of(self, kind: type[Any], config: Config) -> dict[str, Any]:
        """What an authenticator of this class would have, of what is common to all."""
        made = kind(config=config, parent=self._app, _deprecated_db_session=self._db)
        settle_names(made)
        return values_of(made)

    async def change(self, values: Mapping[str, Any]) -> None:
        """Of the authenticator in use."""
        for name, value in values.items():
            setattr(self.authenticator, name, value)
        settle_names(self.authenticator)
        self._allow_existing(user.name for user in self._db.query(orm.User))

    async def authenticate(self, asking: Asking, fields: Mapping[str, Any] | None) -> Login | None:
        """`fields`: of the login form; None where the request itself says who it is from."""
        handler = self._handler(asking)
        found = await self.authenticator.get_authenticated_user(handler, fields)
        if not found:
            return None
        return login_of(self.authenticator, await reconciled(self.authenticator, found, self.hub))

    async def serve(self, asking: Asking) -> Answered:
        try:
            return await Exchange(asking).answer(self.application)
        except HTTPInputError:
            return Answered(400, "Bad Request", (), b"")

    async def refresh(self, facts: UserFacts, asking: Asking) -> Login | bool:
        """True: the login stands as it is. False: this person must log in again."""
        user = self.user_of(facts)
        found = await maybe_future(self.authenticator.refresh_user(user, self._handler(asking)))
        if not found or found is True:
            return bool(found)
        model = {"auth_state": await user.get_auth_state(), **found, "name": user.name}
        return login_of(self.authenticator, await reconciled(self.authenticator, model, self.hub))

    async def login_html(self, shown: Mapping[str, str]) -> str:
        """HTML in place of the form, or `""`. It is a template: MultiAuthenticator's is. Source: JupyterHub 6.1.1."""
        html = self.authenticator.get_custom_html(self._base)
        if not html:
            return ""
        template = self.application.settings["jinja2_env_sync"].from_string(html)
        login_url = self.authenticator.login_url(self._base)
        leads_to = url_concat(login_url, {"next": shown["next"]}) if shown["next"] else login_url
        more = {"login_url": self.application.settings["login_url"], "authenticator_login_url": leads_to}
        return str(template.render(**shown, **more, authenticator=self.authenticator))

    async def before_start(self, facts: UserFacts, spawner: Any) -> None:
        await maybe_future(self.authenticator.pre_spawn_start(self.user_of(facts), spawner))

    async def after_stop(self, facts: UserFacts, spawner: Any) -> None:
        await maybe_future(self.authenticator.post_spawn_stop(self.user_of(facts), spawner))

    # --- people ---

    async def know(self, changed: Sequence[UserFacts]) -> None:
        """What there is to know of these of the hub's users."""
        self._copies.take(changed)
        self._allow_existing(facts.name for facts in changed if facts.name)
        for facts in changed:
            if not facts.name and (row := self._copies.row(facts)) is not None:
                await self._forget(row)

    async def forget_others(self, known: Collection[str], groups: Collection[str]) -> None:
        """Who has gone while nobody looked. `known`: the ids of all users there are; `groups`: all names."""
        self._copies.keep_groups(groups)
        for row in self._copies.others(known):
            await self._forget(row)

    async def check(self, facts: UserFacts) -> None:
        """Raises what `add_user` raises for somebody who could not log in."""
        await maybe_future(self.authenticator.add_user(self.user_of(facts)))

    async def check_new(self, name: str) -> None:
        """The same of somebody who is to become a user. Where it raises nothing is left of them."""
        user = self.user_called(name)
        try:
            await maybe_future(self.authenticator.add_user(user))
        except Exception:
            self._drop(user.orm_user)
            raise

    def user_called(self, name: str) -> BridgedUser:
        """Also where the hub does not know them yet."""
        return self._users[self._copies.provisional(name)]

    def user_of(self, facts: UserFacts) -> BridgedUser:
        self._copies.take([facts])
        return self._users[self._copies.row(facts)]

    def _allow_existing(self, names: Iterable[str]) -> None:
        if self.authenticator.allow_existing_users:
            self.authenticator.allowed_users |= set(names)

    async def _forget(self, row: Any) -> None:
        try:
            await maybe_future(self.authenticator.delete_user(self._users[row]))
        except Exception:
            logger.exception("the authenticator cannot delete user %s", row.name)
        self._drop(row)

    def _drop(self, row: Any) -> None:
        self._users.pop(row.id, None)
        self._copies.remove(row)

    def _handler(self, asking: Asking) -> LoginHandler:
        """For code that wants a handler where no page is asked for."""
        handler = LoginHandler(self.application, request_of(Exchange(asking)))
        handler._jupyterhub_user = handler.find_user(asking.user) if asking.user else None
        handler._resolve_roles_and_scopes()
        return handler


class OfTheHub(Authenticator):  # type: ignore[misc]  # JupyterHub has no types
    """What `extra_handlers` know as the authenticator where the hub's own is in use: its traits, and no way in."""
