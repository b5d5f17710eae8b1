"""How deep JSON may go: counted right, refused where it is sent, and refused once more where it is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidError
from core.events import codec
from core.events.nesting import DEEPEST, DEEPEST_EVENT, is_nested_too_deeply
from core.events.server import OptionsStored
from tests.conftest import Client
from web.pages.parts.options import storable

JSON = st.recursive(
    st.none() | st.text(alphabet='[]{}"\\a', max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\', max_size=2), inner, max_size=3)
    ),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"[": value}
    return value


@given(JSON, st.integers(0, 5))
def test_brackets_in_texts_do_not_count(value: Any, most: int) -> None:
    assert is_nested_too_deeply(json.dumps(value).encode(), most) == (depth_of(value) > most)


@pytest.mark.parametrize("content", [b'["', b'"\\', b"]]]]", b'{"a":"\\"[[[[[[', b"[" * 7])
def test_of_what_is_no_json_something_is_said(content: bytes) -> None:
    assert is_nested_too_deeply(content, 6) == (content == b"[" * 7)


@pytest.mark.parametrize("depth", [DEEPEST_EVENT, 960, 5000])
def test_no_event_is_deeper_than_all_can_read(depth: int) -> None:
    with pytest.raises(InvalidError):
        codec.encode(OptionsStored(nested(depth)))
    assert codec.decode(codec.encode(OptionsStored(nested(DEEPEST_EVENT - 1))))


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, *range(940, 980, 5)])
async def test_what_is_taken_is_shown_everywhere(client: Client, depth: int) -> None:
    """One user's options, accepted, made the list of all users fail for their administrators, for good."""
    content = b'{"a":' * depth + b"1" + b"}" * depth
    answer = await client.post("/users/alice/servers/lab", content=content)
    assert answer.status_code == (201 if depth <= DEEPEST else 400)
    assert (await client.put("/groups/g/properties", content=content)).status_code in (400, 404)
    for path in ("/users", "/users/alice", "/users/alice/events?limit=100", "/groups", "/events?limit=100"):
        assert (await client.get(path)).status_code == 200, path


@pytest.mark.parametrize("depth", [2000, 100_000])
def test_what_a_form_is_made_into_is_refused_however_deep(depth: int) -> None:
    with pytest.raises(InvalidError, match="cannot be stored"):
        storable(nested(depth), 1_000_000)
