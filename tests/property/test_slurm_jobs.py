"""Whatever people are called, whatever they ask for and whatever they name their jobs: a job is what it was to be."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.errors import SpawnError, UnreachableError
from core.plugins.spawner import Attempt
from spawners.account import Account
from spawners.slurm.jobs import chosen, parse_jobs
from spawners.slurm.quantities import megabytes, seconds
from spawners.slurm.script import submission
from spawners.slurm.settings import SlurmSettings
from tests.unit.spawners.slurm.test_jobs import ID, JOB, NEW, OLD, told
from tests.unit.spawners.slurm.test_settings import BOUNDED

ALICE = Account("alice", "/home/alice", "/bin/bash", "/home/alice")
ATTEMPT = Attempt(
    "s" + "0" * 25, "alice", "", "/", {}, {"JUPYTERHUB_API_URL": "http://hub", "JUPYTERHUB_API_TOKEN": "t"}
)
TEMPLATED = SlurmSettings(
    req_partition="p-{username}",
    req_account="{username}",
    req_qos="{servername}",
    req_options="--wckey={username} --constraint={servername}",
    output_file="/logs/{spawn_id}.log",
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NASTY = st.text(st.sampled_from("ab $`'\"\\;|&<>(){}\n\0\r\t-=,%*~#!ä./"), max_size=12)
NAMES = st.one_of(st.text(max_size=12), NASTY)


def names_of(options: list[str]) -> list[str]:
    return [word.partition("=")[0] for word in options]


@given(user=NAMES, server=NAMES)
def test_a_name_never_makes_another_option_or_line(user: str, server: str) -> None:
    attempt = replace(ATTEMPT, user=user, server=server)
    plain = submission(replace(ATTEMPT, server="lab"), TEMPLATED, ALICE, {})
    try:
        made = submission(attempt, TEMPLATED, ALICE, {})
    except SpawnError:
        assert re.search(r"[\x00-\x1f\x7f]", user + server)
        return
    assert made.script == plain.script
    assert made.output == plain.output
    if user and server:
        assert names_of(made.options) == names_of(plain.options)
    assert f"--wckey={user}" in made.options
    assert f"--constraint={server}" in made.options


@given(user=NAMES, server=NAMES)
def test_a_template_quotes_it_as_one_word(user: str, server: str) -> None:
    settings = SlurmSettings(batch_script="BEGIN {{ username }} {{ servername }} END {{ cmd }}")
    try:
        made = submission(replace(ATTEMPT, user=user, server=server), settings, ALICE, {})
    except SpawnError:
        return
    line = made.script.partition("BEGIN ")[2].partition(" END")[0] if " END" not in user + server else None
    if line is not None:
        assert shlex.split(line) == [name for name in (user, server) if name]


def within(settings: SlurmSettings, options: dict[str, Any]) -> SlurmSettings | SpawnError:
    try:
        return settings.with_options(options)
    except SpawnError as refused:
        return refused


@given(name=st.sampled_from(["partition", "runtime", "memory", "cpus", "gpus"]), value=ANY_JSON)
def test_options_are_within_bounds_or_refused(name: str, value: Any) -> None:
    settings = within(BOUNDED, {name: value})
    if isinstance(settings, SpawnError):
        assert settings.status == 400
        return
    assert settings.req_partition in ("main", "gpu", "long")
    assert not settings.req_runtime or 0 < seconds(settings.req_runtime) <= seconds(BOUNDED.max_runtime)
    assert not settings.req_memory or 0 < megabytes(settings.req_memory) <= megabytes(BOUNDED.max_memory)
    assert settings.req_nprocs <= BOUNDED.max_nprocs
    assert settings.req_ngpus <= BOUNDED.max_ngpus


@given(name=st.text(), comment=st.text(), version=st.sampled_from([OLD, NEW]), reason=st.text())
def test_another_job_is_never_taken_for_an_attempts(
    name: str, comment: str, version: dict[str, Any], reason: str
) -> None:
    others = version | {
        "job_id": 3,
        "name": name,
        "comment": comment,
        "user_name": "bob",
        "state_reason": reason,
    }
    copied = version | {"job_id": 4, "name": f"callboard-{ID}", "comment": JOB.comment, "user_name": "bob"}
    jobs = parse_jobs(told(others, copied, version), "callboard")
    assert chosen(jobs, "alice", None) == JOB
    assert chosen(jobs, "alice", 4) == JOB


@given(
    answer=st.one_of(
        st.binary(max_size=40),
        ANY_JSON.map(lambda value: json.dumps(value).encode()),
        st.dictionaries(st.sampled_from(sorted(OLD)), ANY_JSON).map(lambda job: told(OLD | job)),
    )
)
def test_an_answer_is_understood_or_is_none(answer: bytes) -> None:
    try:
        jobs = parse_jobs(answer, "callboard")
    except UnreachableError:
        return
    assert all(job.spawn_id for job in jobs)
