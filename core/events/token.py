"""What can happen to an API token. Stream: `token/{id}`. The token of a server is in `SpawnRequested`."""

from __future__ import annotations

from datetime import datetime

from core.events.urgency import Ordinary, Urgent


def token_stream(token_id: str) -> str:
    return f"token/{token_id}"


class TokenIssued(Ordinary, frozen=True, tag="token.issued"):
    """`owner`: `user/{id}` or `service/{name}`. `digest`: see core/token.py; the token itself is nowhere.

    `hint`: the first characters, kept only of tokens that one look at an index does not find: those people chose
    themselves, so that only a token that begins so is worth the slow hash, and those that another hub has digested.
    `prefix`: the first characters of all others, by which JupyterHub would find them. `since`: when another hub issued
    it, from which it was moved in; None: issued by this event. `scopes`: as asked for; what they come to is computed
    when used. `client`: the OAuth client it was given to, as `server/{id}` or `service/{name}`. `session_id`: of the
    browser in which that was allowed; the token ends with either.
    """

    owner: str
    digest: str
    scopes: list[str]
    note: str = ""
    expires_at: datetime | None = None
    hint: str = ""
    client: str = "jupyterhub"
    session_id: str | None = None
    prefix: str = ""
    since: datetime | None = None


class TokenRevoked(Urgent, frozen=True, tag="token.revoked"):
    why: str = ""


TokenEvent = TokenIssued | TokenRevoked
