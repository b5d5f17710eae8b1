"""What can happen to a share, stream `share/{id}`, and to a share code, stream `share-code/{id}`.

Owner, server, user and group are ids and scopes have no filter: they are always those of the one server, whatever
it is called by then. Shares and codes also end with their server, its owner and those it was shared with.
"""

from __future__ import annotations

from datetime import datetime

from core.events.urgency import Ordinary, Urgent


def share_stream(share_id: str) -> str:
    return f"share/{share_id}"


def share_code_stream(code_id: str) -> str:
    return f"share-code/{code_id}"


class ShareGranted(Ordinary, frozen=True, tag="share.granted"):
    """`grantee`: `user/{id}` or `group/{id}`, who may now use the server so far as `scopes` say.

    `since`: when another hub granted it, from which it was moved in; None: granted by this event.
    """

    owner: str
    server: str
    grantee: str
    scopes: list[str]
    since: datetime | None = None


class ShareWidened(Ordinary, frozen=True, tag="share.widened"):
    """`scopes`: those that come on top."""

    scopes: list[str]


class ShareNarrowed(Urgent, frozen=True, tag="share.narrowed"):
    """`scopes`: those taken away. Some are left."""

    scopes: list[str]


class ShareRevoked(Urgent, frozen=True, tag="share.revoked"):
    """By the owner, or by those it was shared with; who it was is in the envelope."""


class ShareCodeIssued(Ordinary, frozen=True, tag="share-code.issued"):
    """`digest`: SHA-256 of the code, which itself is nowhere; or as another hub has digested it.

    `hint`: the first characters of one that another hub has digested, so that only a code that begins so is compared.
    `prefix`: those of all others, by which JupyterHub would find them. `since`, `exchanged`, `last_exchanged`: when
    another hub issued it, and how often and when last it was exchanged there; None: issued by this event.
    """

    owner: str
    server: str
    digest: str
    scopes: list[str]
    expires_at: datetime
    hint: str = ""
    prefix: str = ""
    since: datetime | None = None
    exchanged: int = 0
    last_exchanged: datetime | None = None


class ShareCodeExchanged(Ordinary, frozen=True, tag="share-code.exchanged"):
    """A user has the share of the server that the code stands for, or had it already."""

    user: str


class ShareCodeRevoked(Urgent, frozen=True, tag="share-code.revoked"):
    """Nobody can exchange it any more; what it was exchanged for stays."""


ShareEvent = ShareGranted | ShareWidened | ShareNarrowed | ShareRevoked
ShareCodeEvent = ShareCodeIssued | ShareCodeExchanged | ShareCodeRevoked
