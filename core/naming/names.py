"""Names of users and servers: what is valid, and how they look in a URL.

Source of the rules: JupyterHub 6 (server names follow DNS labels; user names are whatever a login allows).
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, unquote

from core.errors import InvalidError

MAX_SERVER_NAME = 30
MAX_USER_NAME = 255
MAX_DISPLAY_NAME = 255

_NOT_IN_NAME = re.compile(r"[^a-z0-9]+")
_SERVER_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?!-))*")


def normalize_user_name(name: str) -> str:
    """As JupyterHub stores it: lower case."""
    return name.lower()


def check_user_name(name: str) -> str:
    """The name itself. Raises InvalidError for a name no URL could carry safely."""
    if not name or len(name) > MAX_USER_NAME:
        raise InvalidError(f"A user name has 1 to {MAX_USER_NAME} characters.")
    if name != name.strip():
        raise InvalidError("A user name neither starts nor ends with a blank.")
    if any(_is_path_trick(form) for form in (name, unquote(name))):
        raise InvalidError(f"Invalid user name: {name!r} (no slash, no control characters, not only dots).")
    return name


def _is_path_trick(name: str) -> bool:
    return (
        "/" in name or not name.strip(".") or any(unicodedata.category(char) in ("Cc", "Cs") for char in name)
    )


def check_server_name(name: str) -> str:
    """The name itself. Raises InvalidError if it is not a DNS label of at most 30 characters."""
    if len(name) > MAX_SERVER_NAME or not _SERVER_NAME.fullmatch(name) or name.endswith("-"):
        raise InvalidError(
            f"Invalid server name: {name!r}. It has 1 to {MAX_SERVER_NAME} characters of a-z, 0-9 and '-', "
            "starts with a letter, does not end with '-' and has no '--'."
        )
    return name


def name_from(title: str) -> str:
    """A server's name out of what somebody calls it: of `Däta Lab 2` `data-lab-2`; `""` where nothing is left.

    The home page's script does the same (`slug` in my-servers.js).
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", title) if not unicodedata.combining(char))
    name = _NOT_IN_NAME.sub("-", plain.lower()).strip("-")
    if name and not name[0].isalpha():
        name = f"x-{name}"
    return name[:MAX_SERVER_NAME].rstrip("-")


def check_any_server_name(name: str) -> str:
    """The wider rule of `c.Callboard.allow_any_server_name`: what one URL segment can carry."""
    if not name or len(name) > MAX_USER_NAME or _is_path_trick(name) or _is_path_trick(unquote(name)):
        raise InvalidError(f"Invalid server name: {name!r} (no slash, no control characters, not only dots).")
    return name


def check_display_name(name: str) -> str:
    """The name in NFC. Raises InvalidError unless it is 1 to 255 printable characters, single inner blanks."""
    normal = unicodedata.normalize("NFC", name)
    if not 1 <= len(normal) <= MAX_DISPLAY_NAME:
        raise InvalidError(f"A display name has 1 to {MAX_DISPLAY_NAME} characters.")
    if normal != normal.strip() or "  " in normal or not normal.isprintable():
        raise InvalidError("A display name is printable text with single blanks inside and none at its ends.")
    return normal


def slug(text: str) -> str:
    """A valid server name that looks like the text: `POST API Server` is `post-api-server`.

    Source of the steps: JupyterHub's home page, for names that people type.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not name[:1].isalpha():
        name = f"x-{name}".rstrip("-")
    return name[:MAX_SERVER_NAME].rstrip("-")


def escape(name: str) -> str:
    """As one URL segment; `@` and `~` stay as they are, as in JupyterHub."""
    return quote(name, safe="@~")


def server_prefix(base_url: str, user: str, server: str) -> str:
    """The URL path of a server, with its final slash: `/user/alice/`, `/user/alice/lab/`."""
    tail = f"{escape(server)}/" if server else ""
    return f"{base_url}user/{escape(user)}/{tail}"


def server_client_id(user: str, server: str) -> str:
    """Of the OAuth client that a server is. Source of the form: JupyterHub 6."""
    name = f"jupyterhub-user-{quote(user, safe='/')}"
    return f"{name}-{quote(server, safe='/')}" if server else name


def full_name(user: str, server: str) -> str:
    """`alice/lab`, or `alice/` for the default server: how scopes name a server."""
    return f"{user}/{server}"
