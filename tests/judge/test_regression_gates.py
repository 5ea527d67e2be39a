"""Gates on regressions against runs whose levels are known."""

from collections.abc import Sequence

import pytest

from loadstone.errors import LoadstoneError, PlanError, StoreError
from loadstone.judge.beside import Beside, PastRun
from loadstone.judge.panel import Panel
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import GateLine
from loadstone.testing.past_runs import MACHINE, make_past, make_seconds, scattered

P95 = "regression(p95(http.response_time)) < 10%"
BASELINE = {"kind": "baseline", "gate": "not worse", "settings": {"baseline": "main"}}


class PastOf:
    """What was kept, in memory."""

    def __init__(self, beside: Beside | None, machine: dict[str, object] | None = None) -> None:
        self.machine = machine or MACHINE
        self.doubted: Sequence[PastRun] = ()
        self._beside = beside

    def baseline(self, name: str) -> Beside | None:
        if name == "nobody":
            raise StoreError("no baseline nobody")
        return self._beside


def verdict_of(gate: object, past: PastOf | None, seconds: list[Snapshot]) -> Verdict:
    panel = Panel([GateLine.model_validate(gate)], Catalogue(), past=past)
    for second in seconds:
        panel.see(second)
    (verdict,) = panel.verdicts(Aggregate(seconds))
    return verdict


def main_runs(count: int = 20, **more: float) -> PastOf:
    return PastOf(make_past(scattered(20, count, 7), **more))  # type: ignore[arg-type]


def test_a_run_as_those_of_the_baseline_passes() -> None:
    verdict = verdict_of("regression(p50(http.response_time)) < 15%", main_runs(), make_seconds(20, 1))
    assert verdict.status is Status.PASS
    assert verdict.value == pytest.approx(0, abs=4)
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low < 0 < verdict.high


def test_a_run_that_is_much_slower_fails_with_its_size_and_severity() -> None:
    verdict = verdict_of(P95, main_runs(), make_seconds(28, 1))
    assert verdict.status is Status.FAIL
    assert verdict.value == pytest.approx(40, abs=6)
    assert "worse, major" in verdict.reason
    assert "baseline main" in verdict.reason


def test_a_faster_run_passes() -> None:
    assert verdict_of(P95, main_runs(), make_seconds(12, 1)).status is Status.PASS


def test_a_run_that_is_worse_by_about_what_is_tolerated_is_not_decided() -> None:
    verdict = verdict_of(P95, main_runs(), make_seconds(21.4, 1))
    assert verdict.status is Status.NO_DATA
    assert "cannot tell" in verdict.reason


def test_more_failures_fail_in_points() -> None:
    gate = "regression(rate(http.errors)) < 2 points"
    assert verdict_of(gate, main_runs(), make_seconds(20, 1, errors=10)).status is Status.FAIL
    assert verdict_of(gate, main_runs(), make_seconds(20, 1)).status is Status.PASS


@pytest.mark.parametrize("before", [0, 1])
def test_value_and_limit_of_a_share_are_both_points(before: int) -> None:
    verdict = verdict_of("regression(rate(http.errors)) < 5%", main_runs(errors=before), make_seconds(20, 1, errors=3))
    assert (verdict.status, verdict.unit, verdict.limit) == (Status.PASS, "points", 5)
    assert verdict.value == pytest.approx(3 - before)
    assert (verdict.low is None) is (before == 0)


def test_without_anything_kept_there_is_no_data() -> None:
    for past in (None, PastOf(None)):
        verdict = verdict_of(P95, past, make_seconds(20, 1))
        assert verdict.status is Status.NO_DATA
        assert "loadstone baseline save" in verdict.reason


def test_a_baseline_that_is_being_collected_decides_nothing() -> None:
    verdict = verdict_of(P95, main_runs(3), make_seconds(40, 1))
    assert verdict.status is Status.NO_DATA
    assert "collecting" in verdict.reason


