"""Open model in simulated time: `due` never moves, and no arrival is forgotten."""

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.measure.aggregate import Aggregate
from loadstone.plan.model import Plan
from loadstone.testing.client import Answer, ScriptedTarget, capacity, constant, failing, stall
from loadstone.testing.clock import at, simulated_loop
from loadstone.testing.simulation import Simulation, simulate


def ledger(view: Aggregate) -> tuple[int, int]:
    """Arrivals that were due, and what became of them: iterations that ended, were interrupted, or dropped."""
    ended = view.count("iteration.count") or 0
    interrupted = view.count("iteration.interrupted") or 0
    return view.count("load.arrivals") or 0, ended + interrupted + (view.count("load.dropped") or 0)


def test_a_constant_rate_sends_at_the_exact_due_times(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "50/s", "duration": "60s"}), constant(0.004))
    assert run.target.sent_s() == pytest.approx([k / 50 for k in range(3000)], abs=1e-9)
    assert run.target.due_s() == run.target.sent_s()
    assert run.judged.seconds == pytest.approx(60, abs=1e-9)


def test_a_fractional_rate_keeps_its_rhythm_for_hours_and_the_load_lasts_as_long_as_the_profile(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "7/h", "duration": "5h"}), constant(0.5))
    assert run.target.sent_s() == pytest.approx([k * 3600 / 7 for k in range(35)], abs=1e-6)
    assert run.judged.seconds == pytest.approx(18_000, abs=1e-6)


def test_a_stall_shows_in_response_times_though_every_service_was_short(make_plan: Any) -> None:
    plan = make_plan({"rate": "50/s", "duration": "60s"}, max_sessions=20, plan={"patience": "1h"})
    run = simulate(plan, stall(0.005, 20, 30))
    response, service = run.judged.distribution("http.response_time"), run.judged.distribution("http.service_time")
    assert response is not None
    assert service is not None
    assert response.quantile(0.99) > 4e9
    # Only the twenty that were under way met the stall themselves.
    assert service.quantile(0.99) < 0.006e9
    assert sorted(run.target.due_s()) == pytest.approx([k / 50 for k in range(3000)], abs=1e-9)
    assert ledger(run.judged) == (3000, 3000)


def test_an_arrival_that_waits_longer_than_the_patience_is_dropped_and_counts_as_longer_than_anything(make_plan: Any) -> None:
    plan = make_plan({"rate": "100/s", "duration": "30s"}, max_sessions=10, plan={"patience": "1s"})
    run = simulate(plan, capacity(50))
    view = run.judged
    dropped = view.count("load.dropped") or 0
    response = view.distribution("http.response_time")
    assert response is not None
    assert dropped > 1000
    assert response.beyond == dropped
    assert math.isinf(response.quantile(0.99))
    assert response.count + response.beyond == 3000
    assert ledger(view) == (3000, 3000)


def test_the_wait_for_a_session_is_the_targets_share_and_not_the_generators_lag(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "10/s", "duration": "20s"}, max_sessions=1, plan={"patience": "1h"}), constant(0.2))
    lag, wait = run.judged.distribution("load.send_lag"), run.judged.distribution("load.pool_wait")
    assert lag is not None
    assert wait is not None
    assert lag.max == 0
    assert wait.max == pytest.approx(199 * 0.1e9, rel=0.01)


def test_a_burst_sends_all_at_the_same_instant(make_plan: Any) -> None:
    run = simulate(make_plan({"kind": "burst", "size": 50, "every": "10s", "duration": "30s"}), constant(0.01))
    assert sorted(run.target.sent_s()) == [0.0] * 50 + [10.0] * 50 + [20.0] * 50


def test_the_first_of_a_burst_are_sent_before_all_of_it_is_placed(make_plan: Any) -> None:
    runs: list[Simulation] = []

    def placing_takes_time(run: Simulation) -> None:
        timers, ticks = run.scenes[0].timers, itertools.count()
        clock = timers.now_ns
        timers.now_ns = lambda: clock() + 3_000 * next(ticks)
        runs.append(run)

    def stop_at_the_first(_at_s: float) -> Answer:
        runs[0].stop()
        return Answer(0.001)

    plan = make_plan({"kind": "burst", "size": 20_000, "every": "10s", "duration": "10s"}, max_sessions=10)
    run = simulate(plan, stop_at_the_first, meanwhile=placing_takes_time)
    came, ended = ledger(run.everything)
    assert came == ended
    assert 0 < came < 20_000


