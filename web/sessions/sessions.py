"""Browsers in which somebody is logged in: from the cookie to the session, how one begins, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from core.actors import hub_entities as of_the_hub
from core.events.hub import ClockCorrected
from core.events.log.tables import Tables
from core.events.record import By, Record, utc_text
from core.events.user import user_stream
from core.secrets.secret_file import derive
from core.session import End, Open, new_session_id, new_session_secret
from core.settings import Settings
from core.token import quick_digest
from projections import sessions
from projections.sessions import SessionRow
from web.sessions.cookies import Cookies
from web.sessions.signed_cookies import owner_digest, owner_of
from web.sessions.xsrf import XsrfTokens

MAX_SECRET = 100  # characters; longer ones are not looked for
REMEMBERED = 50_000  # sessions, with when each was last used


class NewSession(NamedTuple):
    """`secret`: for the login cookie, and nowhere else."""

    id: str
    secret: str


class Sessions:
    def __init__(self, db: Tables, entities: of_the_hub.Sessions, settings: Settings, secret: bytes) -> None:
        self._db = db
        self._entities = entities
        self._began = datetime.now(UTC)
        self._used: dict[str, datetime] = {}
        self._secret = secret  # signs what another hub has left with browsers
        self.xsrf = XsrfTokens(derive(secret, "xsrf"))
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Of sessions that begin, and of cookies that are set, from now on."""
        self._life = timedelta(days=settings.hub.cookie_max_age_days)
        self._idle = timedelta(seconds=settings.callboard.session_idle_timeout)
        self.cookies = Cookies(settings.hub)

    async def open(self, user_id: str, *, address: str, request: str = "") -> NewSession:
        """Record that this user has logged in. `request`: the id of the HTTP request."""
        new = NewSession(new_session_id(), new_session_secret())
        command = Open(user_id, quick_digest(new.secret), datetime.now(UTC) + self._life, address)
        await self._entities.ask(new.id, command, by=By(user_stream(user_id), new.id, request))
        return new

    async def end(self, session_id: str, why: str, *, by: By) -> None:
        """From here on it lets nobody in, nor do the tokens that were given on its strength."""
        await self._entities.ask(session_id, End(why), by=by)
        self._used.pop(session_id, None)

    def find(self, secret: str, now: datetime | None = None) -> SessionRow | None:
        """The session whose login cookie holds this, unless it has ended or expired. To find it is to use it."""
        moment = now or datetime.now(UTC)
        digest = self._digest(secret, moment)
        row = None if digest is None else sessions.by_digest(self._db, digest)
        if row is None or row.expires_at <= utc_text(moment) or self._is_idle(row, moment):
            return None
        self._saw(row.id, moment)
        return row

    def _digest(self, cookie: str, now: datetime) -> str | None:
        """By which the session is recorded, as far as its cookie can be one."""
        if len(cookie) <= MAX_SECRET:
            return quick_digest(cookie)
        owner = owner_of(cookie, self.cookies.login, self._secret, self._life, now)
        return None if owner is None else owner_digest(owner)

    def expired(self, now: datetime) -> list[SessionRow]:
        """Some of those that have ended of themselves."""
        return sessions.expired(self._db, now)

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store, for ClockCorrected. What was used by a clock that was ahead was used by now."""
        for record in records:
            if isinstance(record.event, ClockCorrected):
                self._began = min(self._began, record.at)
                self._used.update((key, min(at, record.at)) for key, at in self._used.items())

    def _is_idle(self, row: SessionRow, now: datetime) -> bool:
        """A restart counts as use, for the hub does not know what happened before."""
        if not self._idle:
            return False
        opened = datetime.fromisoformat(row.opened)
        return now - max(self._used.get(row.id, opened), opened, self._began) > self._idle

    def _saw(self, session_id: str, now: datetime) -> None:
        if not self._idle:
            return
        if len(self._used) >= REMEMBERED:
            self._used.clear()
            self._began = now
        self._used[session_id] = now
