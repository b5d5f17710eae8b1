"""What can happen to a browser's session: somebody logged in with it, and it ended. Stream: `session/{id}`.

The id is what the cookie `jupyterhub-session-id` holds and what tokens are marked with; whoever knows it can do
nothing with it. The secret that the login cookie holds is recorded as its digest.
"""

from __future__ import annotations

from datetime import datetime

from core.events.urgency import Ordinary, Urgent


def session_stream(session_id: str) -> str:
    return f"session/{session_id}"


class SessionOpened(Ordinary, frozen=True, tag="session.opened"):
    """`user`: the id of who logged in. `address`: from where, as far as proxies say."""

    user: str
    digest: str
    expires_at: datetime
    address: str = ""


class SessionMovedIn(Ordinary, frozen=True, tag="session.moved-in"):
    """Somebody had logged in at another hub, and is let in here by the cookie of then. All browsers have one session.

    `digest`: of what that hub knew the cookie's owner by; the cookie is good with its signature alone.
    """

    user: str
    digest: str
    expires_at: datetime


class SessionEnded(Urgent, frozen=True, tag="session.ended"):
    """The tokens that were given on the strength of it end with it."""

    why: str = ""


SessionEvent = SessionOpened | SessionMovedIn | SessionEnded