def test_a_worker_that_cannot_place_what_is_asked_ends_with_its_schedule_and_counts_the_rest_as_dropped(make_plan: Any) -> None:
    def placing_takes_a_millisecond(run: Simulation) -> None:
        timers, loop = run.scenes[0].timers, simulated_loop()

        def now_ns() -> int:
            loop.spend(1_000_000)
            return loop.now_ns()

        timers.now_ns = now_ns

    plan = make_plan({"rate": "20000/s", "duration": "10s"}, max_sessions=5, plan={"patience": "2s"})
    run = simulate(plan, constant(0.001), meanwhile=placing_takes_a_millisecond)
    assert ledger(run.everything) == (200_000, 200_000)
    assert run.ended_s < 10 + 2 + 2  # the schedule, the patience, and a piece of work at each end
    response = run.everything.distribution("http.response_time")
    assert response is not None
    assert response.beyond == run.everything.count("load.dropped")


def test_the_most_users_at_once_are_those_of_a_moment_between_two_readings_too(make_plan: Any) -> None:
    burst = simulate(make_plan({"kind": "burst", "size": 50, "every": "10s", "duration": "30s"}), constant(0.01))
    short = simulate(make_plan({"kind": "per-user-iterations", "users": 3, "iterations": 2}), constant(0.01))
    for run, most in ((burst, 50), (short, 3)):
        users = run.judged.gauge("load.users")
        assert users is not None
        assert users.greatest == most


def test_a_spike_multiplies_the_rate_while_it_lasts(make_plan: Any) -> None:
    run = simulate(make_plan({"kind": "spike", "rate": "10/s", "peak": 10, "at": "10s", "for": "5s"}), constant(0.01))
    inside = [due for due in run.target.due_s() if 10 <= due < 15]
    assert len(inside) == 500
    assert len(run.target.exchanged) == 700


@pytest.mark.parametrize("workers", [2, 7, 50])
def test_the_same_seed_gives_the_same_schedule_for_one_worker_or_many(make_plan: Any, workers: int) -> None:
    profile = {"kind": "poisson-rate", "rate": "20/s", "duration": "30s"}
    alone = simulate(make_plan(profile), constant(0.01))
    many = simulate(make_plan(profile, plan={"workers": workers}), constant(0.01))
    assert sorted(many.target.due_s()) == sorted(alone.target.due_s())
    other = simulate(make_plan(profile, plan={"seed": 2}), constant(0.01))
    assert sorted(other.target.due_s()) != sorted(alone.target.due_s())


def test_the_limit_of_sessions_holds_over_all_workers_together(make_plan: Any) -> None:
    plan = make_plan({"rate": "100/s", "duration": "2s"}, max_sessions=20, plan={"workers": 3, "patience": "1h"})
    run = simulate(plan, constant(10))
    first = [exchange for exchange in run.target.exchanged if exchange.sent_s < 5]
    assert len(first) == 20


def test_connections_that_open_slowly_do_not_move_the_schedule(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "20/s", "duration": "10s"}), ScriptedTarget(constant(0.001), connect_s=3.0))
    assert sorted(run.target.due_s()) == pytest.approx([k / 20 for k in range(200)], abs=1e-9)
    assert min(run.target.sent_s()) == pytest.approx(3.0)


def test_graceful_stop_waits_and_then_interrupts_what_is_still_under_way(make_plan: Any) -> None:
    plan = make_plan({"rate": "1/s", "duration": "10s"}, plan={"graceful_stop": "5s", "patience": "1h"})
    run = simulate(plan, constant(12))
    # Arrivals at 0 … 9 s end at 12 … 21 s; the load ends at 10 s and waits until 15 s.
    assert run.ended_s == pytest.approx(15)
    assert run.everything.count("iteration.count") == 3
    assert run.everything.count("iteration.interrupted") == 7
    assert ledger(run.everything) == (10, 10)


