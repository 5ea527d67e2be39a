"""Recovery after spikes, against targets whose recovery is known."""

import math
from collections.abc import Iterable

import pytest

from loadstone.clients.failure import Kind as FailureKind
from loadstone.errors import PlanError, PluginError, UsageError
from loadstone.judge.panel import Panel
from loadstone.judge.recovery import Recovery, RecoveryWatch
from loadstone.judge.verdict import Status
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Failure, Snapshot
from loadstone.plan.model import GateLine, Plan
from loadstone.testing.client import capacity
from loadstone.testing.samples import make_snapshot
from loadstone.testing.simulation import simulate

GATE = "recovery(http.response_time) < 30s"


def course(parts: Iterable[tuple[int, float, float]], *, failing: range = range(0)) -> list[Snapshot]:
    """Seconds from parts of (length, rate, median in ms); in some of them every other request fails."""
    found: list[Snapshot] = []
    for length, rate, median_ms in parts:
        for _ in range(length):
            at = len(found)
            failures = {Failure(FailureKind.STATUS, "home", "503"): 10} if at in failing else None
            found.append(make_snapshot(at, steps={"home": (20, median_ms)}, target_rate=rate, failures=failures))
    return found


def recoveries(snapshots: Iterable[Snapshot]) -> list[Recovery]:
    watch = RecoveryWatch()
    for snapshot in snapshots:
        watch.see(snapshot)
    return watch.finish()


def verdict_of(snapshots: list[Snapshot], gate: str = GATE) -> tuple[Status, float | None, str]:
    panel = Panel([GateLine.model_validate(gate)], Catalogue())
    for snapshot in snapshots:
        panel.see(snapshot)
    (verdict,) = panel.verdicts(Aggregate(snapshots))
    return verdict.status, verdict.value, verdict.reason


def test_a_recovery_is_timed_from_the_end_of_the_spike_until_the_times_are_back() -> None:
    (one,) = recoveries(course([(30, 10, 20), (10, 100, 400), (12, 10, 400), (30, 10, 20)]))
    assert (one.began_s, one.ended_s, one.seconds, one.peak) == (30.0, 40.0, 12.0, 10.0)


def test_a_target_that_bears_a_spike_recovers_at_once() -> None:
    assert [one.seconds for one in recoveries(course([(30, 10, 20), (10, 1000, 20), (30, 10, 20)]))] == [0.0]


def test_each_of_several_spikes_is_timed() -> None:
    once = [(10, 100.0, 400.0), (4, 10.0, 400.0), (30, 10.0, 20.0)]
    assert [one.seconds for one in recoveries(course([(30, 10.0, 20.0), *(once * 3)]))] == [4.0, 4.0, 4.0]


def test_what_is_not_back_before_the_next_spike_or_the_end_is_not_back() -> None:
    found = recoveries(course([(30, 10, 20), (10, 100, 400), (8, 10, 400), (10, 100, 400), (8, 10, 400)]))
    assert [one.seconds for one in found] == [math.inf, math.inf]


def test_errors_that_stay_are_no_recovery_whatever_the_times_are() -> None:
    snapshots = course([(30, 10, 20), (10, 100, 20), (40, 10, 20)], failing=range(40, 55))
    assert [one.seconds for one in recoveries(snapshots)] == [15.0]


def test_one_good_second_among_bad_ones_is_no_recovery() -> None:
    (one,) = recoveries(course([(30, 10, 20), (10, 100, 400), (3, 10, 400), (1, 10, 20), (3, 10, 400), (30, 10, 20)]))
    assert one.seconds == pytest.approx(7.0)


def test_a_load_without_a_spike_has_no_data() -> None:
    status, value, reason = verdict_of(course([(60, 10, 20)]))
    assert (status, value) == (Status.NO_DATA, None)
    assert "no spike" in reason


@pytest.mark.parametrize(("slow_s", "status"), [(12, Status.PASS), (31, Status.FAIL), (200, Status.FAIL)])
def test_the_gate_looks_at_the_longest_recovery(slow_s: int, status: Status) -> None:
    snapshots = course([(30, 10, 20), (10, 100, 400), (2, 10, 400), (30, 10, 20), (10, 100, 400), (slow_s, 10, 400), (9, 10, 20)])
    got, value, reason = verdict_of(snapshots)
    assert (got, value) == (status, float(slow_s))
    assert "10×" in reason


