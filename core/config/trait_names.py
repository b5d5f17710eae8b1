"""The names a config file may use: JupyterHub's classes and traits, and which of them act here.

Those that are fields of our settings act. JupyterHub's others are kept in a table, so that "does not act yet"
and "no such thing" are told apart. Source: JupyterHub 6.1.1, the traits tagged `config` of each class.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from itertools import pairwise

from msgspec import Struct

from core import settings as config
from core.config.foreign import is_foreign
from core.config.notes import reason
from core.config.plugins.lineage import lineage, traits_of
from core.plugins.spawner_kind import SpawnerKind

AUTHENTICATORS = {
    "pam": "PAMAuthenticator",
    "default": "PAMAuthenticator",
    "dummy": "DummyAuthenticator",
    "null": "NullAuthenticator",
    "shared-password": "SharedPasswordAuthenticator",
    "oidc": "OIDCAuthenticator",
    "generic-oauth": "GenericOAuthenticator",
}

PROXIES = {
    "callboard": "Proxy",
    "default": "Proxy",
    config.CHP: "ConfigurableHTTPProxy",
    "configurablehttpproxy": "ConfigurableHTTPProxy",
    "jupyterhub.proxy.configurablehttpproxy": "ConfigurableHTTPProxy",
}

PARENT = {
    "JupyterHub": "Application",
    "LocalAuthenticator": "Authenticator",
    "PAMAuthenticator": "LocalAuthenticator",
    "DummyAuthenticator": "Authenticator",
    "NullAuthenticator": "Authenticator",
    "SharedPasswordAuthenticator": "Authenticator",
    "OAuthenticator": "Authenticator",
    "GenericOAuthenticator": "OAuthenticator",
    "OIDCAuthenticator": "OAuthenticator",
    "ConfigurableHTTPProxy": "Proxy",
    "HubOAuth": "HubAuth",
}

STRUCTS: dict[str, type[Struct]] = {
    "JupyterHub": config.HubSettings,
    "Proxy": config.ProxySettings,
    "ConfigurableHTTPProxy": config.ConfigurableHTTPProxySettings,
    "Spawner": config.SpawnerSettings,
    "Authenticator": config.AuthenticatorSettings,
    "DummyAuthenticator": config.DummySettings,
    "SharedPasswordAuthenticator": config.SharedPasswordSettings,
    "LocalAuthenticator": config.LocalUsersSettings,
    "PAMAuthenticator": config.PAMSettings,
    "OAuthenticator": config.OIDCSettings,
    "CryptKeeper": config.CryptSettings,
    "Callboard": config.CallboardSettings,
    "EventLogger": config.EventLoggerSettings,
    "StartAPI": config.StartAPISettings,
}

SECTION_OF = {settings: name for name, settings in STRUCTS.items()}


def section_of(part: Struct, name: str) -> str:
    """The class of a configuration that has this setting; of a spawner's settings the most general one."""
    if isinstance(part, config.AuthenticatorSettings):
        return SECTION_OF[config.AuthenticatorSettings]
    if not isinstance(part, config.SpawnerSettings):
        return SECTION_OF[type(part)]
    mro = [base for base in type(part).__mro__ if issubclass(base, config.SpawnerSettings)]
    return next(base.section for base in reversed(mro) if name in base.__struct_fields__)


# Act as well, but are folded into others: the first two into `bind_url`, the rest into `c.ConfigurableHTTPProxy`'s, ...
PARTS = {
    "JupyterHub": frozenset(
        {
            "ip",
            "port",
            "proxy_api_ip",
            "proxy_api_port",
            "proxy_auth_token",
            "proxy_check_interval",
            "proxy_cmd",
            "debug_proxy",
        }
    )
}
# ... and these, which JupyterHub has deprecated, into the trait that took their place.
MOVED = {
    ("JupyterHub", "admin_users"): ("Authenticator", "admin_users"),
    ("Authenticator", "whitelist"): ("Authenticator", "allowed_users"),
    ("LocalAuthenticator", "group_whitelist"): ("LocalAuthenticator", "allowed_groups"),
}
# The same trait by an older name; where both are given, the newer counts. Source: oauthenticator 17, all it deprecates.
RENAMED = {
    ("OAuthenticator", "username_key"): "username_claim",
    ("OAuthenticator", "extra_params"): "token_params",
    ("OAuthenticator", "tls_verify"): "validate_server_cert",
}

