"""Gates while a run goes on: told as often as their cost allows, and only to those who want to know."""

from collections.abc import Iterator, Sequence
from itertools import count

from loadstone.judge.panel import Panel
from loadstone.judge.run_state import RunState
from loadstone.judge.turning import Turning
from loadstone.judge.verdict import Verdict
from loadstone.measure.declared import catalogue_of
from loadstone.measure.event import Event
from loadstone.plan.model import Plan


class Showing:
    def __init__(self) -> None:
        self.told = 0

    def judged(self, verdicts: Sequence[Verdict], events: Sequence[Event]) -> None:
        assert len(verdicts) == 1
        assert list(events) == []
        self.told += 1


def state() -> RunState:
    scenario = {"profile": {"rate": "5/s", "duration": "9s"}, "steps": [{"get": "/"}]}
    gates = ["p95(http.response_time) < 1s"]
    plan = Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"main": scenario}, "gates": gates})
    return RunState(plan, Panel(plan.gates, catalogue_of(plan, ())))


def ticking(step_s: float) -> Iterator[float]:
    return (tick * step_s for tick in count())


def told_in_twenty_seconds(costs_s: float) -> int:
    showing, ticks = Showing(), ticking(costs_s)
    turning = Turning(state(), [object(), showing], lambda: next(ticks))
    for second in range(20):
        turning.see(second + 1.0)
    return showing.told


def test_gates_that_cost_little_are_told_each_second() -> None:
    assert told_in_twenty_seconds(0.001) == 20


def test_gates_that_cost_much_are_told_every_five_seconds() -> None:
    assert told_in_twenty_seconds(0.05) == 4


def test_nothing_is_judged_when_nobody_wants_to_know() -> None:
    ticks = ticking(1.0)
    Turning(state(), [object()], lambda: next(ticks)).see(1.0)
    assert next(ticks) == 0.0
