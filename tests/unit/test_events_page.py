"""docs/events.md says of every event who may see it and what is in it, as the rules have it."""

from __future__ import annotations

from pathlib import Path

from core.events import codec
from core.events.activity import ActivityRecorded
from web.history.event_rules import RULES, SEEN, Rule

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def row(kind: type, rule: Rule) -> str:
    scopes = [f"`{scope}`" for scope in rule.scopes]
    scopes += [f"(`{scope}`)" for named in rule.others.values() for scope in named]
    fields = [f"`{field}`" for field in rule.fields]
    fields += [f"`{field}` with `admin:server_state`" for field in rule.inner]
    return f"| `{tag(kind)}` | {', '.join(scopes)} | {', '.join(fields)} |"


def tag(kind: type) -> str:
    return str(kind.__struct_config__.tag)  # type: ignore[attr-defined]


def rows() -> list[str]:
    seen = ", ".join(f"(`{scope}`)" for scopes in SEEN.values() for scope in scopes)
    of_activity = f"| `{tag(ActivityRecorded)}` | {seen} | {', '.join(f'`{kind}`' for kind in SEEN)} |"
    return sorted([*(row(kind, rule) for kind, rule in RULES.items()), of_activity])


def test_the_page_has_a_line_for_every_type() -> None:
    said = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert said == rows(), "write this table into docs/events.md:\n" + "\n".join(rows())


def test_all_of_them_are_types_of_the_log() -> None:
    assert {tag(kind) for kind in RULES} <= codec.FIELDS.keys()
