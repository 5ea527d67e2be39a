"""Runs whose process was killed go on from their log; a terminal that has gone ends none."""

import contextlib
import csv
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from loadstone.clock import SECOND
from loadstone.errors import ExitCode, UsageError
from loadstone.judge.notices import NoticeCode
from loadstone.judge.story import Story
from loadstone.load.control import Applied, Pause, Scale
from loadstone.load.control_desk import ControlDesk
from loadstone.measure.earlier import Earlier
from loadstone.measure.sink import Watched
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan
from loadstone.report.series import SnapshotLog, read_changes, read_gaps, read_snapshots, snapshot_log
from loadstone.run import Checkpoint, execute, judge_again
from loadstone.store.store import Store
from loadstone.testing.samples import make_snapshot

DONE = {ExitCode.PASS, ExitCode.UNTRUSTWORTHY}  # on a machine that is busy with other work the generator may be late
MAIN = "from loadstone.cli.main import main; main()"
SUITE = "scenarios:\n  shop:\n    profile: {rate: 20/s, duration: SECONDS}\n    steps: [{get: /}]\ngates: [rate(http.errors) < 1%]\n"


def plan_of(target: str, duration: str) -> Plan:
    scenario = {"profile": {"rate": "40/s", "duration": duration, "poisson": True}, "steps": [{"get": "/"}]}
    return Plan.model_validate({"target": target, "gates": ["rate(http.errors) < 1%"], "scenarios": {"shop": scenario}})


def logged(plan: Plan, folder: Path, earlier: Earlier | None = None) -> tuple[Story, Path]:
    watched = Watched(plan, 4.0, stream=io.StringIO(), folder=folder, stamp="20260101_000000", earlier=earlier)
    log = snapshot_log(watched)
    return execute(plan, [log], earlier=earlier), log.path


def earlier_in(path: Path) -> Earlier:
    return Earlier.of(partial(read_snapshots, path), datetime.now(UTC), tuple(read_gaps(path)), datetime.now(UTC))


def test_both_parts_together_are_the_arrivals_of_the_whole_and_the_gap_is_told(target: str, tmp_path: Path) -> None:
    plan = plan_of(target, "4s")
    whole, path = logged(plan, tmp_path)
    lines, second = path.read_bytes().splitlines(keepends=True), list(read_snapshots(path))[1]
    path.write_bytes(b"".join(lines[:3]) + lines[3][:40])  # two whole seconds, and what a crash left of the third
    earlier = earlier_in(path)
    assert earlier.end_s == second.end_s
    story, _ = logged(plan, tmp_path, earlier)
    arrivals, lag = whole.result.total.count("load.arrivals") or 0, whole.result.total.distribution("load.send_lag")
    assert lag is not None
    on_the_seam = 1 + 3 * 40 * lag.max / SECOND  # what was due just before it, and was begun after it
    assert (story.result.total.count("load.arrivals") or 0) == pytest.approx(arrivals, abs=on_the_seam)
    assert 3.99 < story.result.seconds < 4 + second.end_s, "the first part is not there twice"
    assert not story.result.interrupted
    assert all(verdict.passed for verdict in story.verdicts)
    assert NoticeCode.RESUMED in {notice.code for notice in story.notices}
    assert NoticeCode.RESUMED not in {notice.code for notice in whole.notices}
    starts = [each.start_s for each in read_snapshots(path)]
    assert starts == sorted(starts)
    assert starts[-1] >= earlier.end_s
    again = judge_again(plan, read_snapshots(path), datetime.now(UTC), gaps_s=tuple(read_gaps(path)))
    assert again.result.load.requests == story.result.load.requests
    assert NoticeCode.RESUMED in {notice.code for notice in again.notices}


