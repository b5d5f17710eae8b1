"""API tokens: how they are made and recognised, and what can be asked of one. The log holds digests only.

A token the hub makes has 128 bits of chance in it, so one SHA-256 says nothing about it. A token that people
chose may be guessable: it is digested slowly, with the log's salt, and recognised by its first characters
before that work is done.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import assert_never

from msgspec import Struct

from core.errors import AlreadyExistsError, InvalidError, NotFoundError
from core.events.token import TokenEvent, TokenIssued, TokenRevoked

MIN_LENGTH, MAX_LENGTH = 8, 64  # of a token that people chose
HINT = 4
SLOW_ROUNDS = 16_384


def new_token() -> str:
    """32 hexadecimal digits."""
    return secrets.token_hex(16)


def quick_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def slow_digest(token: str, salt: str) -> str:
    """About a millisecond of work."""
    raw = hashlib.pbkdf2_hmac("sha256", token.encode(), bytes.fromhex(salt), SLOW_ROUNDS)
    return f"slow:{raw.hex()}"


def check_length(token: str) -> str:
    if not MIN_LENGTH <= len(token) <= MAX_LENGTH:
        raise InvalidError(f"A token has {MIN_LENGTH} to {MAX_LENGTH} characters.")
    return token


class NoToken(Struct, frozen=True):
    """Never issued, or revoked."""


class Token(Struct, frozen=True):
    owner: str
    scopes: list[str]
    expires_at: datetime | None


AnyToken = NoToken | Token


class Issue(Struct, frozen=True):
    owner: str
    digest: str
    scopes: list[str]
    note: str = ""
    expires_at: datetime | None = None
    hint: str = ""
    client: str = "jupyterhub"
    session_id: str | None = None


class Revoke(Struct, frozen=True):
    """`of_server`: the token came with the start of a server, so this is the first its stream hears of it."""

    why: str = ""
    of_server: bool = False


Command = Issue | Revoke


def decide(token: AnyToken, command: Command) -> list[TokenEvent]:
    match command:
        case Issue():
            if isinstance(token, Token):
                raise AlreadyExistsError("This token has been issued already.")
            return [
                TokenIssued(
                    command.owner,
                    command.digest,
                    command.scopes,
                    command.note,
                    command.expires_at,
                    command.hint,
                    command.client,
                    command.session_id,
                )
            ]
        case Revoke():
            if isinstance(token, NoToken) and not command.of_server:
                raise NotFoundError("There is no such token.")
            return [TokenRevoked(command.why)]
        case _:
            assert_never(command)


def evolve(token: AnyToken, event: TokenEvent) -> AnyToken:
    match event:
        case TokenIssued():
            return Token(event.owner, event.scopes, event.expires_at)
        case TokenRevoked():
            return NoToken()
        case _:
            assert_never(event)
