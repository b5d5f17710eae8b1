"""API tokens: how they are made and recognised, and what can be asked of one. The log holds digests only.

A token the hub makes has 128 bits of chance in it, so one SHA-256 says nothing about it. A token that people
chose may be guessable: it is digested slowly, with the log's salt, and recognised by its first characters
before that work is done. So are those that another hub has digested, from which they were moved in; and of every new
one the first characters are kept, for another hub to find it by.
"""

from __future__ import annotations

import hashlib
import hmac
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


def is_foreign(digest: str) -> bool:
    """Whether another hub has made it: `algorithm:rounds:salt:hex`, as JupyterHub stores tokens and share codes."""
    return digest.count(":") == 3


def matches(foreign: str, token: str) -> bool:
    """Whether this is the token, or share code, of such a digest. Source: JupyterHub, utils.compare_token."""
    algorithm, rounds, salt, expected = foreign.split(":")
    found = hashlib.new(algorithm, salt.encode(), usedforsecurity=False)
    raw = token.encode("utf-8", "replace")
    for _ in range(int(rounds)):
        found.update(raw)
    return hmac.compare_digest(found.hexdigest(), expected)


def for_another_hub(digest: str) -> str | None:
    """What JupyterHub takes for this digest; None for what it cannot compare with: a slow one has another recipe."""
    if is_foreign(digest):
        return digest
    return None if ":" in digest else f"sha256:1::{digest}"


def prefix_of(token: str) -> str:
    """What JupyterHub finds a token by, before it compares digests."""
    return token[:HINT]


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
    prefix: str = ""


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
                    command.prefix,
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