def test_a_simulated_target_needs_as_long_as_its_queue_is() -> None:
    # 20/s are served; a spike of 50/s for 10 s leaves a queue of 300, of which 15/s more than arrive are served: 20 s.
    profile = {"kind": "spike", "rate": 5, "peak": 10, "at": "30s", "for": "10s", "recovery": "60s"}
    scenario = {"profile": profile, "steps": [{"get": "/"}]}
    plan = Plan.model_validate({"target": "http://127.0.0.1:1", "patience": "60s", "scenarios": {"a": scenario}})
    (one,) = recoveries(simulate(plan, capacity(20.0)).snapshots)
    assert one.peak == pytest.approx(10.0)
    assert one.seconds == pytest.approx(20.0, abs=4.0)


@pytest.mark.parametrize("peak", [10, 100])
@pytest.mark.parametrize("ramp", ["0s", "8s"])
def test_sudden_and_gradual_spikes_of_any_height_and_several_in_a_row_are_each_timed(peak: int, ramp: str) -> None:
    profile = {"kind": "spike", "rate": 2, "peak": peak, "at": "20s", "for": "5s", "ramp": ramp, "repeat": 3, "recovery": "20s"}
    plan = Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": {"a": {"profile": profile, "steps": [{"get": "/"}]}}})
    found = recoveries(simulate(plan, capacity(5000.0)).snapshots)
    assert [one.peak for one in found] == pytest.approx([peak] * 3)
    assert [one.seconds for one in found] == [0.0] * 3


def test_the_text_of_the_gate_has_its_settings_and_travels() -> None:
    line = GateLine.model_validate(GATE + " within 2x for 10s")
    assert (line.kind, line.settings) == (
        "recovery",
        {"metric": "http.response_time", "limit_s": 30.0, "within": 2.0, "hold_s": 10.0},
    )
    assert GateLine.model_validate_json(line.model_dump_json()) == line


@pytest.mark.parametrize("text", ["recovery(http.response_time)", GATE + " within 0.5x", "recovery(http.response_time) > 3s"])
def test_a_text_that_cannot_be_meant_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match=r"recovery|1x or more"):
        GateLine.model_validate(text)


def test_a_metric_without_times_is_a_mistake() -> None:
    with pytest.raises((UsageError, PlanError, PluginError), match="no distribution"):
        Panel([GateLine.model_validate("recovery(http.requests) < 3s")], Catalogue())


def test_one_scenario_is_looked_at_alone_however_others_go_before_it() -> None:
    def scenario(after: str | None, rate: float, peak: float) -> dict[str, object]:
        profile = {"kind": "spike", "rate": rate, "peak": peak, "at": "10s", "for": "5s", "recovery": "20s"}
        return {"profile": profile, "steps": [{"get": "/"}], "after": after}

    scenarios = {"first": scenario(None, 10, 3), "second": scenario("first", 2, 10)}
    plan = Plan.model_validate({"target": "http://127.0.0.1:1", "scenarios": scenarios})
    watch = RecoveryWatch(scenario="second")
    for snapshot in simulate(plan, capacity(5000.0)).snapshots:
        watch.see(snapshot)
    (one,) = watch.finish()
    assert one.peak == pytest.approx(10.0)
    assert one.seconds == 0.0
    line = GateLine.model_validate("recovery(http.response_time{scenario=second one}) < 30s")
    assert line.settings["scenario"] == "second one"
    assert dict(line.spec().tags) == {"scenario": "second one"}


def test_spikes_too_close_to_see_the_target_back_between_them_are_one() -> None:
    (one,) = recoveries(course([(30, 10, 20), (2, 100, 20), (2, 10, 20), (2, 200, 20), (30, 10, 20)]))
    assert (one.began_s, one.ended_s, one.seconds, one.peak) == (30.0, 36.0, 0.0, 20.0)


def test_a_scenario_that_begins_at_another_level_is_no_spike_of_the_one_before_it() -> None:
    parts = [("10 users", 20, 10.0), ("health", 10, 1200.0), ("api", 10, 120.0), ("workflow", 10, 60.0)]
    seconds = [
        make_snapshot(at, steps={"home": (20, 10.0)}, target_rate=rate, scenario=name)
        for at, (name, rate) in enumerate((name, rate) for name, length, rate in parts for _ in range(length))
    ]
    assert recoveries(seconds) == []


def test_what_was_not_back_when_another_scenario_began_is_not_back() -> None:
    seconds = [
        make_snapshot(at, steps={"home": (20, 500.0 if at >= 30 else 10.0)}, target_rate=rate, scenario=name)
        for at, (name, rate) in enumerate([("shop", 20.0)] * 20 + [("shop", 200.0)] * 10 + [("shop", 20.0)] * 10 + [("other", 90.0)] * 10)
    ]
    (found,) = recoveries(seconds)
    assert (found.began_s, found.ended_s, found.seconds) == (20, 30, math.inf)
