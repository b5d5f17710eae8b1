"""The hub's settings, as structs. The names are those of JupyterHub's traits; times are seconds.

`core/config/file.py` reads them from a `jupyterhub_config.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta, Struct, field

CENTURY = 36_525 * 86_400  # seconds: longer than anybody means, and no calendar ends before it is over
Count = Annotated[int, Meta(ge=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(le=CENTURY)]  # JupyterHub has a use for negative ones, here and there
PositiveSeconds = Annotated[float, Meta(gt=0, le=CENTURY)]
FromZeroSeconds = Annotated[float, Meta(ge=0, le=CENTURY)]
WholeSeconds = Annotated[int, Meta(ge=0, le=CENTURY)]
Token = Annotated[str, Meta(min_length=8, max_length=64)]
LOG_NAME = "callboard.sqlite"  # of the log's file, where nobody says otherwise


class ConfigError(ValueError):
    """The hub cannot start with this configuration. One line for whoever wrote it, without a secret in it."""


class TornadoSettings(Struct, frozen=True):
    """The keys of `c.JupyterHub.tornado_settings` that mean something here."""

    slow_spawn_timeout: Seconds = 10
    slow_stop_timeout: Seconds = 10
    headers: dict[str, str] = {}
    cookie_options: dict[str, Any] = {}
    xsrf_cookie_kwargs: dict[str, Any] = {}
    user_redirect_limit: Count = 4
    no_cache_static: bool = False
    csp_report_uri: str = ""


class GroupSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One of `c.JupyterHub.load_groups`"""

    users: list[str] = []
    properties: dict[str, Any] | None = None  # None: as they are


class ServiceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One of `c.JupyterHub.services`. With a `command` it is managed: the hub starts and restarts it."""

    name: str
    admin: bool = False
    url: str = ""
    api_token: Token = ""
    command: list[str] = []
    environment: dict[str, str] = {}
    cwd: str = ""
    user: str = ""
    info: dict[str, Any] = {}
    display: bool = True
    timeout: Seconds = 30
    oauth_client_id: str = ""  # `service-NAME` once loaded
    oauth_redirect_uri: str = ""
    oauth_client_allowed_scopes: list[str] = []
    oauth_no_confirm: bool = False
    oauth_roles: list[str] = []


class HubSettings(Struct, frozen=True):
    """`c.JupyterHub`"""

    bind_url: str = "http://:8000"
    base_url: str = "/"
    public_url: str = ""
    hub_ip: str = "127.0.0.1"
    hub_port: Annotated[int, Meta(ge=1, le=65535)] = 8081
    hub_bind_url: str = ""
    hub_connect_ip: str = ""
    hub_connect_url: str = ""
    hub_routespec: str = ""  # which path of the public address leads to the hub; the base URL by default
    ssl_key: str = ""
    ssl_cert: str = ""
    subdomain_host: str = ""
    subdomain_hook: Any = "idna"  # or "legacy", or a function of the name, the domain and the kind
    trusted_downstream_ips: list[str] = []
    proxy_class: str = "callboard"
    db_url: str = f"sqlite:///{LOG_NAME}"
    upgrade_db: bool = False
    reset_db: bool = False
    cookie_secret: str = ""
    cookie_secret_file: str = "jupyterhub_cookie_secret"  # noqa: S105 -- a file's name
    cookie_max_age_days: Annotated[float, Meta(gt=0, le=CENTURY / 86_400)] = 14
    cookie_host_prefix_enabled: bool = False
    oauth_token_expires_in: WholeSeconds = 0  # seconds; 0: as long as cookies
    oauth_require_pkce: bool = False
    cleanup_servers: bool = True
    cleanup_proxy: bool = True
    init_spawners_timeout: Seconds = 0  # to wait for the servers found running before anybody is served
    api_tokens: dict[Token, str] = {}
    service_tokens: dict[Token, str] = {}
    services: list[ServiceSettings] = []
    service_check_interval: FromZeroSeconds = 60
    authenticate_prometheus: bool = True
    load_roles: list[dict[str, Any]] = []
    load_groups: dict[str, GroupSettings] = {}
    custom_scopes: dict[str, dict[str, Any]] = {}
    extra_user_scopes: set[str] = set()
    admin_access: bool = False
    token_expires_in_max_seconds: WholeSeconds = 0
    trust_user_provided_tokens: bool = False
    allow_named_servers: bool = False
    named_server_limit_per_user: Any = 0  # or a function of the request's handler
    default_server_name: str = ""
    concurrent_spawn_limit: Count = 100
    active_server_limit: Count = 0
    spawn_throttle_retry_range: tuple[int, int] = (30, 60)
    api_page_default_limit: Annotated[int, Meta(ge=1)] = 50
    api_page_max_limit: Annotated[int, Meta(ge=1)] = 200
    activity_resolution: Seconds = 30
    last_activity_interval: Seconds = 300
    spawner_class: str = "localprocess"
    authenticator_class: str = "pam"
    redirect_to_server: bool = True
    default_url: Any = ""  # or a function of the request's handler
    user_redirect_hook: Any = None
    implicit_spawn_seconds: FromZeroSeconds = 0
    use_legacy_stopped_server_status_code: bool = False
    shutdown_on_logout: bool = False
    template_paths: list[str] = []
    template_vars: dict[str, Any] = {}
    logo_file: str = ""
    data_files_path: str = ""
    tornado_settings: TornadoSettings = TornadoSettings()
    pid_file: str = ""
    log_level: str = "INFO"
    log_format: str = "[%(levelname).1s %(asctime)s %(name)s] %(message)s"
    log_datefmt: str = "%Y-%m-%d %H:%M:%S"
    logging_config: dict[str, Any] = {}
    extra_log_file: str = ""
    extra_log_handlers: list[Any] = []
    extra_handlers: list[Any] = []  # of tornado: (path below /hub, class) or (path, class, arguments)


class ProxySettings(Struct, frozen=True):
    """`c.Proxy`, whichever proxy is in use. `extra_routes`: from path (`/metrics/`) to URL, kept besides the hub's.

    `should_start`: False where the hub is to find a proxy that somebody else has started.
    """

    should_start: bool = True
    extra_routes: dict[str, str] = {}
    redirect_port: Port = 0
    redirect_to: Port = 0


Ignore = Callable[[str, str], None]
"""Told which part of a value does not act (`['stdin']`), and why."""
Prepare = Callable[[Any, Ignore], Any]
"""Brings a value that was given into the form of its setting. Raises ValueError, whose text says what is allowed."""


CHP = "configurable-http-proxy"  # the name of `c.JupyterHub.proxy_class`


def _chp_log_level(value: Any, _: Callable[[str, str], None]) -> Any:
    """As the program is told: in lower case."""
    if value not in ("debug", "info", "warn", "error"):
        raise ValueError("expected debug, info, warn or error")
    return value


class ConfigurableHTTPProxySettings(Struct, frozen=True):
    """`c.ConfigurableHTTPProxy`: JupyterHub's proxy, where `c.JupyterHub.proxy_class` names it

    `api_url`: where its REST API is, without `/api`. `auth_token`: as CONFIGPROXY_AUTH_TOKEN if empty.
    """

    prepare: ClassVar[Mapping[str, Prepare]] = {"log_level": _chp_log_level}

    api_url: str = "http://127.0.0.1:8001"
    auth_token: str = ""
    check_running_interval: PositiveSeconds = 5
    command: list[str] = field(default_factory=lambda: [CHP])
    command_umask: int = 0o007
    concurrency: Annotated[int, Meta(ge=1)] = 10
    debug: bool = False
    log_level: str = "info"
    pid_file: str = "jupyterhub-proxy.pid"


class SpawnerSettings(Struct, frozen=True):
    """`c.Spawner`, and what its subclasses' sections change

    A spawner with traits of its own declares them in a struct derived from this one. `section`: where a configuration
    sets those traits. `help`: a sentence or two for each, by subject and name. `prepare`: what brings those that may
    be given in several forms into the form of their type. `changeable`: those that a configuration which is read anew
    changes for the next start; the others wait for a restart of the hub.
    """

    section: ClassVar[str] = "Spawner"
    help: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    prepare: ClassVar[Mapping[str, Prepare]] = {}
    changeable: ClassVar[frozenset[str]] = frozenset()

    cmd: list[str] = field(default_factory=lambda: ["jupyterhub-singleuser"])
    args: list[str] = []
    environment: dict[str, Any] = {}  # texts, or functions of the spawner that make them
    env_keep: list[str] = field(
        default_factory=lambda: [
            "CONDA_DEFAULT_ENV",
            "CONDA_ROOT",
            "JUPYTERHUB_SINGLEUSER_APP",
            "LANG",
            "LC_ALL",
            "LD_LIBRARY_PATH",
            "PATH",
            "PYTHONPATH",
            "VIRTUAL_ENV",
        ]
    )
    ip: str = "127.0.0.1"
    port: Port = 0
    notebook_dir: str = ""
    default_url: str = ""
    debug: bool = False
    disable_user_config: bool = False
    start_timeout: FromZeroSeconds = 60
    http_timeout: FromZeroSeconds = 30
    poll_interval: Seconds = 30
    poll_jitter: Annotated[float, Meta(ge=0, le=1)] = 0.1
    consecutive_failure_limit: Count = 0  # starts that fail one after another, after which the hub gives up
    hub_connect_url: str = ""
    mem_limit: int | None = None  # bytes; told to the server, kept to by spawners that can
    mem_guarantee: int | None = None
    cpu_limit: float | None = None
    cpu_guarantee: float | None = None
    # Lists of scopes, or functions of the spawner that give them
    server_token_scopes: Any = field(default_factory=list)
    oauth_client_allowed_scopes: Any = field(default_factory=list)
    # Functions; see core/plugins/hooks.py. What they are called with is in web/hook_views/.
    pre_spawn_hook: Any = None
    post_stop_hook: Any = None
    auth_state_hook: Any = None
    apply_user_options: Any = None
    progress_ready_hook: Any = None
    options_form: Any = ""  # HTML, or a function of the spawner that makes it
    options_from_form: Any = None
    group_overrides: Any = field(default_factory=dict)

    @property
    def stop_timeout(self) -> Seconds:
        """How long a stop may take, from asking to killing. What is not gone by then is a leftover."""
        return 70

    @property
    def waiting_timeout(self) -> Seconds:
        """How long a start may wait in an engine's own queue, which is no part of `start_timeout`."""
        return 86_400

    @property
    def form(self) -> Any:
        """What people are asked before a start: HTML, or a function of the spawner that makes it; "" for nothing.

        A spawner that has something to choose from says so here, where no `options_form` is configured.
        """
        return self.options_form

    def with_options(self, user_options: Mapping[str, Any]) -> Self:
        """The settings of a start with these options. Raises SpawnError (400) for those that are not allowed."""
        del user_options
        return self


