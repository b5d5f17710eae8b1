"""On which host everything is: the hub on its own, and with subdomains each user's servers and each service on theirs.

A path says by itself whose it is, so its host is never stored: what runs under the name of then keeps the host of then.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote, urlsplit

from core.naming.subdomains import RULES, Kind, checked
from core.settings import HubSettings

_REMEMBERED = 20_000  # host names

_KINDS: dict[str, Kind] = {"user": "user", "services": "service"}  # by the segment behind the base URL


class Hosts:
    """`origin`: the hub's own, such as `https://hub.example`; `""` if nobody has said it."""

    def __init__(self, settings: HubSettings) -> None:
        self.base_url = settings.base_url
        self.origin = _origin(settings.public_url or settings.subdomain_host)
        self.has_subdomains = bool(settings.subdomain_host)
        parts = urlsplit(settings.subdomain_host)
        hook = settings.subdomain_hook
        self._rule = RULES[hook] if isinstance(hook, str) else checked(hook)
        self._scheme = parts.scheme
        self._domain = parts.hostname or ""
        self._port = f":{parts.port}" if parts.port else ""
        self._named = lru_cache(_REMEMBERED)(self._name)
        self._hub_hosts = frozenset({self._domain, urlsplit(self.origin).hostname or ""})

    @property
    def domain(self) -> str:
        """The one below which users have their hosts; empty without subdomains."""
        return self._domain

    def url(self, path: str) -> str:
        """Where this path of the public address is: a full URL with subdomains, else the path."""
        return f"{self._scheme}://{self._host(path)}{self._port}{path}" if self.has_subdomains else path

    def full_url(self, path: str) -> str | None:
        """The same in any case; None if nobody has said where the hub is."""
        if self.has_subdomains and self._owner(path):
            return self.url(path)
        return f"{self.origin}{path}" if self.origin else None

    def on_hub(self, path: str) -> str:
        """A path of the hub's own, with the hub's host if that is known."""
        return f"{self.origin}{path}"

    def spec(self, path: str) -> str:
        """The path of a server or a service as that of its route: `alice.hub.example/user/alice/`."""
        owner = self._owner(path) if self.has_subdomains else None
        return f"{self._named(*owner)}{path}" if owner else path

    def path_of(self, spec: str) -> str:
        """The path that this is the route of; an extra route is called by its host too."""
        path = spec[max(spec.find("/"), 0) :]
        return path if self.spec(path) == spec else spec

    def is_below(self, host: str) -> bool:
        """Whether a Host header names a host below the hub's, which is that of a user, a service or nobody."""
        name = host.partition(":")[0].lower()
        return self.has_subdomains and name not in self._hub_hosts and name.endswith(f".{self._domain}")

    def _host(self, path: str) -> str:
        owner = self._owner(path)
        return self._named(*owner) if owner else self._domain

    def _owner(self, path: str) -> tuple[str, Kind] | None:
        """Whose path this is. None: the hub's, or nobody's."""
        if not path.startswith(self.base_url):
            return None
        first, _, rest = path[len(self.base_url) :].partition("/")
        name = unquote(rest.partition("/")[0])
        kind = _KINDS.get(first)
        return (name, kind) if kind and name else None

    def _name(self, name: str, kind: Kind) -> str:
        return self._rule(name, self._domain, kind)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if url else ""