def test_a_run_that_its_gate_ended_is_not_continued(target: str, tmp_path: Path) -> None:
    plan = plan_of(target, "4s")
    _, path = logged(plan, tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    strict = Plan.model_validate({**plan.model_dump(), "gates": ["count(http.requests) < 10 abort"]})
    with pytest.raises(UsageError, match="was ended by"):
        execute(strict, earlier=earlier_in(path))


def test_a_log_that_is_being_written_is_not_continued(tmp_path: Path) -> None:
    log = SnapshotLog(tmp_path / "snapshots_1.jsonl")
    with pytest.raises(UsageError, match="still goes on"):
        SnapshotLog(log.path, {}, go_on=True)
    log.close()
    SnapshotLog(log.path, {}, go_on=True).close()


def test_a_log_that_is_being_written_is_not_emptied_by_another_run(tmp_path: Path) -> None:
    log = SnapshotLog(tmp_path / "snapshots_1.jsonl")
    log.snapshot(make_snapshot(0))
    written = log.path.read_bytes()
    with pytest.raises(UsageError, match="another run that began in the same second"):
        SnapshotLog(log.path)
    assert log.path.read_bytes() == written
    log.close()
    SnapshotLog(log.path).close()
    assert len(log.path.read_bytes().splitlines()) == 1


class Looking:
    """A sink that notes the factor that a desk shows."""

    def __init__(self, desk: ControlDesk) -> None:
        self.desk, self.factors = desk, set[float]()

    def snapshot(self, _snapshot: Snapshot) -> None:
        self.factors.add(self.desk.state.factor)

    def close(self) -> None:
        """Nothing is open."""


def test_what_was_asked_for_in_the_first_part_holds_in_the_second_and_is_asked_of_both(target: str, tmp_path: Path) -> None:
    plan = plan_of(target, "4s")
    _, path = logged(plan, tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    earlier, looking = earlier_in(path), Looking(ControlDesk())
    log = snapshot_log(Watched(plan, 4.0, io.StringIO(), folder=tmp_path, stamp="20260101_000000", earlier=earlier))
    changes = [Applied(Scale(3.0), 1.0, "Ann"), Applied(Pause(), 2.5, "Ann")]  # the latter in a second that was lost
    story = execute(plan, [log, looking], earlier=earlier, changes=changes, desk=looking.desk)
    assert story.result.load.target_rate == pytest.approx((1 * 40 + 3 * 120) / 4, rel=0.02)
    assert (story.result.total.count("load.arrivals") or 0) > 230, "80 in the first part, and 3 times as many in the second"
    words = [event.text for event in story.events if event.kind == "control"]
    assert words == ["load x 3 (by Ann)", "paused (by Ann)", "resumed (by --resume)"]
    assert looking.factors == {3.0}
    assert [each.text for each in read_changes(path)] == ["resumed (by --resume)"]


def test_checkpoints_tell_what_was_measured_until_then_as_interrupted(target: str) -> None:
    told: list[Story] = []
    story = execute(plan_of(target, "3s"), checkpoint=Checkpoint(1.0, told.append))
    seconds = [each.result.seconds for each in told]
    assert all(later >= former + 0.99 for former, later in itertools.pairwise([0.0, *seconds]))
    assert {each.exit_code for each in told} == {ExitCode.INTERRUPTED}
    assert told[0].result.load.requests < story.result.load.requests
    assert not story.result.interrupted


def started(words: list[str], stdout: int | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", MAIN, *words], stdout=stdout, stderr=subprocess.DEVNULL)


def wait_for_lines(folder: Path, lines: int) -> Path:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for path in folder.glob("snapshots_*.jsonl"):
            if path.read_bytes().count(b"\n") > lines:
                return path
        time.sleep(0.05)
    raise AssertionError("no log was written")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_process_is_continued_from_its_folder(target: str, tmp_path: Path) -> None:
    suite, out = tmp_path / "suite.yaml", tmp_path / "out"
    suite.write_text(SUITE.replace("SECONDS", "5s"))
    run = started(["run", str(suite), "--target", target, "--out", str(out), "--checkpoint", "1s"], subprocess.DEVNULL)
    path = wait_for_lines(out, 2)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    result = path.with_name(path.name.replace("snapshots", "result")).with_suffix(".json")
    assert json.loads(result.read_text())["verdict"] == "interrupted", "the checkpoint"
    kept = ["--store", f"sqlite:///{tmp_path / 'runs.db'}"]
    assert started(["run", "--resume", str(out), "--format", "csv,json", *kept], subprocess.DEVNULL).wait() in DONE
    (table,) = out.glob("*.csv")
    ends = {float(row["time_s"]) for row in csv.DictReader(table.read_text().splitlines()) if row["time_s"]}
    assert min(ends) < 2, "what is told over time begins with the first part"
    assert max(ends) > 4
    with contextlib.closing(Store.open(kept[1])) as store:
        (row,) = store.runs()
        assert [round(each.start_s) for each in store.parts(row.id).timeline][:2] == [0, 1]
    document = json.loads(result.read_text())
    assert document["verdict"] in {"pass", "untrustworthy"}
    assert document["gates"][0]["status"] == "pass"
    assert document["load"]["requests"] == pytest.approx(100, abs=5)  # those on their way when it was killed are lost
    assert "resumed" in {notice["code"] for notice in document["notices"]}
    assert started(["run", "--resume", str(out)], subprocess.DEVNULL).wait() == ExitCode.USAGE, "nothing is left to do"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")
def test_a_run_goes_on_when_its_terminal_is_closed_and_nobody_reads_it(target: str, tmp_path: Path) -> None:
    suite, out = tmp_path / "suite.yaml", tmp_path / "out"
    suite.write_text(SUITE.replace("SECONDS", "3s"))
    reader, writer = os.pipe()
    run = started(["run", str(suite), "--target", target, "--out", str(out)], writer)
    os.close(writer)
    os.close(reader)  # closed standard output
    wait_for_lines(out, 1)
    os.kill(run.pid, signal.SIGHUP)
    assert run.wait() in DONE
    (result,) = out.glob("result_*.json")
    assert json.loads(result.read_text())["load"]["requests"] == 60
