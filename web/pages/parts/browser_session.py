"""The session of the browser that is answered: a login opens one, a logout ends it with all that was given by it."""

from __future__ import annotations

from core.events.record import By
from core.events.user import user_stream
from projections.users import UserRow
from web.request.client_address import address_of
from web.request.context import asked, hub, kept
from web.sessions.sessions import NewSession


async def new_session(user: UserRow) -> NewSession | None:
    """None where this browser is the user's already. Whoever was logged in with it before no longer is."""
    before = kept().session
    if before is not None and before.user == user.id:
        return None
    sessions, by = hub().sessions, By(user_stream(user.id), "login", kept().request_id)
    if before is not None:
        await sessions.end(before.id, "Somebody else logged in with this browser.", by=by)
    return await sessions.open(user.id, address=address_of(asked()), request=kept().request_id)


async def end_session() -> None:
    """Of whoever is logged in; servers too, where the configuration says so."""
    session = kept().session
    if session is not None:
        by = By(user_stream(session.user), session.id, kept().request_id)
        if hub().settings.hub.shutdown_on_logout:
            await hub().acts.stopping.stop_ready(session.user, "The user logged out.", by=by)
        await hub().sessions.end(session.id, "The user logged out.", by=by)
    kept().session = kept().identity = None
