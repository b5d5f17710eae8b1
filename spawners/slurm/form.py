"""What people are asked before a start: the partitions there are, with what is free in them now, and amounts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jinja2 import Environment
from msgspec import Struct

_HTML = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """\
{% if partitions %}
<div class="form-group"><label for="partition">Partition</label>
<select class="form-control" name="partition" id="partition">
{% for name in partitions %}
<option value="{{ name }}">{{ name or "The usual one" }}{% if free[name] %} ({{ free[name] }}){% endif %}</option>
{% endfor %}
</select></div>
{% endif %}
{% for amount in amounts %}
<div class="form-group"><label for="{{ amount.name }}">{{ amount.label }}</label>
<input class="form-control" name="{{ amount.name }}" id="{{ amount.name }}" value="{{ amount.usual }}"
 placeholder="at most {{ amount.most }}"></div>
{% endfor %}
"""
)


class Amount(Struct, frozen=True):
    """`name`: of the option. `usual`: without it; `most`: both as text."""

    name: str
    label: str
    usual: str
    most: str


def form_of(partitions: Sequence[str], amounts: Sequence[Amount], free: Mapping[str, str]) -> str:
    """`partitions`: the first is the usual one. `free`: words on what is free in each, where that is known."""
    return _HTML.render(partitions=partitions, amounts=amounts, free=free)