class PluginSettings(Struct, frozen=True):
    """A class of JupyterHub's kind, and what a configuration says of it. `kind`: None where ours is in use.

    `config`: all of it, for traitlets. `traits`: what is set of the class and of those it is derived from, by full name
    (`DockerSpawner.image`), for people.
    """

    kind: Any = None
    config: Any = None
    traits: dict[str, Any] = {}


class PluginSpawnerSettings(SpawnerSettings, frozen=True):
    """Of a spawner of JupyterHub's kind: of the common settings, those that the hub itself keeps to.

    All others are the class's own, hooks included: it has them from `plugin`.
    """

    plugin: PluginSettings = PluginSettings()

    @property
    def stop_timeout(self) -> Seconds:
        """For engines that give a server a minute, and more on their own account."""
        return 120


class SpawnerProfile(Struct, frozen=True):
    """One of `c.Callboard.spawner_profiles`: where a server may be started, and as what.

    `spawner`: the engine it is started in, by the name of its spawner. `settings`: of a start by this profile.
    `engine_settings`: the same without those of the profile, which its spawner is made with.
    `users`, `groups`, `roles`, `scopes`: who may choose it, by any of these; everybody where all are None.
    `concurrent_spawn_limit`, `active_server_limit`: of this profile, within those of the hub; 0: none of its own.
    """

    name: str
    title: str
    description: str
    spawner: str
    settings: SpawnerSettings
    engine_settings: SpawnerSettings
    users: list[str] | None = None
    groups: list[str] | None = None
    roles: list[str] | None = None
    scopes: list[str] | None = None
    concurrent_spawn_limit: Count = 0
    active_server_limit: Count = 0

    @property
    def is_for_all(self) -> bool:
        return self.users is self.groups is self.roles is self.scopes is None


