"""What people are told when a login through a provider fails. Never with a token, a code or a secret."""

from __future__ import annotations

import logging
import re
from typing import Any

from core.errors import ForbiddenError, UnavailableError

logger = logging.getLogger("callboard.login")

_UNPRINTABLE = re.compile(r"[^ -~]+")


def distrusted(reason: str) -> ForbiddenError:
    """The provider's answer proves nothing. `reason`: such as "its ID token has expired"."""
    return ForbiddenError(f"The login provider's answer cannot be trusted: {reason}.")


def unusable(reason: str) -> ForbiddenError:
    """The provider says who it is, and this hub cannot make a user of it."""
    return ForbiddenError(f"The login provider does not say enough about you: {reason}.")


def unreachable(reason: str) -> UnavailableError:
    """`reason`: such as "login.example did not answer within 10 seconds"."""
    return UnavailableError(f"Nobody can log in right now: {reason}. Please try again in a moment.")


def quoted(value: Any, length: int = 80) -> str:
    """What somebody else has sent, for a line of text: printable, and short."""
    text = _UNPRINTABLE.sub("?", value if isinstance(value, str) else repr(value))
    return f'"{text}"' if len(text) <= length else f'"{text[: length - 3]}..."'
