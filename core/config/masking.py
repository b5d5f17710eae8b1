"""Settings and other values, as they may be shown: without what only the hub should know."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from core.settings import PluginSettings, Settings

HIDDEN = "(hidden)"

_SECRET = re.compile(
    r"token|secret|passw|pwd|passphrase|credential|auth_state|key|extra_params", re.IGNORECASE
)
_HARMLESS = frozenset(  # where a secret is, how long one lives: not what it is
    {
        "auth_state_groups_key",
        "auth_state_hook",
        "claim_groups_key",
        "cookie_secret_file",
        "enable_auth_state",
        "oauth_token_expires_in",
        "server_token_scopes",
        "ssl_key",
        "token_expires_in_max_seconds",
        "token_url",
        "trust_user_provided_tokens",
        "userdata_from_id_token",
        "username_key",
    }
)
_KEYED_BY_TOKEN = frozenset({"api_tokens", "service_tokens", "tokens"})
_DEEPEST = 20
_URL_USER = re.compile(r"://[^/@\s]+@")
_OPTION = re.compile(r"((?:token|secret|passw|pwd|passphrase|credential|key)\w*=)\S+", re.IGNORECASE)
_PLAIN = (str, bytes, bool, int, float, list, tuple, set, frozenset, dict, type(None))


def describe(settings: Settings) -> dict[str, Any]:
    """All settings as JSON, secrets hidden."""
    return {part: mask(values) for part, values in _plain(settings).items()}


def _plain(value: Any, depth: int = 0) -> Any:
    """As JSON has it; functions by their names. What holds itself is cut off."""
    if depth > _DEEPEST:
        return "..."
    match value:
        case PluginSettings():
            return _plain(value.traits, depth)
        case Struct():
            return {name: _plain(getattr(value, name), depth + 1) for name in value.__struct_fields__}
        case dict():
            return {str(key): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, depth + 1) for item in value]
        case set() | frozenset():
            return sorted((_plain(item, depth + 1) for item in value), key=str)
        case str() | bool() | int() | float() | None:
            return value
        case bytes():
            return value.hex()
        case _:
            return f"{kind_of(value)} {getattr(value, '__qualname__', '')}".rstrip()


def kind_of(value: Any) -> str:
    """The name of its type; of a class, whose type would be its metaclass, that it is one."""
    return "class" if isinstance(value, type) else type(value).__name__


def is_secret(name: str) -> bool:
    """Whether a setting or an environment variable of this name holds something to keep to oneself."""
    return name not in _HARMLESS and _SECRET.search(name) is not None


def mask(value: Any, name: str = "") -> Any:
    """The same value with every secret hidden. `name`: of the setting or variable it belongs to."""
    match value:
        case dict() if name in _KEYED_BY_TOKEN:
            return {f"{HIDDEN} {number}": mask(item) for number, item in enumerate(value.values(), 1)}
        case dict():
            return {key: mask(item, str(key)) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return type(value)(mask(item, name) for item in value)
        case _ if is_secret(name) and value not in ("", None):
            return HIDDEN
        case str():
            return _OPTION.sub(rf"\1{HIDDEN}", _URL_USER.sub(f"://{HIDDEN}@", value))
        case _:
            return value


def show(value: Any, name: str = "", length: int = 60) -> str:
    """The value for a line of text: hidden if it belongs to a secret, else its `repr`, cut to `length`."""
    if is_secret(name) or (name == "environment" and not isinstance(value, dict)):
        return HIDDEN
    if type(value) not in _PLAIN:
        return f"the class {value.__name__}" if isinstance(value, type) else f"a {kind_of(value)}"
    text = repr(mask(value, name))
    return text if len(text) <= length else f"{text[: length - 3]}..."
