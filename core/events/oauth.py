"""What can happen to an authorization code of OAuth 2. Stream: `oauth-code/{id}`."""

from __future__ import annotations

from datetime import datetime

from core.events.urgency import Ordinary


def code_stream(code_id: str) -> str:
    return f"oauth-code/{code_id}"


class CodeIssued(Ordinary, frozen=True, tag="oauth-code.issued"):
    """A user let a server or service act for them.

    `client`: `server/{id}` or `service/{name}`. `user`: an id. `scopes`: as granted, `!user` and `!server` not filled
    in. `redirect_uri`: as the request had it, `""` if it left it out. `challenge`: of PKCE.
    """

    client: str
    user: str
    digest: str
    scopes: list[str]
    expires_at: datetime
    redirect_uri: str = ""
    challenge: str = ""
    challenge_method: str = ""
    session_id: str | None = None


class CodeRedeemed(Ordinary, frozen=True, tag="oauth-code.redeemed"):
    """`token`: the id of the token it was changed for, in the same append."""

    token: str


CodeEvent = CodeIssued | CodeRedeemed
