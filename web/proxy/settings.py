"""What the proxy is told when it starts."""

from urllib.parse import urlsplit

from msgspec import Struct

from core.machine.bind_port import port_of


class Limits(Struct, frozen=True):
    """Bounds on what strangers may take. Times are seconds, sizes bytes."""

    head_size: int = 64 * 1024
    request_line: int = 32 * 1024
    head_timeout: float = 30.0  # from its first byte, or from the connection's beginning
    idle_timeout: float = 75.0  # between requests; also how long a peer may stall inside one
    connect_timeout: float = 10.0
    connections: int = 0  # 0: as many as the limit on open files leaves room for
    shutdown_grace: float = 5.0
    tunnel_grace: float = 10.0  # between the end of one direction of a WebSocket and that of the other


class ApiSettings(Struct, frozen=True):
    """For a proxy that a hub drives: where its API listens, and what configurable-http-proxy is told besides."""

    bind_url: str
    default_target: str = ""
    error_target: str = ""
    host_routing: bool = False


class ProxySettings(Struct, frozen=True):
    """`bind_url` is `http://HOST:PORT` or `http+unix://%2Fpath`, `hub_url` the hub's origin.

    `token`: by which the hub knows it, or it the hub that drives it. `away_page`: a file for the hub's page for when it
    is away, so that a proxy that is started then has it too.
    `redirect_port`: where plain http is sent on to https at port `redirect_to`, or else to the port of `bind_url`.
    """

    bind_url: str
    hub_url: str
    token: str
    base_url: str = "/"
    stream_url: str = ""  # "": below `hub_url` and `base_url`, where our hub has it
    ssl_key: str = ""
    ssl_cert: str = ""
    pid_file: str = ""
    away_page: str = ""
    redirect_port: int = 0
    redirect_to: int = 0
    activity_interval: float = 300.0
    name: str = ""  # what the hub calls it; "": by machine and address
    log_level: str = "info"
    api: ApiSettings | None = None  # None: it follows the hub
    limits: Limits = Limits()

    def __repr__(self) -> str:
        return f"ProxySettings(bind_url={self.bind_url!r}, hub_url={self.hub_url!r})"  # never the token

    @property
    def stream(self) -> str:
        return self.stream_url or f"{self.hub_url.rstrip('/')}{self.base_url}hub/api/proxy/stream"

    @property
    def redirect_url(self) -> str:
        """Where to listen for those who are sent on, on the host of `bind_url`; "" for nowhere."""
        host = urlsplit(self.bind_url).hostname or ""
        return (
            f"http://{f'[{host}]' if ':' in host else host}:{self.redirect_port}"
            if self.redirect_port
            else ""
        )

    @property
    def https_port(self) -> int:
        """To which they are sent; 0: to the one that is free when we listen."""
        return self.redirect_to or port_of(urlsplit(self.bind_url))

    @property
    def scheme(self) -> bytes:
        """What visitors speak to us."""
        return b"https" if self.ssl_cert else b"http"
