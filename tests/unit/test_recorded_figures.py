"""Figures are compared with those of the same machine, and no other."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.flame import drawn, folded
from benchmarks.recorded import compared, record


def test_a_run_is_compared_with_the_recorded_one(tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.json"
    record({"GET /": 100.0}, recorded)
    (line,) = compared({"GET /": 150.0}, recorded)
    assert line.endswith("x 1.50 of the recorded")


def test_a_run_of_another_machine_is_not(tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.json"
    record({"GET /": 100.0}, recorded)
    run = json.loads(recorded.read_text())
    for key in run["machine"]:
        recorded.write_text(json.dumps({**run, "machine": {**run["machine"], key: "another"}}))
        refusal, line = compared({"GET /": 150.0}, recorded)
        assert "not compared" in refusal
        assert "recorded" not in line


def test_without_a_record_there_are_figures_alone(tmp_path: Path) -> None:
    refusal, line = compared({"GET /": 150.0}, tmp_path / "none.json")
    assert "not compared" in refusal
    assert "150 us" in line


def test_what_takes_half_of_the_time_is_half_as_wide() -> None:
    base = "start;web.http1.connection.run;web.app.connection.answer"
    picture = drawn(folded([f"{base};a.one 1", f"{base};b.two 1", "start;elsewhere 8"]))
    assert picture.count('width="600.0"') == 2
    assert "elsewhere" not in picture
