"""Who has used how much, summed up by user, server, profile or group: as far as those who ask may see it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import astuple

from core.events.log.tables import Tables
from core.events.record import utc_text
from projections import groups, users
from projections.histories.called import names_of
from projections.usage import attempts, months
from projections.usage.attempt import Attempt, microseconds
from web.history.spreadsheet import cell
from web.history.use import Sum, Use

Kind = Literal["user", "server", "profile", "group"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Usage(Struct, frozen=True):
    """`total` counts each server once, in however many groups its user is."""

    since: str
    until: str
    by: Kind
    items: list[Use]
    total: Use


class Summing:
    """All that was used between two moments, but not behind `now`, added up step by step.

    `may_see`: whose use counts, by present name; None for one who is gone.
    """

    def __init__(
        self,
        db: Tables,
        kind: Kind,
        since: datetime,
        until: datetime,
        now: datetime,
        may_see: Callable[[str | None], bool] = lambda _: True,
    ) -> None:
        until = min(until, now)
        self._db, self._kind, self._may_see = db, kind, may_see
        self._span = since, until
        self._since, self._until = microseconds(since), microseconds(until)
        self._is_until_now = until == now
        self._naming = Naming(db)
        self._by_name: dict[str, Sum] = {}
        self._by_user: dict[str, list[Sum]] = {}
        self._total = Sum()

    def steps(self) -> Iterator[None]:
        """Each adds a chunk, so that others may have a turn between them."""
        return self._from_months() if self._is_kept() else self._from_attempts()

    def _is_kept(self) -> bool:
        """Whether all that is asked for is kept by month and user."""
        if self._kind not in ("user", "group") or self._since >= self._until:
            return False
        return months.begins(self._since) and (self._is_until_now or months.begins(self._until))

    def _from_months(self) -> Iterator[None]:
        for uses in months.by_user(self._db, self._since, self._until):
            for use in uses:
                for one in self._sums_of(use.user):
                    one.add_month(use)
            yield
        for starts in attempts.took(self._db, self._since, self._until):
            for user, length in starts:
                for one in self._sums_of(user):
                    one.took.append(length)
            yield

    def _sums_of(self, user: str) -> list[Sum]:
        """What counts all use of this user."""
        if user not in self._by_user:
            self._by_user[user] = self._sums(self._naming.of_user(self._kind, user), user)
        return self._by_user[user]

    def _from_attempts(self) -> Iterator[None]:
        for chunk in attempts.in_use(self._db, self._since, self._until):
            for attempt in chunk:
                for one in self._sums(self._naming.names(self._kind, attempt), attempt.user):
                    one.add(attempt, self._since, self._until)
            yield

    def _sums(self, names: list[str], user: str) -> list[Sum]:
        """What counts something of this user: one for each name and the total, or none."""
        if not names or not self._may_see(self._naming.present(user)):
            return []
        return [self._total, *(self._by_name.setdefault(name, Sum()) for name in names)]

    def usage(self) -> Usage:
        """Of each name that has used or asked for anything, who used most first."""
        told = [one.told(name) for name, one in self._by_name.items()]
        items = sorted(
            (one for one in told if one.hours or one.starts), key=lambda one: (-one.hours, one.name)
        )
        since, until = map(utc_text, self._span)
        return Usage(since, until, self._kind, items, self._total.told(""))


class Naming:
    """What use is counted under: present names of users and servers, the last ones of those who are gone."""

    def __init__(self, db: Tables) -> None:
        self._db = db
        self._present: dict[str, str | None] = {}
        self._names: dict[str, str] = {}
        self._groups: dict[str, list[str]] = {}

    def present(self, user: str) -> str | None:
        """The name of a user by their id, None if they are gone."""
        if user not in self._present:
            row = users.by_id(self._db, user)
            self._present[user] = None if row is None else row.name
        return self._present[user]

    def names(self, kind: Kind, attempt: Attempt) -> list[str]:
        match kind:
            case "server":
                return [f"{self._name(attempt.user)}/{attempt.server_name}"]
            case "profile":
                return [attempt.profile]
            case "user" | "group":
                return self.of_user(kind, attempt.user)

    def of_user(self, kind: Kind, user: str) -> list[str]:
        """What all use of a user is counted under, by user or group."""
        if kind == "user":
            return [self._name(user)]
        if user not in self._groups:
            self._groups[user] = [row.name for row in groups.of_user(self._db, user)]
        return self._groups[user]

    def _name(self, user: str) -> str:
        if user not in self._names:
            self._names[user] = self.present(user) or self._last_name(user)
        return self._names[user]

    def _last_name(self, user: str) -> str:
        names = names_of(self._db, f"user/{user}")
        return names[-1][1] if names else user


def as_csv(usage: Usage) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Use.__struct_fields__)
    writer.writerows(map(cell, astuple(use)) for use in usage.items)
    return text.getvalue()