class AuthenticatorSettings(Struct, frozen=True):
    """`c.Authenticator`"""

    admin_users: set[str] = set()
    allowed_users: set[str] = set()
    allow_all: bool = False
    blocked_users: set[str] = set()
    allow_existing_users: bool | None = None  # None: only where allowed_users names somebody
    enable_auth_state: bool = False
    manage_groups: bool = False
    manage_roles: bool = False
    reset_managed_roles_on_startup: bool = False
    username_pattern: str = ""
    username_map: dict[str, str] = {}
    any_allow_config: bool = False  # True: nobody needs to be told that nobody may log in
    auto_login: bool = False
    auto_login_oauth2_authorize: bool = False
    request_otp: bool = False
    otp_prompt: str = "OTP:"
    auth_refresh_age: Seconds = 300  # 0: never
    auth_refresh_strict: bool = False
    refresh_pre_spawn: bool = False
    refresh_pre_stop: bool = False
    delete_invalid_users: bool = False
    post_auth_hook: Any = None


class PluginAuthenticatorSettings(AuthenticatorSettings, frozen=True):
    """Of a way to log in of JupyterHub's kind: what is common to all is the hub's too, all else the class's own."""

    plugin: PluginSettings = PluginSettings()


class DummySettings(Struct, frozen=True):
    """`c.DummyAuthenticator`. `password`: the one that everybody has; empty: any will do."""

    password: str = ""


class SharedPasswordSettings(Struct, frozen=True):
    """`c.SharedPasswordAuthenticator`. `password_groups`: from password to the groups that it puts people into."""

    user_password: str = ""
    admin_password: str = ""
    password_groups: dict[str, list[str]] = {}


class LocalUsersSettings(Struct, frozen=True):
    """`c.LocalAuthenticator`: users of the hub who are users of the system

    `add_user_cmd`: USERNAME stands for the name, which also comes last. `uids`: of those that are made.
    """

    create_system_users: bool = False
    add_user_cmd: list[str] = field(
        default_factory=lambda: ["adduser", "-q", "--gecos", "", "--disabled-password"]
    )
    uids: dict[str, int] = {}
    allowed_groups: set[str] = set()


class PAMSettings(Struct, frozen=True):
    """`c.PAMAuthenticator`. `executor_threads`: how many logins at once; `pam_timeout` is ours: for one of them."""

    service: str = "login"
    encoding: str = "utf8"
    check_account: bool = True
    open_sessions: bool = False
    admin_groups: set[str] = set()
    pam_normalize_username: bool = False
    executor_threads: Annotated[int, Meta(ge=1)] = 4
    pam_timeout: Seconds = 30


