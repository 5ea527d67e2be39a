"""Capacity of a uvicorn server that knows nothing of us: what it bears, the way back down, levels that are kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from loadstone.capacity import StepDown, search
from loadstone.cli.main import main
from loadstone.errors import ExitCode
from loadstone.judge.capacity import Recovery
from loadstone.judge.capacity_level import Level
from loadstone.judge.capacity_search import Answer, Outcome
from loadstone.judge.story import Story
from loadstone.load.spawn import WorkerProcess
from loadstone.measure.sink import Sink
from loadstone.plan.model import Plan
from loadstone.run import execute

from .simulated import Simulation, question, queue

SEATS = Path(__file__).parents[2] / "benchmarks" / "servers" / "semaphore.py"  # started by its path, as any program
TRUTH = 100.0
BRIEF = StepDown(overload_s=1.0, rest_s=2.0, again_s=2.0)


@contextmanager
def seats(*manner: str) -> Iterator[str]:
    program = [sys.executable, str(SEATS), "0", *manner]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


@dataclass
class LevelsOfArithmetic:
    """Levels of a server of 100/s without waiting for them; the way back down, which no gate judges, for real."""

    simulation: Simulation = field(default_factory=lambda: Simulation(queue(TRUTH)))

    def __call__(
        self, plan: Plan, sinks: Sequence[Sink] = (), *, worker: WorkerProcess | None = None, command: Sequence[str] = ()
    ) -> Story:
        run = self.simulation if plan.gates else execute
        return run(plan, sinks, worker=worker, command=command)


def way_down(*manner: str) -> Recovery | None:
    with seats(*manner) as url:
        asked = question("p95(http.response_time) < 1500ms")
        asked = replace(asked, plan=asked.plan.model_copy(update={"target": url}), step_down=BRIEF)
        run = LevelsOfArithmetic()
        return search(asked, run=run, clock=run.simulation.clock, rest=run.simulation.rest).recovery


def test_a_server_that_works_its_queue_off_recovers_without_hysteresis() -> None:
    recovery = way_down()
    assert recovery is not None
    assert recovery.seconds is not None
    assert recovery.again_met is True


def test_a_server_that_bears_a_grudge_recovers_in_no_second_and_its_hysteresis_is_seen() -> None:
    recovery = way_down("bears-a-grudge")
    assert recovery is not None
    assert recovery.seconds is None
    assert recovery.again_met is not True


def test_no_load_beyond_what_the_seats_serve_is_met_whatever_the_machine_does() -> None:
    levels: list[Level] = []
    with seats() as url:
        asked = question("p95(http.response_time) < 100ms", start=40, most=400, budget_s=7)
        limits = replace(asked.limits, ramp_s=1.0, level_s=1.0, verify_s=2.0)
        plan = asked.plan.model_copy(update={"target": url})
        found = search(
            replace(asked, plan=plan, limits=limits, step_down=None, warm_up_s=0.3), told=levels.append, rest=lambda _: None
        ).found
    assert all(level.seen.answer is not Answer.MET for level in levels if level.seen.load >= 1.3 * TRUTH)
    assert any(level.seen.load >= TRUTH for level in levels) or found.outcome is not Outcome.AT_LEAST
    if found.outcome is Outcome.FOUND:
        assert found.low is not None
        assert found.low <= 1.05 * TRUTH


def test_levels_that_are_kept_are_runs_that_can_be_listed_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def called(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        return int(ended.value.code or 0), capsys.readouterr().out

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOADSTONE_STORE")
    slo, brief = (
        "p95(http.response_time) < 10s",
        ("--start", "80", "--max", "80", "--level-time", "1s", "--max-time", "12s", "--no-step-down"),
    )
    with seats() as url:
        code, out = called("capacity", url, "--slo", slo, *brief, "--json", "--keep-levels", "--store", str(tmp_path / "levels.db"))
    document = json.loads(out)
    assert code == document["exit_code"]
    assert code in {ExitCode.PASS, ExitCode.INCONCLUSIVE, ExitCode.UNTRUSTWORTHY}
    kept = json.loads(called("runs", "list", "--json", "--store", str(tmp_path / "levels.db"))[1])
    # A busy machine spoils levels, and then lower ones are tried: what was tried is what must be kept.
    tried = Counter(f"rate={level['load']:.6g}" for level in document["levels"])
    assert Counter(run["tags"]["level"] for run in kept) == tried
    found = json.loads(called("runs", "list", "--tag", "level=rate=80", "--json", "--store", str(tmp_path / "levels.db"))[1])
    assert len(found) == tried["rate=80"] >= 1
    told = json.loads(called("report", kept[0]["id"], "--format", "json", "--store", str(tmp_path / "levels.db"))[1])
    assert told["load"]["requests"] in {level["requests"] for level in document["levels"]}
