"""Events to bytes and back; every shape ever written; shapes that are no longer written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Struct

from core.events import Event, codec
from core.events.codec import Codec, UnknownEventError
from core.events.file.reading import read_records
from core.events.retired import SHAPES
from tests.logs import BY, commit, created
from tests.unit.conftest import OpenWriter

SAMPLES = Path(__file__).parents[2] / "event_samples"
KNOWN = {kind.__struct_config__.tag: kind for kind in (*get_args(Event), *SHAPES)}


def samples() -> dict[str, list[dict[str, Any]]]:
    return {file.stem: json.loads(file.read_text()) for file in sorted(SAMPLES.iterdir())}


def test_every_event_has_a_sample() -> None:
    missing = sorted(KNOWN.keys() - samples().keys())
    assert not missing, f"put one in tests/unit/event_samples/: {', '.join(f'{tag}.json' for tag in missing)}"


def test_no_event_has_lost_or_changed_its_tag() -> None:
    """Logs hold it for ever. A shape no longer written goes to core/events/retired.py with its tag and its sample."""
    lost = sorted(samples().keys() - KNOWN.keys())
    assert not lost, f"logs hold these, and they can no longer be read: {', '.join(lost)}"


@pytest.mark.parametrize(
    ("tag", "number", "sample"),
    [(tag, number, sample) for tag, shapes in samples().items() for number, sample in enumerate(shapes)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_shape_ever_written_is_still_read(tag: str, number: int, sample: dict[str, Any]) -> None:
    assert sample["type"] == tag
    event = codec.decode(json.dumps(sample))
    assert isinstance(event, Event)
    if tag not in {kind.__struct_config__.tag for kind in SHAPES}:
        written = json.loads(codec.encode(event))
        assert {key: written[key] for key in sample} == sample, "what was recorded is kept"


@pytest.mark.parametrize("tag", sorted(set(KNOWN) & set(samples())))
def test_the_last_sample_of_an_event_has_all_its_fields(tag: str) -> None:
    """An event that was given another field is given another sample; the earlier ones stay."""
    fields = {"type", *KNOWN[tag].__struct_fields__}
    assert samples()[tag][-1].keys() == fields, (
        f"append one with all fields to tests/unit/event_samples/{tag}.json"
    )


def test_tags_are_words_with_a_dot_and_each_is_used_once() -> None:
    tags = [kind.__struct_config__.tag for kind in (*get_args(Event), *SHAPES)]
    assert len(set(tags)) == len(tags)
    for tag in tags:
        assert tag == tag.lower()
        assert "." in tag


def test_every_event_is_frozen() -> None:
    assert [kind.__name__ for kind in get_args(Event) if not kind.__struct_config__.frozen] == []


# --- what cannot be read ---


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (
            b'{"type":"server.teleported","spawn_id":"s1"}',
            "'server.teleported' event, which this version does not",
        ),
        (b'{"type":"server.ready"}', "'server.ready' event of a shape that this version does not know"),
        (b'{"type":"server.ready","spawn_id":7}', "'server.ready' event of a shape"),
        (b'{"spawn_id":"s1"}', "not an event"),
        (b"[]", "not an event"),
        (b"", "not an event"),
        (b'{"type":"server.ready","spawn_id":"s1"', "not an event"),
        (b'{"type":"server.ready","spawn_id":"\xff"}', "'server.ready' event of a shape"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(payload: bytes, says: str) -> None:
    with pytest.raises(UnknownEventError) as caught:
        codec.decode(payload)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_line_names_the_place_in_the_log(open_writer: OpenWriter) -> None:
    writer = open_writer(":memory:", ())
    commit(writer, created(1))
    for trigger in ("events_refuse_update",):
        writer.connection.execute(f"DROP TRIGGER {trigger}")
    writer.connection.execute("UPDATE events SET payload = replace(payload, 'created', 'cremated')")
    with pytest.raises(UnknownEventError, match=r"'user.cremated'.*It is event 1, in stream user/u1\.$"):
        read_records(writer.connection, 0, 1)


# --- shapes that are no longer written ---


class LampLit(Struct, frozen=True, tag="lamp.lit.v3"):
    lumen: int
    colour: str = "white"


class LampLitV2(Struct, frozen=True, tag="lamp.lit.v2"):
    watts: int

    def upcast(self) -> LampLit:
        return LampLit(self.watts * 12)


class LampLitV1(Struct, frozen=True, tag="lamp.lit"):
    watts: str

    def upcast(self) -> LampLitV2:
        return LampLitV2(int(self.watts))


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        ('{"type":"lamp.lit.v3","lumen":800,"colour":"red"}', LampLit(800, "red")),
        ('{"type":"lamp.lit.v3","lumen":800}', LampLit(800)),
        ('{"type":"lamp.lit.v2","watts":60}', LampLit(720)),
        ('{"type":"lamp.lit","watts":"60"}', LampLit(720)),
    ],
)
def test_a_retired_shape_comes_back_as_what_it_is_called_today(payload: str, event: LampLit) -> None:
    lamps = Codec(Event | LampLit, (LampLitV1, LampLitV2))  # type: ignore[arg-type]
    assert lamps.decode(payload) == event
    assert lamps.fields["lamp.lit"] == {"watts"}


def test_a_retired_shape_is_never_written() -> None:
    lamps = Codec(Event | LampLit, (LampLitV1, LampLitV2))  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        lamps.tag_of(LampLitV1("60"))  # type: ignore[arg-type]


class Bulb(Struct, frozen=True):
    watts: int


class LampBought(Struct, frozen=True, tag="lamp.bought"):
    bulb: Bulb
    spare: Bulb | None = None


def test_the_fields_of_structs_within_events_count_too() -> None:
    fields = Codec(Event | LampBought, ()).fields["lamp.bought"]
    assert fields == {"bulb", "bulb.watts", "spare", "spare.watts"}


def test_the_writer_of_an_event_is_in_the_envelope_and_not_in_the_event() -> None:
    written = msgspec.json.decode(codec.encode(created(1).events[0]))
    assert BY.principal not in written.values()
