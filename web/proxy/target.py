"""Where a request can be sent: `http://host:port`, with a path in front or not, or `http+unix://%2Fpath`."""

from urllib.parse import unquote, urlsplit

from msgspec import Struct


class Target(Struct, frozen=True):
    """`host` is a name, an address or, when `port` is 0, the path of a unix socket."""

    host: str
    port: int
    authority: bytes
    prefix: bytes = b""  # put before every path, as configurable-http-proxy does

    @property
    def is_unix(self) -> bool:
        return not self.port


def parse_target(url: str) -> Target:
    """Raises ValueError with a reason if nothing can be sent to `url`."""
    parts = urlsplit(url)
    prefix = parts.path.rstrip("/").encode("ascii")
    if parts.scheme == "http+unix" and parts.netloc:
        return Target(unquote(parts.netloc), 0, b"localhost", prefix)
    if parts.scheme != "http":
        raise ValueError(f"targets are http:// or http+unix://, not {url!r}")
    if not parts.hostname:
        raise ValueError(f"no host in {url!r}")
    return Target(parts.hostname, parts.port or 80, parts.netloc.rpartition("@")[2].encode("ascii"), prefix)
