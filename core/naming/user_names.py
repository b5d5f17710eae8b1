"""What this hub calls its users: from the name a login or a client gives to the one that is stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from core.errors import InvalidError
from core.naming.names import check_user_name, normalize_user_name
from core.settings import ConfigError


class UserNames:
    """`c.Authenticator.username_pattern` and `username_map`, as JupyterHub applies them."""

    def __init__(self, pattern: str = "", renamed: Mapping[str, str] | None = None) -> None:
        """Raises ConfigError for a pattern that is none. It is matched from the name's start, not to its end."""
        try:
            self._pattern = re.compile(pattern) if pattern else None
        except re.error as error:
            raise ConfigError(f"c.Authenticator.username_pattern = {pattern!r}: {error}") from None
        self._renamed = dict(renamed or {})

    def normalize(self, name: str) -> str:
        lower = normalize_user_name(name)
        return self._renamed.get(lower, lower)

    def check(self, name: str) -> str:
        """The name itself. Raises InvalidError for one that this hub does not allow."""
        if self._pattern is not None and not self._pattern.match(name):
            raise InvalidError(f"Invalid user name: {name!r}; it does not match {self._pattern.pattern!r}.")
        return check_user_name(name)

    def stored(self, name: str) -> str:
        """The name as it is stored. Raises InvalidError, also for one that looks the same as another (NFC, UAX 15)."""
        if not unicodedata.is_normalized("NFC", name):
            raise InvalidError(f"Invalid user name: {name!r}; its characters are not in their composed form.")
        return self.check(self.normalize(name))
