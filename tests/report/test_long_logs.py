"""Logs of long runs: bounded, complete, and enough to tell the run again."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadstone.errors import ExitCode, UsageError
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.plan.model import Plan
from loadstone.report.over_time import change, stretch, table
from loadstone.report.series import MOST_LINES, SnapshotLog, line_s, read_head, read_snapshots
from loadstone.run import judge_again
from loadstone.testing.samples import make_snapshot

PLAN = Plan.model_validate(
    {
        "target": "http://127.0.0.1:1",
        "gates": ["p95(http.response_time) < 1s"],
        "scenarios": {"shop": {"profile": {"users": 5, "duration": "60s"}, "steps": [{"get": "/"}]}},
    }
)
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("hours", [0.1, 1, 2, 12, 24, 72, 1000])
def test_a_log_has_a_bounded_number_of_lines_whatever_the_length(hours: float) -> None:
    assert math.ceil(hours * 3600 / line_s(hours * 3600)) <= MOST_LINES
    assert line_s(2 * 3600) == 1.0


def test_several_seconds_in_a_line_lose_nothing_and_phases_stay_apart(tmp_path: Path) -> None:
    seconds = [make_snapshot(at, judged=at >= 7, phase="warm-up" if at < 7 else "load") for at in range(30)]
    log = SnapshotLog(tmp_path / "log.jsonl", {}, every_s=10.0)
    for second in seconds:
        log.snapshot(second)
    log.close()
    kept = list(read_snapshots(tmp_path / "log.jsonl"))
    assert [(each.start_s, each.end_s, each.judged) for each in kept] == [(0, 7, False), (7, 17, True), (17, 27, True), (27, 30, True)]
    assert Aggregate(kept).count("http.requests") == Aggregate(seconds).count("http.requests")


def test_the_head_names_the_plan_without_its_secrets(tmp_path: Path) -> None:
    SnapshotLog(tmp_path / "log.jsonl", {"plan": {"name": "shop"}}).close()
    assert read_head(tmp_path / "log.jsonl")["plan"] == {"name": "shop"}
    (tmp_path / "other").write_text("{}\n")
    with pytest.raises(UsageError, match="not a snapshot log"):
        read_head(tmp_path / "other")


def test_a_plan_comes_back_from_a_log() -> None:
    assert Plan.model_validate(json.loads(PLAN.model_dump_json())).scenarios == PLAN.scenarios


def seconds_of(count: int, median_ms: float = 12.0) -> list[Snapshot]:
    return [make_snapshot(at, steps={"home": (20, median_ms)}, phase="load") for at in range(count)]


def test_a_run_that_was_killed_is_judged_and_told_as_interrupted() -> None:
    story = judge_again(PLAN, seconds_of(30), AT)
    assert story.exit_code is ExitCode.INTERRUPTED
    assert story.result.interrupted
    assert [verdict.status for verdict in story.verdicts] == ["pass"]
    assert (story.result.seconds, story.result.load.requests) == (30.0, 600)


@pytest.mark.parametrize(("median_ms", "code"), [(12.0, ExitCode.PASS), (3000.0, ExitCode.GATE_FAILED)])
def test_a_run_that_came_to_its_end_has_the_verdict_of_the_run(median_ms: float, code: ExitCode) -> None:
    assert judge_again(PLAN, seconds_of(60, median_ms), AT).exit_code is code


@pytest.mark.parametrize(("unstamped", "clock"), [(0.0, True), (0.01, True), (1.0, False)])
def test_a_few_reads_without_a_stamp_do_not_mean_that_there_was_no_kernel_clock(unstamped: float, clock: bool) -> None:
    seconds = []
    for second in seconds_of(10):
        reads = second.counts[Series("generator.reads")]
        seconds.append(replace(second, counts={**second.counts, Series("generator.unstamped_reads"): round(unstamped * reads + 0.5)}))
    assert judge_again(PLAN, seconds, AT).result.provenance.kernel_clock is clock


def test_a_log_without_a_second_is_no_pass() -> None:
    assert judge_again(PLAN, [], AT).exit_code is not ExitCode.PASS


def test_stretches_stand_under_each_other_and_the_last_against_the_first() -> None:
    first, last = stretch("0 s", seconds_of(30)), stretch("30 s", seconds_of(30, 24.0))
    lines = table([first, last])
    assert lines[0].split() == ["begin", "length", "requests", "errors", "p50", "p95", "max"]
    assert "600" in lines[1]
    assert any(line.startswith("p50") and "+" in line for line in change(first, last))


def test_a_stretch_in_which_nothing_was_measured_has_no_numbers() -> None:
    empty = stretch("0 s", [])
    assert (empty.requests, empty.error_share, empty.times_s, empty.memory) == (None, None, None, None)
    assert change(empty, stretch("1 s", seconds_of(5))) == []
