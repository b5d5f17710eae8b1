"""Of which types of events somebody sees all that ever happened, of which some, and of which none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from core.events import codec
from core.events.activity import ActivityRecorded
from core.scopes import Scopes
from web.history.event_rules import RULES, SEEN, Rule

SERVICES = ("admin:services",)  # whose tokens whoever makes services may see

_RULES: Mapping[str, Rule] = {codec.tag_of_type(kind): rule for kind, rule in RULES.items()}
_ACTIVITY = codec.tag_of_type(ActivityRecorded)


class Reach(NamedTuple):
    """Tags. What is in neither is not seen at all."""

    whole: frozenset[str]
    partly: frozenset[str]


def reach_of(scopes: Scopes) -> Reach:
    whole = frozenset(tag for tag, needed in _needed() if all(map(scopes.everywhere.intersection, needed)))
    some = frozenset(tag for tag, names in _helpful() if not names.isdisjoint(scopes.held))
    return Reach(whole, some - whole)


def _needed() -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """For each tag sets of scopes, of each of which one is needed without a filter to see all."""
    for tag, rule in _RULES.items():
        yield tag, [rule.scopes, SERVICES] if rule.of == "owner" else [rule.scopes]
    yield _ACTIVITY, list(SEEN.values())


def _helpful() -> Iterator[tuple[str, set[str]]]:
    """For each tag the scopes that may show some of it, also with a filter."""
    for tag, rule in _RULES.items():
        of_others = {scope for scopes in rule.others.values() for scope in scopes}
        own = set(rule.scopes) if rule.of != "hub" else set()
        yield tag, own | of_others | set(SERVICES if rule.of == "owner" else ())
    yield _ACTIVITY, {scope for scopes in SEEN.values() for scope in scopes}
