"""Who asked for a job, and what they may do now: rights are those of the moment at which something is done."""

from __future__ import annotations

from core.actors.job_run import HopelessError, JobRun
from core.errors import ForbiddenError
from core.events.log.tables import Tables
from core.events.record import By
from core.scopes import Answer, Resource, check, least
from projections import tokens
from web.rights.identity import Identity, is_valid
from web.rights.rights import Rights

TOKEN = "token"  # noqa: S105 -- the option of a job that names the token it was asked with, by its id


class Askers:
    def __init__(self, db: Tables, rights: Rights) -> None:
        self._db = db
        self._rights = rights

    def of(self, run: JobRun) -> Identity:
        """Raises HopelessError where they are gone or blocked, or the token they asked with is worth nothing now.

        Who asked in a browser may have logged out since: what they have asked for goes on, by what they may.
        """
        token = str(run.job.options.get(TOKEN, ""))
        identity = self._by_token(token) if token else self._by_name(run.by)
        if identity is None:
            raise HopelessError("Whoever asked for this may do nothing here any more.")
        return identity

    def _by_token(self, token_id: str) -> Identity | None:
        row = tokens.by_id(self._db, token_id)
        return self._rights.by_token(row) if row is not None and is_valid(row) else None

    def _by_name(self, by: By) -> Identity | None:
        kind, _, key = by.principal.partition("/")
        user = self._rights.known(key) if kind == "user" else None
        return user and Identity("user", user.id, user.name, self._rights.of_user(user))

    def check(self, identity: Identity, scope: str, resource: Resource) -> None:
        """Raises ForbiddenError."""
        if check(identity.scopes, scope, resource, self._rights.memberships) is not Answer.ALLOWED:
            raise ForbiddenError(f"This needs the scope {' or '.join(least([scope], resource))}.")
