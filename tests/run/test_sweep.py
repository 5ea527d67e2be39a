"""Several levels of one knob."""

from collections.abc import Sequence
from typing import Any

import pytest

from loadstone.errors import ExitCode, TargetUnreachable, UsageError
from loadstone.judge.story import Story
from loadstone.judge.sweep import Sweep, worst
from loadstone.load.spawn import WorkerProcess
from loadstone.measure.sink import Sink
from loadstone.measure.snapshot import Failure
from loadstone.plan.model import Plan
from loadstone.sweep import sweep
from loadstone.testing.samples import make_snapshot, make_story

GOOD, FAILING = make_story(), make_story(gates=["p50(http.response_time) < 1ms"])
ERRORS = make_story([make_snapshot(failures={Failure("status", "home", "503"): 50})], gates=())
INTERRUPTED, GONE, NOTHING = make_story(interrupted=True), make_story([], unreachable=True), make_story([])


def plan(users: int, target: str = "http://127.0.0.1:9") -> Plan:
    scenario = {"profile": {"users": users, "duration": "1s"}, "steps": [{"get": "/"}]}
    return Plan.model_validate({"target": target, "scenarios": {"a": scenario}})


class Runs:
    """Plays stories instead of running plans, or raises what it is given."""

    def __init__(self, *ends: Story | BaseException) -> None:
        self._ends = iter(ends)
        self.workers: list[object] = []
        self.users: list[int] = []

    def __call__(
        self, plan: Plan, sinks: Sequence[Sink] = (), *, worker: WorkerProcess | None = None, command: Sequence[str] = ()
    ) -> Story:
        del sinks, command
        self.workers.append(worker)
        self.users.append(getattr(plan.scenarios[0].profile, "users", 0))
        end = next(self._ends)
        if isinstance(end, BaseException):
            raise end
        return end


def swept(*ends: Story | BaseException, levels: int = 3, **settings: Any) -> Sweep:
    plans = {str(number): plan(number) for number in range(1, levels + 1)}
    return sweep("users", plans, run=Runs(*ends), rest=lambda _: None, **settings)


def test_every_level_is_run_in_order_with_a_rest_between() -> None:
    runs, rests, told = Runs(GOOD, GOOD, GOOD), list[float](), list[str]()
    plans = {str(number): plan(number) for number in (4, 1, 2)}
    found = sweep("users", plans, run=runs, rest=rests.append, told=lambda level: told.append(level.level), pause_s=1.5)
    assert runs.users == [4, 1, 2]
    assert rests == [1.5, 1.5]
    assert told == [level.level for level in found.levels] == ["4", "1", "2"]
    assert (found.ended, found.exit_code) == ("", ExitCode.PASS)


def test_the_worker_that_was_started_ahead_serves_the_first_level_only() -> None:
    runs = Runs(GOOD, GOOD)
    ahead: Any = object()
    sweep("users", {"1": plan(1), "2": plan(2)}, run=runs, rest=lambda _: None, worker=ahead)
    assert runs.workers == [ahead, None]


def test_too_many_errors_end_it_and_the_level_that_had_them_is_kept() -> None:
    found = swept(GOOD, ERRORS, GOOD)
    assert [level.level for level in found.levels] == ["1", "2"]
    assert found.ended == "50% of the requests failed, more than 10%"


def test_errors_within_the_limit_do_not_end_it() -> None:
    assert len(swept(GOOD, ERRORS, GOOD, error_limit=0.6).levels) == 3


@pytest.mark.parametrize(
    ("ends", "levels", "ended", "code"),
    [
        ([GOOD, INTERRUPTED], 2, "stopped by hand", ExitCode.INTERRUPTED),
        ([FAILING, KeyboardInterrupt()], 1, "stopped by hand", ExitCode.INTERRUPTED),
        ([GOOD, GONE], 2, "the target is gone", ExitCode.UNREACHABLE),
        ([GOOD, TargetUnreachable("refused")], 1, "the target is gone: refused", ExitCode.UNREACHABLE),
        ([GOOD, FAILING, NOTHING], 3, "", ExitCode.GATE_FAILED),
        ([GOOD, GOOD, ERRORS], 3, "", ExitCode.PASS),
    ],
)
def test_what_ends_it_early_keeps_the_levels_that_ran(ends: list[Story | BaseException], levels: int, ended: str, code: ExitCode) -> None:
    found = swept(*ends)
    assert (len(found.levels), found.ended, found.exit_code) == (levels, ended, code)


@pytest.mark.parametrize("error", [TargetUnreachable("refused"), KeyboardInterrupt()])
def test_what_ends_it_before_the_first_level_is_raised(error: BaseException) -> None:
    with pytest.raises(type(error)):
        swept(error)


def test_a_sweep_without_levels_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a level"):
        sweep("users", {})


def test_the_worst_code_wins_in_the_stated_order() -> None:
    order = [ExitCode(code) for code in (130, 3, 5, 1, 4, 0)]
    assert [worst(order[at:][::-1]) for at in range(len(order))] == order
    assert worst([]) is ExitCode.INCONCLUSIVE


def test_levels_are_run_for_real_on_one_target(target: str) -> None:
    seen: list[str] = []

    def sinks(level: str, _plan: Plan) -> Sequence[Sink]:
        seen.append(level)
        return ()

    plans = {users: plan(int(users), target) for users in ("1", "2")}
    found = sweep("users", plans, sinks=sinks, pause_s=0.0)
    assert seen == ["1", "2"]
    assert [level.story.result.load.users for level in found.levels] == [1, 2]
    assert all((level.story.result.load.requests or 0) > 10 for level in found.levels)
