"""One caller's view of the log: which events they may see at this moment, and how much of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec import to_builtins

from core.config.masking import mask
from core.events import codec
from core.events.activity import ActivityRecorded
from core.events.record import By, Record, utc_text
from core.scopes import Answer, Memberships, Resource, Scopes, Service, check_any
from projections.histories.about import About
from web.history.event_rules import RULES, SEEN, Rule
from web.history.model import Event, EventBy
from web.history.names import NameBook
from web.models.models import shown
from web.rights.identity import Identity

STATE = ("admin:server_state",)
WHO = {"user": ("read:users:name",), "service": ("read:services:name",)}


class Viewer:
    """Good for as long as nothing happens: who may see what changes with the next event.

    `most_named`: how many of those are named that an event is about besides; the rest is a number, `more`. None: all.
    """

    def __init__(
        self,
        identity: Identity,
        names: NameBook,
        memberships: Memberships,
        most_named: int | None = None,
    ) -> None:
        self._most_named = most_named
        self._principal = identity.principal
        self._scopes: Scopes = identity.scopes
        self._names = names
        self._memberships = memberships
        self._known: dict[tuple[tuple[str, ...], Resource | None], bool] = {}

    def event(self, record: Record, about: About) -> Event | None:
        """None: not for this caller."""
        if isinstance(record.event, ActivityRecorded):
            return self._activity(record, record.event)
        rule = RULES.get(type(record.event))
        if rule is None:
            return None
        named = about.others
        if not self._may_of(rule, about):
            named = tuple(one for one in about.others if self._may_other(rule, one))
            if not named:
                return None
        return self._shown(record, about, self._data(record, rule, about) | self._also(record, named))

    def sees(self, record: Record, about: About) -> bool:
        """Whether it is for this caller, without telling it."""
        if isinstance(record.event, ActivityRecorded):
            return self._activity(record, record.event) is not None
        rule = RULES.get(type(record.event))
        return rule is not None and (
            self._may_of(rule, about) or any(self._may_other(rule, one) for one in about.others)
        )

    # --- may they? ---

    def _may(self, scopes: tuple[str, ...], resource: Resource | None) -> bool:
        key = (scopes, resource)
        known = self._known.get(key)
        if known is None:
            answer = check_any(self._scopes, scopes, resource, self._memberships)
            known = self._known[key] = answer is Answer.ALLOWED
        return known

    def _may_of(self, rule: Rule, about: About) -> bool:
        match rule.of:
            case "hub":
                return self._may(rule.scopes, None)
            case "user":
                return self._may(rule.scopes, self._names.resource(f"user/{about.user}"))
            case "server":
                return self._may(rule.scopes, self._names.resource(f"server/{about.server}"))
            case "group":
                return self._may(rule.scopes, self._names.resource(f"group/{about.group}"))
            case "service":
                return self._may(rule.scopes, Service(about.service))
            case "owner" if about.user:
                return self._may(rule.scopes, self._names.resource(f"user/{about.user}"))
            case "owner":  # there is no scope for reading the tokens of a service: who makes services may
                return self._may(("admin:services",), Service(about.service))

    def _may_other(self, rule: Rule, thing: str) -> bool:
        scopes = rule.others.get(thing.partition("/")[0])
        return scopes is not None and self._may(scopes, self._names.resource(thing))

    # --- what they see ---

    def _shown(self, record: Record, about: About, data: dict[str, Any]) -> Event:
        names, position = self._names, record.position
        return Event(
            position=position,
            at=shown(utc_text(record.at)),
            type=codec.tag_of(record.event),
            stream=record.stream,
            by=self._by(record.by, position),
            request=record.by.request or None,
            user=names.at(f"user/{about.user}", position) if about.user else None,
            server=names.at(f"server/{about.server}", position) if about.server else None,
            group=names.at(f"group/{about.group}", position) if about.group else None,
            service=about.service or None,
            role=about.role or None,
            data=data,
        )

    def _by(self, by: By, position: int) -> EventBy:
        match by.principal.partition("/"):
            case ("user", _, user_id):
                knows = by.principal == self._principal or self._may(
                    WHO["user"], self._names.resource(by.principal)
                )
                return EventBy("user", self._names.at(f"user/{user_id}", position) if knows else None)
            case ("service", _, name):
                knows = by.principal == self._principal or self._may(WHO["service"], Service(name))
                return EventBy("service", name if knows else None)
            case _:
                return EventBy("hub", None)

    def _data(self, record: Record, rule: Rule, about: About) -> dict[str, Any]:
        holder = getattr(record.event, rule.within) if rule.within else record.event
        fields = rule.fields
        if rule.inner and self._may(STATE, self._names.resource(f"server/{about.server}")):
            fields += rule.inner
        return {name: mask(to_builtins(getattr(holder, name)), name) for name in fields}

    def _also(self, record: Record, named: Sequence[str]) -> dict[str, Any]:
        """The names at that time of those it names besides: `users`, `groups`, `services`."""
        found: dict[str, Any] = {}
        for thing in named[: self._most_named]:
            kind, _, key = thing.partition("/")
            name = key if kind == "service" else self._names.at(thing, record.position)
            found.setdefault(f"{kind}s", []).append(name)
        return found | self._more(len(named))

    def _more(self, count: int) -> dict[str, int]:
        more = 0 if self._most_named is None else count - self._most_named
        return {"more": more} if more > 0 else {}

    # --- activity ---

    def _activity(self, record: Record, event: ActivityRecorded) -> Event | None:
        data = {
            "users": dict(self._seen(event.users, "user", "users", record.position)),
            "servers": dict(self._seen(event.servers, "server", "servers", record.position)),
            "tokens": dict(self._seen_tokens(event.tokens)),
        }
        data = {kind: seen for kind, seen in data.items() if seen}
        return self._shown(record, About(), self._some(data)) if data else None

    def _some(self, data: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """As many of each kind as may be named."""
        some = {kind: dict(islice(seen.items(), self._most_named)) for kind, seen in data.items()}
        return some | self._more(len(data.get("users", ())))

    def _seen(
        self, seen: Mapping[str, datetime], kind: str, rule: str, position: int
    ) -> Iterator[tuple[str, str]]:
        for entity, at in seen.items():
            thing = f"{kind}/{entity}"
            if self._may(SEEN[rule], self._names.resource(thing)):
                name = self._names.at(thing, position)
                if kind == "server":
                    name = f"{self._names.at(f'user/{self._names.owner_of(thing)}', position)}/{name}"
                yield name, shown(utc_text(at))

    def _seen_tokens(self, seen: Mapping[str, datetime]) -> Iterator[tuple[str, str]]:
        for token, at in seen.items():
            owner = self._names.owner_of(f"token/{token}")
            if self._may(SEEN["tokens"], self._names.resource(f"user/{owner}") if owner else None):
                yield token, shown(utc_text(at))