_JUPYTERHUB: dict[str, str] = {
    "Application": "log_datefmt log_format log_level logging_config show_config show_config_json",
    "JupyterHub": """
        active_server_limit active_user_window activity_resolution admin_access admin_users
        allow_existing_invalid_named_servers allow_named_servers answer_yes api_page_default_limit
        api_page_max_limit api_tokens authenticate_prometheus authenticator_class base_url bind_url
        cleanup_proxy cleanup_servers concurrent_spawn_limit config_file confirm_no_ssl
        cookie_host_prefix_enabled cookie_max_age_days cookie_secret cookie_secret_file custom_scopes
        data_files_path db_kwargs db_url debug_db debug_proxy default_server_name default_url
        external_ssl_authorities extra_handlers extra_log_file extra_log_handlers extra_user_scopes
        forwarded_host_header generate_certs generate_config hub_bind_url hub_connect_ip hub_connect_port
        hub_connect_url hub_ip hub_port hub_routespec hub_socket_mode implicit_spawn_seconds
        init_spawners_timeout internal_certs_location internal_ssl ip jinja_environment_options
        last_activity_interval load_groups load_roles logo_file named_server_limit_per_user
        oauth_require_pkce oauth_token_expires_in pid_file port proxy_api_ip proxy_api_port
        proxy_auth_token proxy_check_interval proxy_class proxy_cmd public_url recreate_internal_certs
        redirect_to_server reset_db service_check_interval service_tokens services shutdown_on_logout
        spawner_class ssl_cert ssl_key subdomain_hook subdomain_host template_paths template_vars
        token_expires_in_max_seconds tornado_settings trust_user_provided_tokens trusted_alt_names
        trusted_downstream_ips upgrade_db use_legacy_stopped_server_status_code user_redirect_hook""",
    "Spawner": """
        apply_user_options args auth_state_hook cmd consecutive_failure_limit cpu_guarantee cpu_limit debug
        default_url disable_user_config env_keep environment group_overrides http_timeout hub_connect_url ip
        mem_guarantee mem_limit notebook_dir oauth_client_allowed_scopes oauth_roles options_form
        options_from_form poll_interval poll_jitter port post_stop_hook pre_spawn_hook progress_ready_hook
        server_token_scopes ssl_alt_names ssl_alt_names_include_local start_timeout""",
    "Authenticator": """
        admin_users allow_all allow_existing_users allowed_users any_allow_config auth_refresh_age
        auth_refresh_strict auto_login auto_login_oauth2_authorize blocked_users delete_invalid_users
        enable_auth_state manage_groups manage_roles otp_prompt post_auth_hook reconcile_auth_state_hook
        refresh_pre_spawn refresh_pre_stop request_otp reset_managed_roles_on_startup username_map
        username_pattern whitelist""",
    "LocalAuthenticator": "add_user_cmd allowed_groups create_system_users group_whitelist uids",
    "PAMAuthenticator": """
        admin_groups check_account encoding executor_threads open_sessions pam_normalize_username service""",
    "DummyAuthenticator": "password",
    "NullAuthenticator": "",
    "SharedPasswordAuthenticator": "user_password admin_password password_groups",
    # of oauthenticator 17, which these stand in for
    "OAuthenticator": """
        custom_403_message http_proxy http_request_kwargs modify_auth_state_hook
        refresh_user_hook userdata_token_method""",
    "Proxy": "extra_routes should_start",
    "ConfigurableHTTPProxy": """
        api_url auth_token check_running_interval command command_umask concurrency debug log_level
        pid_file""",
    "EventLogger": "handlers",
    "PeriodicMetricsCollector": """
        active_users_enabled active_users_update_interval event_loop_interval_enabled
        event_loop_interval_log_threshold event_loop_interval_resolution""",
    "CryptKeeper": "keys n_threads",
    "JupyterHubHTTPClient": "connector_options session_options",
    "HubAuth": """
        access_scopes allow_token_in_url allow_websocket_cookie_auth api_token api_url base_url
        cache_max_age cookie_options hub_host hub_prefix login_url""",
    "HubOAuth": """
        oauth_authorization_url oauth_client_id oauth_redirect_uri oauth_state_max_age oauth_token_url
        pkce_enabled""",
    "JupyterHubSingleUser": "hub_activity_interval hub_activity_url",
}

KNOWN_OF_JUPYTERHUB = {section: frozenset(traits.split()) for section, traits in _JUPYTERHUB.items()}


