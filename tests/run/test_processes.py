"""Real workers, real sockets on loopback: what happens when a process, a script or a person misbehaves."""

import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from loadstone.errors import ExitCode, UsageError
from loadstone.judge.notices import NoticeCode
from loadstone.measure.catalogue import BUILT_IN
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan
from loadstone.report.text import render_text
from loadstone.run import execute

SuitePlan = Callable[..., Plan]
LIMIT_S = 120
LOOK = "@loadstone.task\nasync def look(self):\n    await self.http.get('/')\n    await self.sleep(0.01)\n"


class Once:
    """A sink that does something once, as soon as so many requests and so many snapshots have been told."""

    def __init__(self, do: Callable[[], None] = lambda: None, *, requests: int = 0, snapshots: int = 1) -> None:
        self.seen: list[Snapshot] = []
        self.requests = 0
        self._do: Callable[[], None] | None = do
        self._from = requests, snapshots

    def snapshot(self, snapshot: Snapshot) -> None:
        self.seen.append(snapshot)
        self.requests += sum(count for series, count in snapshot.counts.items() if series.metric == "http.requests")
        if self._do is not None and self.requests >= self._from[0] and len(self.seen) >= self._from[1]:
            do, self._do = self._do, None
            do()

    def close(self) -> None:
        pass


def workers() -> list[psutil.Process]:
    """Worker processes that this process started."""
    return [child for child in psutil.Process().children() if "loadstone.load.worker" in " ".join(child.cmdline())]


def test_two_workers_share_the_load_and_add_up(target: str) -> None:
    scenario = {"profile": {"rate": "100/s", "duration": "3s"}, "steps": [{"get": "/"}]}
    story = execute(Plan.model_validate({"target": target, "scenarios": {"main": scenario}, "workers": 2}))
    view = story.result.total
    assert view.count("load.arrivals") == view.count("http.requests") == 300
    assert story.result.load.target_rate == pytest.approx(100)
    assert 2.99 < story.result.seconds < 6, "not the times of both added up"
    asked = view.gauge("load.target_rate")
    assert asked is not None
    assert asked.greatest == pytest.approx(100)
    assert len(view.series("generator.cpu")) == 2
    assert workers() == []


def test_a_killed_worker_ends_the_run_which_keeps_its_results_and_names_the_worker(suite_plan: SuitePlan) -> None:
    plan = suite_plan(LOOK, {"users": 4, "duration": "1h"}, workers=2)
    killed: list[int] = []

    def kill() -> None:
        victim = workers()[1]
        killed.append(victim.pid)
        victim.kill()

    seconds = Once(kill, requests=1, snapshots=2)
    story = execute(plan, [seconds])
    assert story.exit_code is ExitCode.UNTRUSTWORTHY
    assert story.result.total.count("http.requests") == seconds.requests > 0
    notice = next(notice for notice in story.notices if notice.code is NoticeCode.WORKER_LOST)
    assert f"pid {killed[0]}" in notice.text
    assert "SIGKILL" in notice.text


def test_a_worker_that_is_killed_before_anything_was_judged_makes_the_run_untrustworthy_and_says_why(target: str) -> None:
    scenario = {"profile": {"users": 2, "duration": "1h"}, "warm_up": "50m", "think": "10ms", "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"target": target, "scenarios": {"main": scenario}, "gates": ["count(http.requests) > 1"]})

    def kill() -> None:
        workers()[0].kill()

    story = execute(plan, [Once(kill)])
    assert story.exit_code is ExitCode.UNTRUSTWORTHY
    assert story.result.seconds == 0
    assert "The load generator ended before anything was judged: worker 0 (pid" in " ".join(render_text(story).split())


def test_ctrl_c_in_the_warm_up_says_that_nothing_was_judged(target: str) -> None:
    scenario = {"profile": {"users": 2, "duration": "1h"}, "warm_up": "50m", "think": "10ms", "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"target": target, "scenarios": {"main": scenario}})
    story = execute(plan, [Once(lambda: os.kill(os.getpid(), signal.SIGINT))])
    assert story.exit_code is ExitCode.INTERRUPTED
    assert "Interrupted during warm-up, nothing judged." in render_text(story)


def test_workers_end_when_their_parent_is_killed_even_if_a_script_hangs(suite_plan: SuitePlan, tmp_path: Path) -> None:
    plan = suite_plan(LOOK + "    while True: pass\n", {"users": 1, "duration": "1h"}, workers=2)
    (tmp_path / "plan.json").write_text(plan.wire())
    code = "import sys; from loadstone.plan.model import Plan; from loadstone.run import execute\n"
    code += "execute(Plan.from_wire(open(sys.argv[1]).read()))"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "plan.json")]) as parent:
        children: list[psutil.Process] = []
        while len(children) < 2 and parent.poll() is None:
            select.select([], [], [], 0.05)
            children = psutil.Process(parent.pid).children()
        parent.kill()
    gone, alive = psutil.wait_procs(children, timeout=LIMIT_S)
    assert len(gone) == 2
    assert alive == []


def test_a_suite_that_raises_on_import_in_a_worker_is_refused_with_its_line(suite_plan: SuitePlan, tmp_path: Path) -> None:
    plan = suite_plan(LOOK, {"users": 1, "duration": "1s"})
    file = tmp_path / "shop.py"
    file.write_text(file.read_text() + "raise RuntimeError('no licence')\n")
    with pytest.raises(UsageError, match="RuntimeError: no licence") as refusal:
        execute(plan)
    assert refusal.value.where == f"shop.py:{len(file.read_text().splitlines())}"
    assert refusal.value.exit_code == ExitCode.USAGE


