"""Several scenarios, warm-up and phases in simulated time."""

from typing import Any

import pytest

from loadstone.load.outlook import Outlook, longest_s
from loadstone.measure.snapshot import LOAD, WARM_UP, WIND_DOWN
from loadstone.plan.model import Plan
from loadstone.testing.client import Answer, ScriptedTarget, constant
from loadstone.testing.clock import at
from loadstone.testing.simulation import Simulation, simulate


def other(profile: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"profile": profile, "steps": [{"get": "/other"}], **settings}


def of(run: Simulation, url: str) -> list[float]:
    return sorted(exchange.sent_s for exchange in run.target.exchanged if exchange.url == url)


def test_scenarios_run_side_by_side(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "10/s", "duration": "10s"}, others={"b": other({"users": 2, "duration": "10s"})}), constant(0.5))
    assert len(of(run, "/")) == 100
    assert len(of(run, "/other")) == 40
    assert run.judged.seconds == pytest.approx(10)


def test_a_scenario_after_another_begins_when_that_one_has_ended(make_plan: Any) -> None:
    run = simulate(
        make_plan({"rate": "1/s", "duration": "10s"}, others={"b": other({"users": 1, "duration": "5s"}, after="main")}), constant(3)
    )
    assert max(e.end_s for e in run.target.exchanged if e.url == "/") == pytest.approx(12)
    assert 12 <= of(run, "/other")[0] <= 13
    # The pause between them is nobody's load.
    assert run.judged.seconds == pytest.approx(12 + 5, abs=0.1)


def test_a_start_delay_is_kept_and_does_not_count_as_judged_time(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "10/s", "duration": "10s"}, start="7.5s"), constant(0.01))
    assert run.target.sent_s() == pytest.approx([7.5 + k / 10 for k in range(100)], abs=1e-9)
    assert run.judged.seconds == pytest.approx(10)
    assert run.judged.count("http.requests") == 100


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("warm_up_s", [3.0, 2.5, 0.125])
def test_warm_up_is_left_out_to_the_last_value_and_seconds_add_up(make_plan: Any, workers: int, warm_up_s: float) -> None:
    def script(at_s: float) -> Answer:
        return Answer(0.001 if at_s >= warm_up_s else 0.002)

    run = simulate(make_plan({"rate": "64/s", "duration": "10s"}, warm_up=warm_up_s, plan={"workers": workers}), script)
    service = run.judged.distribution("http.service_time")
    assert service is not None
    assert service.max == 1_000_000
    assert run.judged.count("load.arrivals") == 640 - 64 * warm_up_s
    assert run.everything.count("load.arrivals") == 640
    assert run.judged.seconds == pytest.approx(10 - warm_up_s, abs=1e-9)
    assert run.everything.seconds == pytest.approx(10, abs=1e-9)


def test_snapshots_of_one_worker_or_many_lie_on_the_grid_of_seconds(make_plan: Any) -> None:
    for workers in (1, 4):
        run = simulate(make_plan({"rate": "20/s", "duration": "5s"}, warm_up="2s", plan={"workers": workers}), constant(1.5))
        told = [(s.start_s, round(s.end_s, 6), s.phase, s.judged) for s in run.snapshots]
        assert told[:5] == [
            (0, 1, WARM_UP, False), (1, 2, WARM_UP, False), (2, 3, LOAD, True), (3, 4, LOAD, True), (4, 5, LOAD, True),
        ]  # fmt: skip
        assert {phase for _, _, phase, _ in told[5:]} == {WIND_DOWN}


def test_two_warm_ups_that_end_at_different_times_keep_their_values_apart(make_plan: Any) -> None:
    plan = make_plan(
        {"rate": "10/s", "duration": "10s"}, warm_up="2.2s", others={"b": other({"rate": "10/s", "duration": "10s"}, warm_up="6.4s")}
    )
    run = simulate(plan, constant(0.01))
    assert run.judged.count("load.arrivals", {"scenario": "main"}) == 78
    assert run.judged.count("load.arrivals", {"scenario": "b"}) == 36
    assert run.judged.seconds == pytest.approx(7.8)


def test_a_run_stopped_during_its_warm_up_judges_nothing(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "10/s", "duration": "20s"}, warm_up="5s"), constant(4), meanwhile=lambda run: at(3, run.stop))
    assert run.judged.count("http.requests") is None
    assert run.judged.seconds == 0
    assert run.everything.count("http.requests") == 30


def test_users_of_all_workers_add_up_even_when_a_worker_cuts_a_second_in_two(make_plan: Any) -> None:
    plan = make_plan(
        {"users": 6, "duration": "10s"},
        warm_up="2.5s",
        plan={"workers": 3},
        others={"b": other({"users": 1, "duration": "10s"}, warm_up="4.5s")},
    )
    run = simulate(plan, constant(0.1))
    levels = [gauge.last for s in run.snapshots for series, gauge in s.gauges.items() if series.metric == "load.users" and s.start_s < 9]
    assert set(levels) == {6.0, 1.0}


def test_the_asked_rate_is_the_profiles_and_shared_by_the_workers(make_plan: Any) -> None:
    run = simulate(
        make_plan({"kind": "ramping-rate", "from_rate": 0, "to_rate": "100/s", "duration": "10s"}, start="5s", plan={"workers": 2})
    )
    rates = [gauge.last for s in run.snapshots for series, gauge in s.gauges.items() if series.metric == "load.target_rate" and s.judged]
    assert rates == pytest.approx([5 + 10 * k for k in range(10)], abs=0.5)


def test_connections_opened_for_the_first_arrivals_do_not_wait_for_the_first_arrival(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "100/s", "duration": "5s"}, start="2s"), ScriptedTarget(constant(0.01), connect_s=0.3))
    lag = run.judged.distribution("http.response_time")
    assert lag is not None
    assert lag.max == pytest.approx(0.01e9)


def test_the_outlook_matches_what_a_run_that_keeps_its_load_counts(make_plan: Any) -> None:
    plan = make_plan({"rate": "0.1/s", "duration": "30s"}, start="5s", warm_up="10s")
    run = simulate(plan, constant(0.01))
    outlook = Outlook.of(plan, run.everything.seconds)
    assert outlook.arrivals == run.judged.count("load.arrivals") == 2
    assert outlook.seconds == pytest.approx(run.judged.seconds)
    assert outlook.rate_per_s == pytest.approx(0.1)


def test_the_longest_time_of_a_run_is_known_unless_it_is_endless(make_plan: Any) -> None:
    plan: Plan = make_plan({"users": 1, "duration": "10s"}, start="5s", plan={"graceful_stop": "3s", "patience": "2s"})
    assert longest_s(plan) == 20
    assert longest_s(make_plan({"users": 1})) is None