@pytest.mark.parametrize("stop_s", [0.0, 0.3, 4.99, 5.0, 7.0, 9.999, 10.5])
@pytest.mark.parametrize("how", ["stop", "cut"])
def test_a_stop_at_any_moment_ends_promptly_with_an_exact_ledger(make_plan: Any, stop_s: float, how: str) -> None:
    plan = make_plan({"rate": "20/s", "duration": "10s"}, warm_up="5s", max_sessions=8, plan={"graceful_stop": "2s", "patience": "3s"})
    run = simulate(plan, stall(0.4, 6, 8), meanwhile=lambda run: at(stop_s, getattr(run, how)))
    assert run.ended_s <= stop_s + (2.0 if how == "stop" else 0.0) + 1e-6
    arrivals, told = ledger(run.everything)
    assert arrivals == told
    assert 20 * min(stop_s, 10) - 1 <= arrivals <= 20 * min(stop_s, 10) + 1


def test_a_stop_before_the_start_starts_nothing(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "20/s", "duration": "10s"}, start="30s"), meanwhile=lambda run: at(3, run.stop))
    assert run.ended_s == pytest.approx(3)
    assert run.target.exchanged == []


@given(
    rate=st.floats(0.5, 60),
    service=st.floats(0.001, 3),
    sessions=st.integers(1, 12),
    patience=st.floats(0.1, 5),
    workers=st.integers(1, 4),
    stop_s=st.floats(0, 12),
    how=st.sampled_from(["stop", "cut"]),
    every=st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_each_arrival_ends_in_exactly_one_way(
    rate: float, service: float, sessions: int, patience: float, workers: int, stop_s: float, how: str, every: int
) -> None:
    plan = Plan.model_validate(
        {
            "scenarios": {"main": {"profile": {"rate": rate, "duration": "10s"}, "steps": [{"get": "/"}], "max_sessions": sessions}},
            "target": "http://127.0.0.1:1",
            "patience": patience,
            "graceful_stop": "1s",
            "workers": workers,
        }
    )
    run: Simulation = simulate(plan, failing(service, every), meanwhile=lambda run: at(stop_s, getattr(run, how)))
    arrivals, told = ledger(run.everything)
    assert arrivals == told
    view = run.everything
    answered = view.distribution("http.service_time", {"outcome": "ok"})
    assert (view.count("http.requests") or 0) == (answered.count if answered else 0) + (view.count("http.errors") or 0)
    assert all(not scene.active for scene in run.scenes)


def test_ten_hours_at_a_low_rate_keep_tables_flat_and_do_not_drift(make_plan: Any) -> None:
    sizes: list[int] = []
    told = Aggregate()
    target = ScriptedTarget(constant(0.02), keep=0)
    run: list[Simulation] = []

    def sink(snapshot: Any) -> None:
        told.add(snapshot)
        scene, recorder = run[0].scenes[0], run[0].recorders[0]
        sizes.append(len(scene.timers) + len(scene.active) + len(recorder._admitted) + len(recorder._exchanges) + len(recorder._columns))

    simulate(make_plan({"rate": "0.5/s", "duration": "10h"}), target, meanwhile=run.append, sink=sink)
    assert target.answered == 18_000
    assert told.seconds == pytest.approx(36_000, abs=1e-6)
    assert max(sizes) == max(sizes[:10])
    lag = told.distribution("load.send_lag")
    assert lag is not None
    assert lag.max == 0


def test_data_that_runs_out_ends_the_load_when_the_plan_says_so(make_plan: Any, tmp_path: Any) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("name\n" + "".join(f"n{k}\n" for k in range(25)))
    plan = make_plan(
        {"rate": "10/s", "duration": "60s"},
        data={"file": str(file), "exhausted": "stop"},
        steps=[{"get": "/${row.name}"}],
        plan={"workers": 2},
    )
    run = simulate(plan, constant(0.01))
    assert sorted(exchange.url for exchange in run.target.exchanged) == sorted(f"/n{k}" for k in range(25))
    assert run.ended_s < 5


def test_a_session_without_a_row_of_its_own_serves_no_arrival_when_the_plan_says_stop(make_plan: Any, tmp_path: Any) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("name\nanna\nben\n")
    data = {"file": str(file), "take": "per_user", "exhausted": "stop"}
    plan = make_plan({"rate": "4/s", "duration": "10s"}, data=data, steps=[{"get": "/${row.name}"}], plan={"patience": "0.5s"})
    run = simulate(plan, constant(1))
    assert {exchange.url for exchange in run.target.exchanged} == {"/anna", "/ben"}
    view = run.everything
    assert view.count("iteration.count") == view.count("http.requests") == len(run.target.exchanged)
    assert view.count("load.arrivals") == 40 == (view.count("iteration.count") or 0) + (view.count("load.dropped") or 0)
