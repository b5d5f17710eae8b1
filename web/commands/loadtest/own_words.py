"""What the hub's own metrics say of the time between two looks at them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[str, float]


class OwnWords(msgspec.Struct, frozen=True):
    """`cpu`: seconds of the hub's process. `memory`: bytes, at the end. `grown`: counters, and by how much."""

    cpu: float | None
    memory: float | None
    grown: dict[str, float]


def parse(text: str) -> Samples:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[_written(sample.name, sample.labels)] = sample.value
    return found


def _written(name: str, labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inner}}}" if inner else name


def said_between(before: Samples, after: Samples) -> OwnWords:
    counters = {name: value for name, value in after.items() if _is_counter(name)}
    grown = {name: round(value - before.get(name, 0), 6) for name, value in counters.items()}
    return OwnWords(
        grown.get("process_cpu_seconds_total"),
        after.get("process_resident_memory_bytes"),
        {name: by for name, by in grown.items() if by > 0},
    )


def _is_counter(written: str) -> bool:
    return written.partition("{")[0].endswith(("_total", "_count", "_sum"))
