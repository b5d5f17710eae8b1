"""Times in a configuration: none is so long that no calendar has its end, and none is no number at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec import inspect as types

from core import settings
from core.settings import CENTURY
from spawners.configuration import load_settings

DAYS = {"cookie_max_age_days"}
WORDS = ("timeout", "interval", "seconds", "expires_in", "age_days", "refresh_age")


def durations() -> Iterator[Any]:
    for name, kind in vars(settings).items():
        if isinstance(kind, type) and issubclass(kind, Struct):
            for field in msgspec.structs.fields(kind):
                if field.name.endswith(WORDS):
                    yield pytest.param(field.type, field.name, id=f"{name}.{field.name}")


@pytest.mark.parametrize(("kind", "name"), list(durations()))
def test_a_duration_has_an_end(kind: Any, name: str) -> None:
    assert isinstance(types.type_info(kind), types.FloatType | types.IntType), "or say here what it is"
    most = CENTURY // 86_400 if name in DAYS else CENTURY
    assert msgspec.convert(most, kind) == most
    for value in (most + 1, 10**30, 1e300, float("inf"), float("nan")):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(value, kind)


@pytest.mark.parametrize(
    "line", ["Spawner.start_timeout=-1", "Spawner.http_timeout=-1", "JupyterHub.service_check_interval=-1"]
)
def test_what_would_be_over_before_it_begins_is_refused(line: str) -> None:
    with pytest.raises(settings.ConfigError, match=">= 0"):
        load_settings([], [f"--{line}"])


def test_what_is_negative_in_configurations_that_exist_stays() -> None:
    found = load_settings([], ["--Spawner.poll_interval=-1", "--JupyterHub.init_spawners_timeout=-1"])[0]
    assert (found.spawner.poll_interval, found.hub.init_spawners_timeout) == (-1, -1)
