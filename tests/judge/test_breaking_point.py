"""The breaking point of a rising load, against courses and targets whose breaking point is known."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from loadstone.clients.failure import Kind as FailureKind
from loadstone.errors import UsageError
from loadstone.judge.panel import Panel
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Failure, Gauge, Snapshot
from loadstone.plan.model import GateLine, Plan
from loadstone.testing.client import capacity
from loadstone.testing.samples import make_series, make_snapshot
from loadstone.testing.simulation import simulate

SCENARIO = "browse"  # of make_snapshot
REQUESTS = make_series("http.requests", scenario=SCENARIO, step="home")


def verdict_of(snapshots: Iterable[Snapshot], **settings: Any) -> Verdict:
    line = {"kind": "breaking_point", "gate": "breaking point", "settings": {"scenario": SCENARIO, "above": 50, **settings}}
    panel, total = Panel([GateLine.model_validate(line)], Catalogue()), Aggregate()
    for snapshot in snapshots:
        panel.see(snapshot)
        total.add(snapshot)
    (verdict,) = panel.verdicts(total)
    return verdict


def course(*parts: tuple[int, float, float], failing_from: float = 1e9) -> list[Snapshot]:
    """Parts of (seconds, rate, median in ms); at rates from `failing_from` on every tenth request fails."""
    found: list[Snapshot] = []
    for length, rate, median_ms in parts:
        for _ in range(length):
            failed = {Failure(FailureKind.STATUS, "home", "503"): int(rate / 10)} if rate >= failing_from else None
            found.append(
                make_snapshot(len(found), steps={"home": (int(rate), median_ms)}, target_rate=rate, failures=failed, scenario=SCENARIO)
            )
    return found


def test_the_last_step_within_the_limits_is_the_number() -> None:
    verdict = verdict_of(course((5, 20, 10), (5, 40, 12), (5, 80, 15), (5, 160, 3000), (5, 20, 10)))
    assert (verdict.status, verdict.value, verdict.unit, verdict.at_s) == (Status.PASS, 80.0, "/s", 15.0)
    assert "160/s was not" in verdict.reason


def test_errors_break_it_as_slowness_does() -> None:
    verdict = verdict_of(course((5, 20, 10), (5, 40, 10), (5, 80, 10), failing_from=80))
    assert (verdict.status, verdict.value) == (Status.FAIL, 40.0)
    assert "failed" in verdict.reason


@pytest.mark.parametrize(("above", "status"), [(50, Status.PASS), (80, Status.NO_DATA)])
def test_where_nothing_broke_the_greatest_load_is_at_least_the_answer(above: float, status: Status) -> None:
    verdict = verdict_of(course((5, 40, 10), (5, 80, 10)), above=above)
    assert (verdict.status, verdict.value) == (status, 80.0)
    assert "at least 80/s" in verdict.reason


def test_a_target_that_breaks_at_the_first_step_has_no_number_and_fails() -> None:
    verdict = verdict_of(course((5, 40, 5000), (5, 80, 5000)))
    assert (verdict.status, verdict.value) == (Status.FAIL, None)


def test_what_is_slow_on_the_way_back_down_is_the_recovery_s_affair() -> None:
    verdict = verdict_of(course((5, 40, 10), (5, 80, 10), (10, 40, 5000)))
    assert (verdict.status, verdict.value) == (Status.PASS, 80.0)


def test_nothing_measured_is_no_data() -> None:
    assert verdict_of([]).status is Status.NO_DATA
    assert verdict_of(course((3, 5, 10))).status is Status.NO_DATA  # five a second for two seconds: too few to tell


@pytest.mark.parametrize("limit", [30.0, 100.0, 300.0])
def test_a_server_of_known_limit_breaks_between_the_steps_around_it_before_its_queue_is_long(limit: float) -> None:
    steps = [{"duration": "4s", "rate": rate, "shape": "step"} for rate in (20, 40, 80, 160, 320, 640)]
    scenario = {"profile": {"kind": "stages", "stages": steps}, "steps": [{"get": "/"}], "max_sessions": 5000}
    plan = Plan.model_validate({"target": "http://127.0.0.1:1", "patience": "60s", "scenarios": {SCENARIO: scenario}})
    verdict = verdict_of(simulate(plan, capacity(limit)).snapshots, above=10)
    assert verdict.value is not None
    assert verdict.value < limit < 2 * verdict.value


@pytest.mark.parametrize("settings", [{"scenario": ""}, {"above": "many"}, {"p95": 1}])
def test_settings_that_cannot_be_meant_are_a_mistake(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        verdict_of([], **settings)


def test_what_the_target_took_at_the_last_step_it_bore_and_at_the_first_it_did_not_is_told() -> None:
    seconds = course((5, 20, 10), (5, 40, 12), (5, 80, 3000), (5, 20, 10))
    watched = [
        replace(
            second,
            gauges={
                **second.gauges,
                make_series("target.cpu", probe="web"): Gauge.of({20: 25, 40: 60}.get(round(second.counts[REQUESTS]), 100)),
                make_series("target.memory", probe="web"): Gauge.of(50_000_000 + 1_000_000 * second.counts[REQUESTS]),
            },
        )
        for second in seconds
    ]
    reason = verdict_of(watched).reason
    assert "the target took at 40/s CPU 60% and memory 90 MB, at 80/s CPU 100% and memory 130 MB" in reason
    assert "the target took" not in verdict_of(seconds).reason
