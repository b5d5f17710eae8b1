"""A share code: a secret that whoever has it can turn into a share of one server, until it expires.

The log holds its digest only. A code has 256 bits of chance in it, so one SHA-256 says nothing about it.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final, assert_never

from msgspec import Struct

from core.errors import AlreadyExistsError, InvalidError, NotFoundError
from core.events.share import ShareCodeEvent, ShareCodeExchanged, ShareCodeIssued, ShareCodeRevoked

CODE_PATTERN: Final = "[A-Za-z0-9_-]{43}"
MIN_LIFE, DEFAULT_LIFE, MAX_LIFE = 60, 86_400, 365 * 86_400  # seconds


def new_code() -> str:
    """43 characters that a URL can carry as they are."""
    return secrets.token_urlsafe(32)


def check_life(seconds: int) -> int:
    if not MIN_LIFE <= seconds <= MAX_LIFE:
        raise InvalidError(f"expires_in is a number of seconds from {MIN_LIFE} to {MAX_LIFE} (a year).")
    return seconds


class NoCode(Struct, frozen=True):
    """Never issued, or revoked."""


class Code(Struct, frozen=True):
    owner: str
    server: str
    scopes: frozenset[str]
    expires_at: datetime


AnyCode = NoCode | Code


class Issue(Struct, frozen=True):
    owner: str
    server: str
    digest: str
    scopes: frozenset[str]
    expires_at: datetime
    prefix: str = ""


class Exchange(Struct, frozen=True):
    """`user`: who is to have a share by it."""

    user: str
    at: datetime


class Revoke(Struct, frozen=True):
    pass


Command = Issue | Exchange | Revoke


def decide(code: AnyCode, command: Command) -> list[ShareCodeEvent]:
    match command:
        case Issue():
            if isinstance(code, Code):
                raise AlreadyExistsError("This share code has been issued already.")
            scopes = sorted(command.scopes)
            return [
                ShareCodeIssued(
                    command.owner,
                    command.server,
                    command.digest,
                    scopes,
                    command.expires_at,
                    prefix=command.prefix,
                )
            ]
        case Exchange():
            return _exchange(code, command)
        case Revoke():
            return [ShareCodeRevoked()] if isinstance(code, Code) else []
        case _:
            assert_never(command)


def _exchange(code: AnyCode, command: Exchange) -> list[ShareCodeEvent]:
    if isinstance(code, NoCode) or code.expires_at <= command.at:
        raise NotFoundError("There is no such share code, or it has expired.")
    if code.owner == command.user:
        raise InvalidError("This code shares a server of your own: give it to somebody else.")
    return [ShareCodeExchanged(command.user)]


def evolve(code: AnyCode, event: ShareCodeEvent) -> AnyCode:
    match event:
        case ShareCodeIssued():
            return Code(event.owner, event.server, frozenset(event.scopes), event.expires_at)
        case ShareCodeExchanged():
            return code
        case ShareCodeRevoked():
            return NoCode()
        case _:
            assert_never(event)
