"""An authorization code of OAuth 2: good for one token, once, for a few minutes. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from core.errors import AlreadyExistsError, NotFoundError
from core.events.oauth import CodeEvent, CodeIssued, CodeRedeemed

CODE_LIFE = 300  # seconds; of JupyterHub's codes too


class NoCode(Struct, frozen=True):
    """Never issued, or redeemed."""


class Code(Struct, frozen=True):
    expires_at: datetime


AnyCode = NoCode | Code


class Issue(Struct, frozen=True):
    """See CodeIssued."""

    client: str
    user: str
    digest: str
    scopes: list[str]
    expires_at: datetime
    redirect_uri: str = ""
    challenge: str = ""
    challenge_method: str = ""
    session_id: str | None = None


class Redeem(Struct, frozen=True):
    token: str
    at: datetime


Command = Issue | Redeem


def decide(code: AnyCode, command: Command) -> list[CodeEvent]:
    match command:
        case Issue():
            if isinstance(code, Code):
                raise AlreadyExistsError("This code has been issued already.")
            return [
                CodeIssued(
                    command.client,
                    command.user,
                    command.digest,
                    command.scopes,
                    command.expires_at,
                    command.redirect_uri,
                    command.challenge,
                    command.challenge_method,
                    command.session_id,
                )
            ]
        case Redeem():
            if isinstance(code, NoCode) or code.expires_at <= command.at:
                raise NotFoundError("This code has been used or has expired.")
            return [CodeRedeemed(command.token)]
        case _:
            assert_never(command)


def evolve(code: AnyCode, event: CodeEvent) -> AnyCode:
    match event:
        case CodeIssued():
            return Code(event.expires_at)
        case CodeRedeemed():
            return NoCode()
        case _:
            assert_never(event)
