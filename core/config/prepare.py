"""Values of a config file that come in several forms, brought into the one that their setting has.

Each function takes what was given and returns what `core/config/validation.py` is to convert; it raises ValueError,
whose text says what is allowed.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable
from typing import Any

from core.config.trait_names import PROXIES

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def words(value: Any) -> Any:
    """A command of one word may be given as just that."""
    return [value] if isinstance(value, str) else value


def _hex(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _log_level(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        value = logging.getLevelName(value)
    if value not in ("NOTSET", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("expected DEBUG, INFO, WARN, ERROR, CRITICAL or their numbers 0, 10, ..., 50")
    return value


def _keys(value: Any) -> Any:
    """Raw keys as hex; one alone is a list of one."""
    given = [value] if isinstance(value, str | bytes) else value
    return [_hex(key) for key in given] if isinstance(given, list | tuple) else given


def _none_is_unset(value: Any) -> Any:
    return "" if value is None else value


def class_name(names: dict[str, str]) -> Callable[[Any], str]:
    """`names`: from what may be said for a class to its name; of each the first is the short one."""
    short = {name: short for short, name in reversed(names.items())}

    def canonical(value: Any) -> str:
        """The short name of a class that is given as such, or by its short or dotted name."""
        text = f"{value.__module__}.{value.__qualname__}" if isinstance(value, type) else str(value)
        if text.lower() in names:
            return short[names[text.lower()]]
        module, _, name = text.rpartition(".")
        if name in short and module.partition(".")[0] in (
            "",
            "jupyterhub",
            "oauthenticator",
            "spawners",
            "web",
        ):
            return short[name]
        raise ValueError(f"the ones there are: {', '.join(sorted(set(short.values())))}")

    return canonical


def _function(value: Any, expected: str = "a function, or None", *, none: bool = True) -> Any:
    if not callable(value) and not (none and value is None):
        raise ValueError(f"expected {expected}")
    return value


def _options_to_traits(value: Any) -> Any:
    if isinstance(value, dict):
        if not all(isinstance(name, str) for pair in value.items() for name in pair):
            raise ValueError("expected a dict from the names of options to those of the spawner's settings")
        return dict(value)
    return _function(value)


def _text_or_function(value: Any) -> Any:
    if value is None:
        return ""
    if not isinstance(value, str):
        return _function(value, "a text, or a function that gives one")
    return value


def _count_or_function(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return _function(
        value, "a number of servers (0: no limit), or a function of the request's handler", none=False
    )


def _scopes_or_function(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(scope, str) for scope in value):
        return list(value)
    return _function(value, "a list of scopes, or a function of the spawner that gives one", none=False)


def _overrides(value: Any) -> Any:
    """`{key: {"groups": [...], "spawner_override": {setting: value or function}}}`, or a function that gives it."""
    return (
        check_overrides(value)
        if isinstance(value, dict)
        else _function(value, "a dict or a function", none=False)
    )


def check_overrides(value: Any) -> Any:
    """Raises ValueError for what is no such dict."""
    for key, override in value.items():
        if not isinstance(override, dict) or set(override) != {"groups", "spawner_override"}:
            raise ValueError(f"[{key!r}]: expected a dict with 'groups' and 'spawner_override'")
        groups, changes = override["groups"], override["spawner_override"]
        if not isinstance(groups, list | tuple | set | frozenset) or not isinstance(changes, dict):
            raise ValueError(f"[{key!r}]: expected a list of groups and a dict of settings")  # noqa: TRY004
    return value


def byte_size(value: Any) -> Any:
    """A number of bytes, which may end in K, M, G or T (of 1024)."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, float) and 0 <= value < 2**63:
        return int(value)
    match = (
        re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]?)B?", value.upper())
        if isinstance(value, str)
        else None
    )
    if match is None:
        raise ValueError("expected a number of bytes such as 1073741824, '512M' or '1.5G'")
    return int(float(match[1]) * _UNITS.get(match[2], 1))


def _networks(value: Any) -> Any:
    for item in value if isinstance(value, list | tuple | set) else ():
        try:
            ipaddress.ip_network(item, strict=False)
        except ValueError:
            raise ValueError("expected IP addresses, or networks such as 10.0.0.0/8") from None
    return list(value) if isinstance(value, tuple | set) else value


def _subdomain_hook(value: Any) -> Any:
    return (
        value if value in ("idna", "legacy") else _function(value, "idna, legacy or a function", none=False)
    )


def _form_reader(value: Any) -> Any:
    return value if value in ("passthrough", "simple") else _function(value)


def _log_handlers(value: Any) -> Any:
    found = value() if callable(value) else value
    if not isinstance(found, list) or not all(isinstance(handler, logging.Handler) for handler in found):
        raise ValueError("expected a list of logging handlers")
    return found


def _handlers(value: Any) -> Any:
    """Of tornado: a path below `/hub`, a class (or where it is), and maybe what it is begun with, and a name."""
    if not isinstance(value, list | tuple):
        raise ValueError("expected a list of handlers, each (path, class) or (path, class, arguments)")  # noqa: TRY004
    for item in value:
        if not (isinstance(item, list | tuple) and 2 <= len(item) <= 4 and isinstance(item[0], str)):
            raise ValueError("expected a list of handlers, each (path, class) or (path, class, arguments)")
    return list(value)


PREPARE: dict[str, Callable[[Any], Any]] = {
    "pre_spawn_hook": _function,
    "post_stop_hook": _function,
    "auth_state_hook": _function,
    "post_auth_hook": _function,
    "keys": _keys,
    "user_redirect_hook": _function,
    "options_form": _text_or_function,
    "default_url": _text_or_function,
    "username_claim": _text_or_function,
    "username_key": _text_or_function,
    "claim_groups_key": _text_or_function,
    "auth_state_groups_key": _text_or_function,
    "named_server_limit_per_user": _count_or_function,
    "server_token_scopes": _scopes_or_function,
    "oauth_client_allowed_scopes": _scopes_or_function,
    "group_overrides": _overrides,
    "mem_limit": byte_size,
    "mem_guarantee": byte_size,
    "trusted_downstream_ips": _networks,
    "subdomain_hook": _subdomain_hook,
    "extra_log_handlers": _log_handlers,
    "progress_ready_hook": _function,
    "apply_user_options": _options_to_traits,
    "options_from_form": _form_reader,
    "handlers": _log_handlers,
    "extra_handlers": _handlers,
    "cmd": words,
    "command": words,
    "add_user_cmd": words,
    "cookie_secret": _hex,
    "log_level": _log_level,
    "hub_connect_url": _none_is_unset,
    "proxy_class": class_name(PROXIES),
}
