"""Users whom the authenticator would not have today: named when the hub starts, or deleted if that is wanted.

Their accounts have gone from the system, say. Source: JupyterHub's `delete_invalid_users`.
"""

from __future__ import annotations

import logging

import trio

from core.actors.user_deletion import UserDeletion
from core.errors import InvalidError
from core.events.log.tables import Tables
from core.events.record import HUB
from core.plugins.authenticator import CheckingAuthenticator
from projections import users
from projections.users import UserRow
from web.sessions.logins import Logins

logger = logging.getLogger("callboard.login")


async def check_users(db: Tables, logins: Logins, deletion: UserDeletion, *, deletes: bool) -> None:
    """`deletes`: those who are invalid, not only named.

    Nobody is deleted where the authenticator cannot be asked, or knows none of the users: then it is at fault.
    """
    authenticator = logins.authenticator
    if not isinstance(authenticator, CheckingAuthenticator):
        return
    valid, invalid = await _asked(db, logins, authenticator)
    if not invalid:
        return
    names = ", ".join(repr(user.name) for user in invalid[:20]) + (", ..." if len(invalid) > 20 else "")
    if not deletes:
        logger.warning(
            "%d users could not log in today: %s. c.Authenticator.delete_invalid_users = True deletes such users",
            len(invalid),
            names,
        )
    elif not valid:
        logger.error("none of the %d users could log in today: nobody is deleted", len(invalid))
    else:
        logger.warning("%d users who could not log in today are deleted: %s", len(invalid), names)
        for user in invalid:
            await deletion.begin(user.id, by=HUB)


async def _asked(
    db: Tables, logins: Logins, authenticator: CheckingAuthenticator
) -> tuple[int, list[UserRow]]:
    """How many are valid, and those who are not. Who is blocked is not asked about."""
    valid, invalid, position = 0, [], 0
    while page := users.after(db, position):
        position = page[-1].position
        await trio.lowlevel.checkpoint()
        for user in page:
            if user.leaving or logins.admission.is_blocked(user.name):
                continue
            try:
                await authenticator.check_user(user.name)
                valid += 1
            except InvalidError:
                invalid.append(user)
    return valid, invalid