def test_what_a_script_prints_and_reads_does_not_touch_the_protocol(suite_plan: SuitePlan) -> None:
    body = LOOK + "    print('x' * 100_000)\n    sys.stdout.buffer.write(b'\\0' * 100)\n    assert sys.stdin.read() == ''\n"
    story = execute(suite_plan(body, {"kind": "per-user-iterations", "users": 2, "iterations": 3}))
    assert story.result.total.count("iteration.count") == 6
    assert story.result.total.count("iteration.errors") is None


def test_a_script_that_hangs_at_the_end_is_killed_and_told(suite_plan: SuitePlan) -> None:
    body = (
        LOOK
        + "    if self.http.cookies is None and self.vars.setdefault('n', 0) == 3:\n        while True: pass\n    self.vars['n'] += 1\n"
    )
    plan = suite_plan(body, {"users": 1, "duration": "2s"}, graceful_stop="0s", patience="1ms")
    story = execute(plan)
    assert story.exit_code in {ExitCode.UNTRUSTWORTHY, ExitCode.INCONCLUSIVE}
    notice = next(notice for notice in story.notices if notice.code is NoticeCode.WORKER_LOST)
    assert "hung" in notice.text
    assert workers() == []


def test_values_of_the_suites_own_arrive_whatever_they_were(suite_plan: SuitePlan) -> None:
    body = textwrap.dedent("""
        async def on_start(self):
            self.record("shop.basket", 3, {"kind": object})
            self.record("shop.name", -1)
        @loadstone.task
        async def many(self):
            for k in range(3000):
                self.record(f"shop.metric_{k}", k, {"id": str(k)})
    """)
    story = execute(suite_plan(body, {"kind": "per-user-iterations", "users": 2, "iterations": 2}))
    view = story.result.total
    basket = view.distribution("shop.basket")
    assert basket is not None
    assert basket.mean == pytest.approx(3e6)
    assert any("shop.name = -1.0" in failure.text and "shop.py:8" in failure.text for failure in view.failures)
    other = view.distribution("(other metrics)")
    assert other is not None
    assert other.count > 2000
    assert story.result.catalogue.get("(other metrics)") is not None
    assert len(story.result.catalogue.names()) <= len(BUILT_IN) + 2001


# The time that is left for grace is longer than either wait: only who ends at once interrupts the longer one.
@pytest.mark.parametrize(("signals", "waits_s"), [(1, 2.5), (2, 20)])
def test_ctrl_c_ends_gracefully_with_a_full_report_and_the_second_one_at_once(suite_plan: SuitePlan, signals: int, waits_s: float) -> None:
    body = f"@loadstone.task\nasync def look(self):\n    await self.http.get('/')\n    await asyncio.sleep({waits_s})\n"
    plan = suite_plan(body, {"users": 3, "duration": "1h"}, graceful_stop="30s")

    def interrupt() -> None:
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGINT)

    story = execute(plan, [Once(interrupt, requests=3)])
    assert story.exit_code is ExitCode.INTERRUPTED
    assert story.result.interrupted
    assert (story.result.total.count("http.requests") or 0) >= 3
    assert bool(story.result.total.count("iteration.interrupted")) is (signals == 2)


class InterruptsAtTheEnd:
    """A sink; its end comes when the load is over."""

    def snapshot(self, _: object) -> None:
        pass

    def close(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_from_the_end_of_the_load_on_signals_go_to_whoever_asked_for_them(target: str) -> None:
    scenario = {"profile": {"rate": "20/s", "duration": "200ms"}, "steps": [{"get": "/"}]}
    heard: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    try:
        story = execute(
            Plan.model_validate({"target": target, "scenarios": {"main": scenario}}),
            [InterruptsAtTheEnd()],
            afterwards=lambda number, _frame: heard.append(number),
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
    assert story.result.total.count("http.requests") == 4


def test_a_target_that_refuses_does_not_stop_the_clock() -> None:
    scenario = {"profile": {"users": 20, "duration": "2s"}, "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"main": scenario}, "graceful_stop": "1s"})
    seconds = Once()
    story = execute(plan, [seconds], preflight=False)
    assert story.exit_code is ExitCode.UNREACHABLE
    assert len(seconds.seen) >= 2
    assert (story.result.total.count("http.errors", {"kind": "refused"}) or 0) > 20


def test_a_gate_that_aborts_ends_the_run(suite_plan: SuitePlan) -> None:
    plan = suite_plan(LOOK, {"users": 2, "duration": "1h"}, gates=["p50(http.response_time) < 1ns abort"])
    story = execute(plan)
    assert "http.response_time" in story.result.aborted_by
    assert story.result.seconds < 60


def test_a_stop_rule_ends_the_run(target: str) -> None:
    scenario = {"profile": {"rate": "200/s", "duration": "1h"}, "steps": [{"get": "/", "expect": 404}]}
    plan = Plan.model_validate({"target": target, "scenarios": {"main": scenario}, "stop": {"error_share": "10%"}})
    story = execute(plan)
    assert story.result.aborted_by.startswith("stop rule")
    assert story.result.seconds < 60
