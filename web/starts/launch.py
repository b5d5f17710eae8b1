"""How a start is prepared: the command that records it, and what its spawner is told.

A server's token is derived from the secret file and the spawn id: a hub that re-enters a start after a crash
gives the same token, and the log holds no more than its digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.config.roles import SERVER
from core.errors import ForbiddenError, InvalidError, SpawnError
from core.naming.ids import new_id
from core.naming.names import full_name, server_prefix
from core.naming.user_names import UserNames
from core.plugins.authenticator import SessionAuthenticator, StartAuthenticator
from core.plugins.hooks import Hooks
from core.plugins.plugin_hub import FormData
from core.plugins.profiles import PROFILE, engine_of, every_spawner, settings_of, with_options
from core.plugins.settings_environment import settings_environment
from core.plugins.spawner import Attempt, Telling, UserOptions
from core.scopes import Owner, cut
from core.secrets.secret_file import derive
from core.server import Spawning, Start
from core.settings import Settings, SpawnerSettings
from core.token import prefix_of, quick_digest
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.hook_views.handler import HandlerView
from web.rights.rights import Rights
from web.starts.environment import server_environment
from web.starts.kept_views import KeptViews
from web.starts.plugin_starts import PluginStarts
from web.starts.profile_form import FormOfProfiles, chosen_profile
from web.starts.profiles import Profiles
from web.starts.spawn_hooks import SpawnHooks, change_starts, look_back
from web.starts.start_authenticator import after_stop, before_start
from web.starts.start_form import FormOfConfiguration, FormOfPlugin, StartForm
from web.starts.views import Views

ACTIVITY = "users:activity!user"  # what every server's token allows


class Launch:
    def __init__(
        self,
        settings: Settings,
        secret: bytes,
        rights: Rights,
        views: Views,
        session_opener: Callable[[], SessionAuthenticator | None],
        start_authenticator: Callable[[], StartAuthenticator | None],
        names: UserNames,
        plugins: Mapping[str, PluginStarts],
    ) -> None:
        """As things are now: `session_opener`: who opens a session of the system around each server;
        `start_authenticator`: the way to log in that has a say in starts.

        `plugins`: by engine, where a class of JupyterHub's kind has the hooks and forms of starts itself.
        """
        self._plugins = plugins
        self._session_opener = session_opener
        self._start_authenticator = start_authenticator
        self.settings = settings  # replaced when the configuration is read anew
        self.views = views
        self.hooks = Hooks()
        self.profiles = Profiles(lambda: self.settings, rights, names)
        self.spawn_hooks = SpawnHooks(
            self.hooks,
            lambda user_options: settings_of(self.settings, user_options),
            settings.callboard.hook_timeout,
        )
        self._key = derive(secret, "server-token")
        self._rights = rights
        self._handlers: dict[str, HandlerView] = {}
        self._kept = KeptViews()

    async def command(self, user: UserRow, server: ServerRow, user_options: dict[str, Any] | None) -> Start:
        """Raises SpawnError where a function of the configuration fails or options are not allowed, InvalidError and
        ForbiddenError for a profile that is not there or not for them, ForbiddenError for who is blocked.
        """
        if why_not := self._why_not(server.id):
            raise ForbiddenError(why_not)
        options = _options(server, user_options)
        profile = self.profiles.choose(user, options)
        if profile is not None and PROFILE not in options:
            user_options = options = {**options, PROFILE: profile.name}
        with_options(self.settings, options)
        spawn_id = new_id("s")
        token = self.token(spawn_id, server.id, options)
        return Start(
            spawn_id,
            user.id,
            user.name,
            server.name,
            server_prefix(self.settings.hub.base_url, user.name, server.name),
            user_options,
            quick_digest(token),
            await self._scopes(user, server, options),
            client_scopes=await self._client_scopes(user, server, options),
            engine=engine_of(self.settings, options),
            token_prefix=prefix_of(token),
        )

    async def _scopes(self, user: UserRow, server: ServerRow, user_options: dict[str, Any]) -> list[str]:
        """Of the server's own token: what it is to have, as far as its user holds it now.

        `!user` and `!server` stay as they are, for both may be renamed while it runs.
        """
        wanted = settings_of(self.settings, user_options).server_token_scopes
        if callable(wanted):
            wanted = await self._told_scopes("server_token_scopes", user, server, user_options)
        rights = self._rights
        wanted = wanted or rights.scopes_of_role(SERVER)
        owner = Owner(user=user.name, server=full_name(user.name, server.name))
        return cut([*wanted, ACTIVITY], owner, rights.of_user(user), rights.memberships, rights.table)

    async def _client_scopes(
        self, user: UserRow, server: ServerRow, user_options: dict[str, Any]
    ) -> list[str]:
        """What visitors may let the server do in their name, besides letting them in."""
        wanted = settings_of(self.settings, user_options).oauth_client_allowed_scopes
        if not callable(wanted):
            return list(wanted)
        return await self._told_scopes("oauth_client_allowed_scopes", user, server, user_options)

    async def _told_scopes(
        self, option: str, user: UserRow, server: ServerRow, user_options: dict[str, Any]
    ) -> list[str]:
        if (plugin := self._plugin_of(user_options)) is not None:
            return await plugin.scopes(user, server, user_options, option)
        view = self.views.of_server(user, server, user_options)
        self._kept.peek(view)
        return await self.spawn_hooks.scopes(option, view)

    def _plugin_of(self, user_options: UserOptions) -> PluginStarts | None:
        return self._plugins.get(engine_of(self.settings, user_options))

    def token(self, spawn_id: str, server_id: str = "", user_options: UserOptions | None = None) -> str:
        """A class of JupyterHub's kind may start what it made before, which has the token of then: there it is the
        server's, valid while the hub has an attempt of it.
        """
        of_plugin = user_options is not None and self._plugin_of(user_options) is not None
        return derive(self._key, server_id if of_plugin else spawn_id).hex()

    async def attempt(self, server_id: str, spawning: Spawning, telling: Telling) -> Attempt:
        """Raises SpawnError where an option or a hook will not have it, and for who is blocked meanwhile."""
        if why_not := self._why_not(server_id):
            raise SpawnError(why_not, status=403)
        self._check_profile(server_id, spawning)
        token = self.token(spawning.spawn_id, server_id, spawning.user_options)
        environment = server_environment(self.settings, self.views.hosts, self.views.hub_url, spawning, token)
        if (opener := self._session_opener()) is not None:
            await opener.open_session(spawning.user_name)
        handler = self._handlers.pop(spawning.spawn_id, None)
        settings, options = await self._as_hooks_leave_it(server_id, spawning, environment, telling, handler)
        environment |= settings_environment(settings, _namespace(spawning))
        return Attempt(
            spawning.spawn_id,
            spawning.user_name,
            spawning.server_name,
            spawning.prefix,
            options,
            environment,
            settings,
            handler=handler,
        )

    def _why_not(self, server_id: str) -> str:
        """What keeps the server's user from starting anything; empty if nothing does."""
        owner = self._rights.blocked.owner(server_id)
        return "" if owner is None else f"User {owner.name} is blocked: nothing of theirs starts here."

    def _check_profile(self, server_id: str, spawning: Spawning) -> None:
        """The configuration may have changed while the start waited, or its user's rights. Raises SpawnError."""
        row = servers.by_id(self.views.db, server_id)
        owner = None if row is None else self._rights.known(row.user)
        if owner is None or PROFILE not in spawning.user_options:
            return
        try:
            self.profiles.choose(owner, spawning.user_options)
        except InvalidError as error:
            raise SpawnError(error.message, status=400) from error
        except ForbiddenError as error:
            raise SpawnError(error.message, status=403) from error

    def remember(self, spawn_id: str, view: Callable[[], HandlerView]) -> None:
        """Who asked for a start, for the hooks that want to know; dropped once they have run."""
        is_heard = any(map(change_starts, every_spawner(self.settings)))
        if is_heard or self._plugins or self._start_authenticator() is not None:
            self._handlers[spawn_id] = view()

    def forget(self, spawn_id: str) -> None:
        """It will not be begun."""
        self._handlers.pop(spawn_id, None)

    async def _as_hooks_leave_it(
        self,
        server_id: str,
        spawning: Spawning,
        environment: dict[str, str],
        telling: Telling,
        handler: HandlerView | None,
    ) -> tuple[SpawnerSettings, UserOptions]:
        """The spawner's settings, and the options of this start."""
        authenticator = self._start_authenticator()
        configured = settings_of(self.settings, spawning.user_options)
        if authenticator is None and not change_starts(configured):
            return with_options(self.settings, spawning.user_options), spawning.user_options
        view = self.views.of_start(server_id, spawning, environment, handler)
        self._kept.start(view)
        if authenticator is not None or look_back(configured):
            self._kept.keep(server_id, view)
        try:
            if authenticator is not None:
                await before_start(authenticator, view)
            return await self.spawn_hooks.prepare(view, telling), view.user_options
        finally:
            view.forget_request()

    async def for_form(
        self, owner: UserRow, server: ServerRow, handler: HandlerView, given: FormData
    ) -> StartForm:
        """`server`: also one that is yet to be. `given`: what was sent, with the profile if there are some.

        Raises SpawnError.
        """
        if not self.profiles.configured:
            return await self._own_form(owner, server, handler, None)
        there = self.profiles.open_to(owner)
        chosen = chosen_profile(there, given)
        by_profile = None if chosen is None else {PROFILE: chosen.name}
        own = None if chosen is None else await self._own_form(owner, server, handler, by_profile)
        return FormOfProfiles(there, chosen, own)

    async def _own_form(
        self, owner: UserRow, server: ServerRow, handler: HandlerView, options: UserOptions | None
    ) -> StartForm:
        """Of the spawner that is meant by these options."""
        if (plugin := self._plugin_of(options or {})) is not None:
            return FormOfPlugin(plugin, owner, server, handler)
        view = self.views.of_server(owner, server, options, handler)
        self._kept.look_at(view)
        await self.spawn_hooks.before_form(view)
        return FormOfConfiguration(self.spawn_hooks, settings_of(self.settings, options or {}), view)

    async def ready_event(self, user_name: str, server: ServerRow, event: dict[str, Any]) -> dict[str, Any]:
        """The event that says that a server is ready, as `progress_ready_hook` leaves it."""
        options = server.options() or {}
        if (plugin := self._plugin_of(options)) is not None:
            return await plugin.ready_event(server.id, event)
        if settings_of(self.settings, options).progress_ready_hook is None:
            return event
        view = self.views.of_id(server.id)
        if view is None:
            return event
        return await self.spawn_hooks.ready_event(self._kept.of(server.id, view), event)

    async def after_stop(self, server_id: str) -> None:
        """`post_stop_hook`, for a server of which nothing runs any more; and its session ends."""
        row = servers.by_id(self.views.db, server_id)
        options = (row and row.options()) or {}
        if (plugin := self._plugin_of(options)) is not None:
            await plugin.after_stop(server_id)
        hook, opener = settings_of(self.settings, options).post_stop_hook, self._session_opener()
        authenticator = self._start_authenticator()
        is_heard = any(one is not None for one in (hook, opener, authenticator))
        view = self.views.of_id(server_id) if is_heard else None
        if view is None:
            self._kept.end(server_id)
            return
        if hook is not None:
            await self.spawn_hooks.after_stop(self._kept.of(server_id, view))
        if authenticator is not None:
            await after_stop(authenticator, self._kept.of(server_id, view))
        self._kept.end(server_id)
        if opener is not None:
            await opener.close_session(view.user.name)


def _namespace(spawning: Spawning) -> dict[str, str]:
    """What is filled into templates among the settings."""
    return {
        "username": spawning.user_name,
        "servername": spawning.server_name,
        "base_url": spawning.prefix,
    }


def _options(server: ServerRow, given: UserOptions | None) -> UserOptions:
    """Of a start: those of the last one where none are given."""
    return given if given is not None else server.options() or {}
