"""A browser's session, from login to logout. Pure."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import assert_never

from msgspec import Struct

from core.errors import AlreadyExistsError
from core.events.session import SessionEnded, SessionEvent, SessionMovedIn, SessionOpened


def new_session_id() -> str:
    """32 hexadecimal digits, the form JupyterHub's has. It names a session, and lets nobody in."""
    return secrets.token_hex(16)


def new_session_secret() -> str:
    """What the login cookie holds: 256 bits of chance."""
    return secrets.token_urlsafe(32)


class NoSession(Struct, frozen=True):
    """Never opened, or over."""


class Session(Struct, frozen=True):
    user: str
    expires_at: datetime


AnySession = NoSession | Session


class Open(Struct, frozen=True):
    user: str
    digest: str
    expires_at: datetime
    address: str = ""


class End(Struct, frozen=True):
    why: str = ""


Command = Open | End


def decide(session: AnySession, command: Command) -> list[SessionEvent]:
    match command:
        case Open():
            if isinstance(session, Session):
                raise AlreadyExistsError("This session has been opened already.")
            return [SessionOpened(command.user, command.digest, command.expires_at, command.address)]
        case End():
            return [SessionEnded(command.why)] if isinstance(session, Session) else []
        case _:
            assert_never(command)


def evolve(session: AnySession, event: SessionEvent) -> AnySession:
    match event:
        case SessionOpened() | SessionMovedIn():
            return Session(event.user, event.expires_at)
        case SessionEnded():
            return NoSession()
        case _:
            assert_never(event)
