"""Where the API is: below `/hub/api`, and below `/api` too, for clients that speak to the public address."""

from __future__ import annotations

from functools import lru_cache


def api_prefixes(base_url: str) -> tuple[str, str]:
    """The paths that everything of the API comes behind, without a slash at their ends."""
    return f"{base_url}hub/api", f"{base_url}api"


def is_api(path: str, base_url: str) -> bool:
    return f"{path}/".startswith(_with_slashes(base_url))


@lru_cache(maxsize=8)
def _with_slashes(base_url: str) -> tuple[str, ...]:
    return tuple(f"{prefix}/" for prefix in api_prefixes(base_url))


def is_api_of_server(path: str, base_url: str) -> bool:
    """Whether a program meant the API of somebody's server, which is not there if the hub is asked."""
    rest = path.removeprefix(base_url).removeprefix("hub/")
    return rest.startswith("user/") and "api" in rest.split("/")[2:]
