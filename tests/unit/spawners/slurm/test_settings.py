"""What a configuration and the options of a start make of a job's resources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.config import file
from core.config.trait_names import Names
from core.errors import SpawnError
from core.settings import ConfigError
from spawners import KINDS
from spawners.slurm.quantities import clock, megabytes, seconds
from spawners.slurm.settings import SlurmSettings

BOUNDED = SlurmSettings(
    req_partition="main",
    partitions=["gpu", "long"],
    max_runtime="8:00:00",
    max_memory="4G",
    max_nprocs=4,
    max_ngpus=1,
)


def read(directory: Path, *lines: str) -> tuple[SlurmSettings, list[str]]:
    config = directory / "hub.py"
    config.write_text("\n".join(["c.JupyterHub.spawner_class = 'callboard-slurm'", *lines]))
    settings, notes = file.load_settings([config], (), names=Names(KINDS))
    assert isinstance(settings.spawner, SlurmSettings)
    return settings.spawner, [str(note).partition(": ")[2] for note in notes]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("90", 5400),
        ("90:30", 5430),
        ("8:00:00", 28_800),
        ("2-12", 216_000),
        ("2-12:30", 217_800),
        ("1-00:00:01", 86_401),
        ("0", 0),
    ],
)
def test_times_are_read_as_sbatch_reads_them(text: str, amount: int) -> None:
    assert seconds(text) == amount
    assert seconds(clock(amount)) == amount


@pytest.mark.parametrize("text", ["", "banana", "-1", "1:2:3:4", "1-", "1h", "٣", "1:00;id"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("512", 512), ("4G", 4096), ("4gb", 4096), ("1.5 GiB", 1536), ("1K", 1), ("1T", 2**20)],
)
def test_memory_is_counted_in_megabytes(text: str, amount: int) -> None:
    assert megabytes(text) == amount


@pytest.mark.parametrize("text", ["", "4X", "-1", "G", "1e9", "4G;id"])
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an amount"):
        megabytes(text)


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({}, {}),
        ({"partition": "gpu"}, {"req_partition": "gpu"}),
        ({"partition": ["gpu"]}, {"req_partition": "gpu"}),
        ({"partition": "main"}, {}),
        ({"partition": "", "cpus": [""]}, {}),
        ({"runtime": "8:00:00"}, {"req_runtime": "0-08:00:00"}),
        ({"runtime": 90}, {"req_runtime": "0-01:30:00"}),
        ({"memory": "4G"}, {"req_memory": "4096M"}),
        ({"cpus": 4}, {"req_nprocs": 4}),
        ({"cpus": "2"}, {"req_nprocs": 2}),
        ({"gpus": 1}, {"req_ngpus": 1}),
        ({"gpus": 0}, {}),
        ({"colour": "$(id)"}, {}),
    ],
)
def test_a_start_may_ask_for_what_is_within_bounds(options: dict[str, Any], changes: dict[str, Any]) -> None:
    assert BOUNDED.with_options(options) == replace(BOUNDED, **changes)


@pytest.mark.parametrize(
    "options",
    [
        {"partition": "secret"},
        {"partition": "gpu,secret"},
        {"partition": ["gpu", "long"]},
        {"partition": "gpu\n#SBATCH --uid=0"},
        {"partition": {"name": "gpu"}},
        {"runtime": "8:00:01"},
        {"runtime": "0"},
        {"runtime": "UNLIMITED"},
        {"memory": "4097M"},
        {"memory": "0"},
        {"memory": None, "cpus": 5},
        {"cpus": 0},
        {"cpus": -1},
        {"cpus": True},
        {"cpus": 1.5},
        {"cpus": "1 --uid=0"},
        {"gpus": 2},
    ],
)
def test_all_else_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SpawnError) as refused:
        BOUNDED.with_options(options)
    assert refused.value.status == 400


@pytest.mark.parametrize("name", ["partition", "runtime", "memory", "cpus", "gpus"])
def test_what_has_no_bound_cannot_be_chosen(name: str) -> None:
    with pytest.raises(SpawnError):
        SlurmSettings().with_options({name: "1"})


def test_limits_of_all_spawners_are_those_of_a_job() -> None:
    settings = SlurmSettings(mem_limit=2**31, cpu_limit=1.5)
    assert (settings.memory, settings.cpus) == (2048, 2)
    assert replace(settings, req_memory="1G", req_nprocs=8).memory == 1024
    assert replace(settings, req_memory="1G", req_nprocs=8).cpus == 8
    assert (SlurmSettings().memory, SlurmSettings().cpus) == (None, 0)


def test_a_configuration_for_batchspawner_acts_as_far_as_it_means_the_same(tmp_path: Path) -> None:
    settings, notes = read(
        tmp_path,
        "c.SlurmSpawner.req_partition = 'main'",
        "c.SlurmSpawner.req_nprocs = '4'",
        "c.SlurmSpawner.req_ngpus = ''",
        "c.SlurmSpawner.req_memory = '4gb'",
        "c.SlurmSpawner.exec_prefix = 'sudo -E -u {username}'",
        "c.SlurmSpawner.req_keepvars_extra = 'X'",
    )
    assert (settings.req_partition, settings.req_nprocs, settings.req_ngpus) == ("main", 4, 0)
    assert settings.memory == 4096
    assert [note.partition(":")[0] for note in notes] == [
        "c.SlurmSpawner.exec_prefix",
        "c.SlurmSpawner.req_keepvars_extra",
    ]
    assert all("ignored (" in note for note in notes)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("submit_as = 'root'", "submit_as"),
        ("req_runtime = 'soon'", "expected a time"),
        ("max_memory = 'much'", "expected an amount"),
        ("req_options = '--array=1-9'", "an array is more than one job"),
        ('req_options = "--constraint=\'"', "No closing quotation"),
        ("batch_script = '#!/bin/sh\\nsleep 1'", "expected {{ cmd }}"),
        ("batch_script = '{{ cmd }} {{ nonsense }}'", "'nonsense' is not known"),
        ("batch_script = '{% if %}{{ cmd }}'", "not a template"),
        ("req_nprocs = 'many'", "expected int"),
    ],
)
def test_what_makes_no_sense_is_told_when_it_is_read(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why.replace("{", r"\{")):
        read(tmp_path, f"c.SlurmSpawner.{line}")