class Names:
    """All classes and traits that a configuration may name: the hub's own, and those that its spawners declare."""

    def __init__(self, spawners: Sequence[SpawnerKind]) -> None:
        self.spawners = {name.lower(): kind.section for kind in spawners for name in kind.names}
        self._kinds = {kind.section: kind for kind in spawners}
        self._parents = PARENT | {name: base for kind in spawners for name, base in kind.parents.items()}
        self.structs = _with_spawners(spawners)
        self.known = KNOWN_OF_JUPYTERHUB | {
            kind.section: kind.known | kind.reasons.keys() for kind in spawners
        }
        self.classes = frozenset(self.known) | frozenset(self.structs) | frozenset(self._parents)
        self._of_plugins: dict[str, frozenset[str]] = {}

    def with_plugins(self, classes: Iterable[type]) -> Names:
        """With these classes of JupyterHub's kind: their traits act, as do those of what they are derived from."""
        found = copy(self)
        found._parents, found._of_plugins = dict(self._parents), dict(self._of_plugins)
        for each in classes:
            line = lineage(each)
            names = list(dict.fromkeys(base.__name__ for base in line))  # one may be called as its base is
            found._parents |= {child: parent for parent, child in pairwise(names)}
            found._of_plugins |= {base.__name__: traits_of(base) for base in line}
        found.classes = self.classes | found._of_plugins.keys()
        return found

    def spawner(self, name: str) -> SpawnerKind:
        """`name`: what `c.JupyterHub.spawner_class` says."""
        return self._kinds[self.spawners[name]]

    def lineage(self, name: str) -> list[str]:
        """The class with its ancestors, the most general first: the later one's section wins."""
        parent = self._parents.get(name)
        return [*self.lineage(parent), name] if parent else [name]

    def own_settings(self, section: str) -> list[str]:
        """The names of the settings that this class adds to those of its ancestors."""
        if section not in self.structs:
            return []
        inherited = getattr(self.structs[section].__base__, "__struct_fields__", ())
        return [name for name in self.structs[section].__struct_fields__ if name not in inherited]

    def acting_traits(self, section: str) -> set[str]:
        """What acts when set in `c.<section>`; an ancestor's section may set a descendant's traits."""
        found: set[str] = set()
        for name in self._family(section):
            found |= PARTS.get(name, frozenset())
            found |= {trait for owner, trait in (*MOVED, *RENAMED) if owner == name}
            found.update(self.own_settings(name))
            found.update(self._of_plugins.get(name, ()))
        return found

    def known_traits(self, section: str) -> set[str]:
        """`acting_traits`, and those that JupyterHub knows besides."""
        family = self._family(section)
        return self.acting_traits(section).union(*(self.known.get(name, ()) for name in family))

    def reason(self, section: str, name: str) -> str:
        """Why this trait has nothing to act on here; "" if it may act some day."""
        own = self._kinds[section].reasons if section in self._kinds else {}
        return own.get(name) or reason(self.lineage(section), name)

    def renamed(self, section: str) -> dict[str, str]:
        """From older names of what may be set in `c.<section>` to those that took their place."""
        lineage = self.lineage(section)
        return {old: new for (owner, old), new in RENAMED.items() if owner in lineage}

    def misspelt(self, section: str, among: Collection[str]) -> str:
        """Which of these classes is meant, if one is but for a letter or two; "" for any class there is."""
        if section in self.classes or is_foreign(section):
            return ""
        by_lower_case = {other.lower(): other for other in among}
        close = difflib.get_close_matches(section.lower(), by_lower_case, n=1, cutoff=0.85)
        return by_lower_case[close[0]] if close else ""

    def _family(self, section: str) -> set[str]:
        lineage = self.lineage(section)
        return {name for name in self.classes if name in lineage or section in self.lineage(name)}


def nearest(name: str, among: Collection[str]) -> str:
    """The known name that looks most like this one, or "" if none does."""
    by_lower_case = {other.lower(): other for other in sorted(among)}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[close[0]] if close else ""


def _with_spawners(kinds: Sequence[SpawnerKind]) -> dict[str, type[Struct]]:
    """The settings behind each class, those of spawners after what they have in common."""
    found: dict[str, type[Struct]] = {}
    for section, settings in STRUCTS.items():
        found[section] = settings
        if settings is config.SpawnerSettings:
            found |= {kind.settings.section: kind.settings for kind in kinds}
    return found
