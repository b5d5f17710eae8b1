"""How far a pull is, told from the engine's messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawners.docker.images import Reference, reference
from spawners.docker.pulling import Pull


def step(
    status: str, layer: str = "a1", current: int | None = None, total: int | None = None
) -> dict[str, Any]:
    detail = {key: value for key, value in (("current", current), ("total", total)) if value is not None}
    return {"status": status, "id": layer, "progressDetail": detail}


def pull(*steps: dict[str, Any]) -> Pull:
    made = Pull("team/r:1")
    for one in steps:
        made.take(one)
    return made


@pytest.mark.parametrize(
    ("steps", "message", "percent"),
    [
        ([], "Pulling the image team/r:1", 5),
        ([{"status": "Pulling from team/r", "id": "1"}], "Pulling the image team/r:1", 5),
        (
            [step("Downloading", "a1", 10_000_000, 40_000_000)],
            "Pulling the image team/r:1 (25% of 40 MB)",
            15,
        ),
        (
            [
                step("Downloading", "a1", 10_000_000, 40_000_000),
                step("Download complete", "a1"),
                step("Extracting", "a1", 5, 40_000_000),
                step("Downloading", "b2", 0, 40_000_000),
            ],
            "Pulling the image team/r:1 (50% of 80 MB)",
            25,
        ),
        ([step("Pull complete")], "Pulling the image team/r:1", 5),
    ],
)
def test_what_people_are_told(steps: list[dict[str, Any]], message: str, percent: float) -> None:
    told = pull(*steps).progress
    assert (told.message, told.progress) == (message, percent)
    assert told.is_waiting, "it does not use up the time that a start has"


def test_its_failure_is_in_the_engines_words() -> None:
    failed = pull({"errorDetail": {"message": "no"}, "error": "manifest for team/r:1 not found"})
    assert failed.error == "manifest for team/r:1 not found"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["current", "total", "x"]), inner),
    max_leaves=5,
)
statuses = st.sampled_from(["Downloading", "Download complete", "Extracting", "Pull complete", "Verifying"])


@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional={"status": statuses, "id": anything, "progressDetail": anything, "error": anything}
        )
    )
)
def test_whatever_an_engine_says_it_is_between_the_beginning_and_the_end(steps: list[dict[str, Any]]) -> None:
    assert 0 <= pull(*steps).share <= 1


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("r", "r", "latest"),
        ("team/r:1.0", "team/r", "1.0"),
        ("registry.example:5000/team/r", "registry.example:5000/team/r", "latest"),
        ("localhost/team/r_x--y.z:A", "localhost/team/r_x--y.z", "A"),
        (f"r:1@sha256:{'a' * 64}", "r", f"sha256:{'a' * 64}"),
    ],
)
def test_the_parts_of_a_name(image: str, name: str, tag: str) -> None:
    assert reference(image) == Reference(name, tag)


@given(st.text(alphabet="aA0./:@_- \n$;%?#é", min_size=1, max_size=30))
def test_no_name_leads_elsewhere(image: str) -> None:
    """It becomes part of a path of the engine's API."""
    try:
        reference(image)
    except ValueError:
        return
    assert not set(image) & set(" \n$;%?#é")
    assert all(part.strip(".") for part in image.split("/"))
