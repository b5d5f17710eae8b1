"""What a load test plans, measures and prints."""

from __future__ import annotations

from random import Random

import pytest
import trio
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from web.cli import main
from web.client.errors import RefusedError, UnreachableError
from web.commands.loadtest.crowd import PATIENCE, remove
from web.commands.loadtest.measured import Failed, Measured, Refused, percentile
from web.commands.loadtest.own_words import parse, said_between
from web.commands.loadtest.patterns import PATTERNS, visits
from web.commands.loadtest.report import Report, print_report

SECONDS = st.floats(1, 10_000)


@given(st.sampled_from(sorted(PATTERNS)), st.integers(1, 200), SECONDS, st.integers())
def test_everybody_comes_once_in_order_and_leaves_by_the_end(
    pattern: str, users: int, seconds: float, seed: int
) -> None:
    planned = visits(pattern, users, seconds, Random(seed))
    assert len(planned) == users
    assert planned == sorted(planned)
    assert all(0 <= visit.comes <= visit.leaves <= seconds for visit in planned)
    assert planned == visits(pattern, users, seconds, Random(seed)), "the seed tells all"


def test_what_each_pattern_is_about() -> None:
    planned = {pattern: visits(pattern, 1000, 600, Random(1)) for pattern in PATTERNS}
    assert max(visit.comes for visit in planned["lecture"]) <= 60
    assert {visit.leaves for visit in planned["lecture"]} == {600}
    assert max(visit.comes for visit in planned["burst"]) <= 1
    thirds = [
        sum(third * 200 <= visit.comes < third * 200 + 200 for visit in planned["steady"])
        for third in range(3)
    ]
    assert all(280 < third < 390 for third in thirds)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_least_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    values.sort()
    found = percentile(values, share)
    assert found in values
    assert found is not None
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_steps_are_counted_by_how_they_ended() -> None:
    measured = Measured()
    with measured.step("start"):
        pass
    with pytest.raises(Refused), measured.step("start"):
        raise Refused(429, "Too many servers are starting.", 5)
    with pytest.raises(Failed), measured.step("ready"):
        raise Failed("no reply")
    start, ready = measured.steps()
    assert (start.name, start.done, start.refused, start.failed) == ("start", 1, 1, 0)
    assert (ready.name, ready.done, ready.refused, ready.failed, ready.median) == ("ready", 0, 0, 1, None)
    assert dict(measured.reasons) == {"start: 429: Too many servers are starting.": 1, "ready: no reply": 1}


def test_the_hubs_own_metrics_are_told_as_what_has_grown() -> None:
    before = parse('process_cpu_seconds_total 3\nx_count{status="success"} 4\ny_total 1\n')
    after = parse(
        'process_cpu_seconds_total 5.5\nprocess_resident_memory_bytes 1e6\nx_count{status="success"} 9\ny_total 1\n'
    )
    said = said_between(before, after)
    assert (said.cpu, said.memory) == (2.5, 1e6)
    assert said.grown == {"process_cpu_seconds_total": 2.5, 'x_count{status="success"}': 5}


def test_the_report_names_what_people_ask_for(capsys: pytest.CaptureFixture[str]) -> None:
    measured = Measured()
    for _ in range(3):
        with pytest.raises(Refused), measured.step("start"):
            raise Refused(429, "later")
    grown = {
        'jupyterhub_server_spawn_duration_seconds_count{status="success"}': 7.0,
        'callboard_events_recorded_total{type="user.created"}': 2.0,
        'callboard_events_recorded_total{type="server.ready"}': 3.0,
        "process_cpu_seconds_total": 1.5,
    }
    said = said_between({}, {**grown, "process_resident_memory_bytes": 2**20})
    print_report(
        Report("Callboard 1", "burst", 3, 9.7, measured.steps(), dict(measured.reasons.most_common()), said)
    )
    told = capsys.readouterr().out
    assert told.splitlines()[0] == "3 people, burst, in 10 s; Callboard 1"
    for line in (
        "start  0     3        0       -",
        "3 x start: 429: later",
        "CPU     1.5 s",
        "memory  1 MiB",
        "starts  7 success",
        "events  5",
    ):
        assert line in told


@pytest.mark.parametrize(
    ("arguments", "token", "says"),
    [
        (["http://127.0.0.1:1"], "", "CALLBOARD_TOKEN is not set"),
        (["ftp://127.0.0.1"], "t", "is not http://... or https://..."),
        (["http://127.0.0.1:1", "--users", "0"], "t", "0 is not in the range"),
        (["http://127.0.0.1:1", "--pattern", "lectur"], "t", "'lectur' is not one of"),
        (["http://127.0.0.1:1"], "t", "The hub did not answer"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], token: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBOARD_TOKEN", token)
    outcome = CliRunner().invoke(main, ["loadtest", *arguments])
    assert outcome.exit_code != 0
    assert says in outcome.output
    assert "Traceback" not in outcome.output


# --- removing people again ---


class Hub:
    """`replies`: what it does each time that somebody is to be removed, the last of them for ever."""

    def __init__(self, *replies: Exception | None) -> None:
        self.admin = self
        self.replies = list(replies)

    async def delete_user(self, name: str) -> None:
        await trio.lowlevel.checkpoint()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply is not None:
            raise reply


AWAY, RESTARTING = UnreachableError("no answer"), RefusedError(503, "The hub is away.")


@pytest.mark.parametrize(
    ("replies", "left"),
    [
        ([None], []),
        ([AWAY, RESTARTING, AWAY, None], []),
        ([RESTARTING, RefusedError(404, "no such user")], []),
        ([AWAY], ["alice"]),
        ([RefusedError(403, "not yours")], ["alice"]),
    ],
)
async def test_a_hub_that_is_away_is_asked_again_for_a_while(
    replies: list[Exception | None], left: list[str], autojump_clock: object
) -> None:
    progress: list[int] = []
    with trio.fail_after(PATIENCE + 1):
        assert await remove(Hub(*replies), ["alice"], progress.append) == left  # type: ignore[arg-type]