def test_one_earlier_run_shows_only_what_is_beyond_the_spread_between_runs() -> None:
    one = main_runs(1)
    assert verdict_of(P95, one, make_seconds(24, 1)).status is Status.NO_DATA
    assert verdict_of(P95, one, make_seconds(60, 1)).status is Status.FAIL


@pytest.mark.parametrize(("fact", "other"), [("cpu", "Other CPU"), ("plan_hash", "other"), ("cores", 64)])
def test_another_machine_or_plan_is_refused(fact: str, other: object) -> None:
    beside = make_past(scattered(20, 20, 7))
    verdict = verdict_of(P95, PastOf(beside, {**MACHINE, fact: other}), make_seconds(60, 1))
    assert verdict.status is Status.NO_DATA
    assert "differs" in verdict.reason


def test_a_run_without_the_figure_has_no_data() -> None:
    verdict = verdict_of("regression(p95(llm.ttft)) < 10%", main_runs(), make_seconds(20, 1))
    assert verdict.status is Status.NO_DATA


def test_a_figure_that_cannot_be_compared_is_refused_before_the_run() -> None:
    with pytest.raises(LoadstoneError):
        Panel([GateLine.model_validate("regression(p95(http.nothing)) < 10%")], Catalogue(), past=main_runs())


def test_a_baseline_that_is_not_there_is_refused_before_the_run() -> None:
    with pytest.raises(StoreError):
        Panel([GateLine.model_validate(f"{P95} against nobody")], Catalogue(), past=main_runs())


def test_the_baseline_gate_looks_at_times_failures_and_memory() -> None:
    past = main_runs(memory=2e8)
    fat = verdict_of(BASELINE, past, make_seconds(20, 1, memory=4e8))
    assert fat.status is Status.FAIL
    assert fat.value == 1
    assert "max(target.memory)" in fat.reason
    slow = verdict_of(BASELINE, past, make_seconds(40, 1, memory=2e8))
    assert slow.value == 2


def test_the_baseline_gate_passes_a_run_that_is_clearly_not_worse() -> None:
    loose = {**BASELINE, "settings": {"baseline": "main", "rules": "bot"}}
    verdict = verdict_of(loose, main_runs(), make_seconds(19, 1))
    assert verdict.status is Status.PASS
    assert "3 figures are not worse" in verdict.reason


@pytest.mark.parametrize("settings", [{"rules": "none"}, {"limit": 0}, {"limit": "5%"}, {"name": "main"}])
def test_settings_of_a_baseline_gate_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises((LoadstoneError, PlanError)):
        Panel([GateLine.model_validate({**BASELINE, "settings": settings})], Catalogue(), past=main_runs())


def test_only_a_baseline_with_too_few_runs_is_collecting() -> None:
    figure = "regression(p95(http.response_time)) < 10%"
    assert verdict_of(figure, main_runs(3), make_seconds(20, 1)).collecting
    assert verdict_of(BASELINE, main_runs(3), make_seconds(20, 1)).collecting
    assert verdict_of(BASELINE, PastOf(Beside("baseline main", [])), make_seconds(20, 1)).collecting
    assert not verdict_of(figure, main_runs(), make_seconds(21.4, 1)).collecting


def test_what_is_missing_refused_worse_or_never_named_is_not_collecting() -> None:
    assert not verdict_of("regression(p95(llm.ttft)) < 10%", main_runs(3), make_seconds(20, 1)).collecting
    assert not verdict_of(P95, PastOf(make_past(scattered(20, 3, 7)), {**MACHINE, "cpu": "Other CPU"}), make_seconds(20, 1)).collecting
    assert not verdict_of(P95, main_runs(1), make_seconds(60, 1)).collecting
    assert not verdict_of(P95, PastOf(None), make_seconds(20, 1)).collecting


def test_each_ready_suite_has_rules_of_its_own() -> None:
    for suite in ("chat", "llm", "voice", "workflow", "bot"):
        gate = {**BASELINE, "settings": {"baseline": "main", "rules": suite}}
        assert verdict_of(gate, main_runs(), make_seconds(40, 1)).status is Status.FAIL