class OIDCSettings(Struct, frozen=True):
    """`c.OIDCAuthenticator` and `c.GenericOAuthenticator`, and `c.OAuthenticator` for either

    With an `issuer` this is OpenID Connect: addresses are discovered, ID tokens are checked. Without one it is OAuth
    2.0, and `userdata_url` says who somebody is. Names and defaults, where there are any, are oauthenticator's.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    authorize_url: str = ""
    token_url: str = ""
    userdata_url: str = ""
    logout_redirect_url: str = ""  # where a logout here leads to
    oauth_callback_url: str = ""  # this hub's `/hub/oauth_callback` by default
    login_service: str = "OAuth 2.0"
    scope: list[str] = []
    username_claim: Any = "username"  # the name of a claim, or a function of all claims
    claim_groups_key: Any = ""  # likewise
    auth_state_groups_key: Any = ""  # the same, in or of the auth state
    allowed_groups: set[str] = set()
    allowed_scopes: set[str] = set()  # whoever has been granted all of these
    admin_groups: set[str] = set()
    extra_authorize_params: dict[str, str] = {}
    token_params: dict[str, str] = {}
    userdata_params: dict[str, str] = {}
    basic_auth: bool | None = None  # None: as the provider likes it
    enable_pkce: bool = True
    userdata_from_id_token: bool = False
    validate_server_cert: bool = True
    allow_unverified_email: bool = False
    allow_http: bool = False  # on this machine it always is
    algorithms: list[str] = field(default_factory=lambda: ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
    clock_leeway: Seconds = 30
    request_timeout: Seconds = 10


class CryptSettings(Struct, frozen=True):
    """`c.CryptKeeper`. `keys`: 32 bytes each, in hex or base64; the first encrypts, all decrypt."""

    keys: list[str] = []


Engine = Literal["own", "hypercorn"]  # what speaks HTTP on the hub's own port


class CallboardSettings(Struct, frozen=True):
    """`c.Callboard`: what JupyterHub has no word for"""

    allow_any_server_name: bool = False
    session_idle_timeout: FromZeroSeconds = (
        0  # after which an unused session is over; 0: never before its time
    )
    max_body_size: Annotated[int, Meta(ge=1024)] = 2**20
    spawn_queue_limit: Count = 1000  # starts that wait for their turn; 0: what is too much is refused
    spawn_queue_timeout: PositiveSeconds = 3600  # how long one may wait
    reconcile_interval: PositiveSeconds = 60  # between looks at what runs in an engine
    spawner_profiles: dict[
        str, SpawnerProfile
    ] = {}  # by name; the first that somebody may choose is their default
    stray_grace: Seconds = 60  # that something is let run although no server knows it
    reconcile_dry_run: bool = False  # True: strays are shown and told of, and nothing is ended
    state_dir: str = ""  # where launch files and outputs live; beside the log by default
    proxy_pid_file: str = "callboard-proxy.pid"
    mailbox_size: Annotated[int, Meta(ge=1)] = 100
    hook_timeout: PositiveSeconds = 30  # seconds for each hook outside of a start
    http_engine: Engine = "own"
    max_streams_per_user: Annotated[int, Meta(ge=1)] = 1000
    max_streams: Annotated[int, Meta(ge=1)] = 10_000
    log_style: Literal["auto", "text", "json"] = (
        "auto"  # auto: text on a terminal, else an object for each line
    )


class EventLoggerSettings(Struct, frozen=True):
    """`c.EventLogger`: where starts and stops are told in the form of JupyterHub's event log

    `handlers`: of Python's `logging`; without one nothing is told.
    """

    handlers: list[Any] = []


class StartAPISettings(Struct, frozen=True):
    """`c.StartAPI`: the one-call start of a server that the hub names after the option `name`

    `server_limit`: how many servers it may make for one user. Source of the defaults: Jupyter4NFDI's API.
    """

    default_user_options: dict[str, Any] = field(
        default_factory=lambda: {
            "option": "custom",
            "custom": {"customimage": "jupyter/minimal-notebook:latest"},
            "system": "deNBI-Cloud",
            "flavor": "m1",
            "name": "POST API Server",
        }
    )
    server_limit: Count = 15


class Settings(Struct, frozen=True):
    """`configurable_http_proxy`: read where that is the proxy that is in use."""

    hub: HubSettings = HubSettings()
    proxy: ProxySettings = ProxySettings()
    configurable_http_proxy: ConfigurableHTTPProxySettings = field(
        default_factory=ConfigurableHTTPProxySettings
    )
    spawner: SpawnerSettings = field(
        default_factory=SpawnerSettings
    )  # of the type that the one in use declares
    authenticator: AuthenticatorSettings = AuthenticatorSettings()
    callboard: CallboardSettings = CallboardSettings()
    dummy: DummySettings = DummySettings()
    shared_password: SharedPasswordSettings = SharedPasswordSettings()
    local_users: LocalUsersSettings = field(default_factory=LocalUsersSettings)
    pam: PAMSettings = PAMSettings()
    oidc: OIDCSettings = field(default_factory=OIDCSettings)
    crypt: CryptSettings = CryptSettings()
    event_logger: EventLoggerSettings = EventLoggerSettings()
    start_api: StartAPISettings = field(default_factory=StartAPISettings)


def database_path(db_url: str) -> str:
    """The file behind a loaded `db_url`; `:memory:` for a log that is not to be kept."""
    return db_url.removeprefix("sqlite://").removeprefix("/").partition("?")[0] or ":memory:"
