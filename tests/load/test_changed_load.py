"""A load that people change while it goes on: what holds before the moment, what after, and what never moves."""

import itertools
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.clock import SECOND
from loadstone.judge.notices import NoticeCode
from loadstone.load.control import Applied, Control, Pause, Resume, Scale, SetRate, SetUsers, Spike, Stop, ahead_of, paused_s, stands
from loadstone.load.warp import Warp
from loadstone.measure.snapshot import PAUSED
from loadstone.plan.rest import rest_of
from loadstone.run import judge_again
from loadstone.testing.client import constant, stall
from loadstone.testing.clock import START_NS, at
from loadstone.testing.simulation import Simulation, simulate


def asking(*asked: tuple[float, Control], late_s: float = 0.0) -> Any:
    """Controls at seconds of the run, told to all workers a little ahead of their moment, or late."""

    def meanwhile(run: Simulation) -> None:
        def tell(control: Control, at_s: float) -> None:
            for engine in run.engines:
                engine.control(control, START_NS + round(at_s * SECOND))

        for at_s, control in asked:
            at(at_s - 0.02 + late_s, partial(tell, control, at_s))

    return meanwhile


def sent_between(run: Simulation, from_s: float, until_s: float) -> int:
    return sum(from_s <= sent_s < until_s for sent_s in run.target.sent_s())


@pytest.mark.parametrize("workers", [1, 3])
def test_a_rate_twice_as_high_holds_exactly_from_its_moment_on_and_the_run_keeps_its_length(make_plan: Any, workers: int) -> None:
    plan = make_plan({"rate": "50/s", "duration": "60s"}, plan={"workers": workers})
    run = simulate(plan, constant(0.004), meanwhile=asking((20.0, Scale(2.0))))
    due_s = sorted(run.target.due_s())
    assert due_s == pytest.approx([k / 50 for k in range(1000)] + [20 + k / 100 for k in range(4000)], abs=1e-8)
    assert run.judged.seconds == pytest.approx(60, abs=1e-6)
    assert run.judged.count("load.arrivals") == 5000


def test_a_spike_ends_by_itself_and_what_follows_is_as_it_was(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "10/s", "duration": "60s"}), meanwhile=asking((20.0, Spike(5.0, 10.0))))
    assert [sent_between(run, *span) for span in ((0, 20), (20, 30), (30, 60))] == [200, 500, 300]


def test_a_ramp_keeps_its_shape_under_a_factor(make_plan: Any) -> None:
    run = simulate(
        make_plan({"kind": "ramping-rate", "from_rate": "0/s", "to_rate": "100/s", "duration": "10s"}), meanwhile=asking((5.0, Scale(2.0)))
    )
    assert sent_between(run, 0, 5) == pytest.approx(125, abs=1)
    assert sent_between(run, 5, 10) == pytest.approx(750, abs=1)


def test_a_rate_that_is_set_holds_until_the_end_of_the_profile(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "10/s", "duration": "30s"}), meanwhile=asking((10.0, SetRate(7.0))))
    assert sent_between(run, 0, 10) == 100
    assert sent_between(run, 10, 31) == 140


def test_arrivals_by_chance_keep_their_draws_under_a_factor(make_plan: Any) -> None:
    plan = make_plan({"rate": "50/s", "duration": "20s", "poisson": True})
    plain, scaled = simulate(plan), simulate(plan, meanwhile=asking((10.0, Scale(2.0))))
    gaps, halved = (
        [later - former for former, later in itertools.pairwise(s for s in sorted(run.target.due_s()) if s > 10.1)]
        for run in (plain, scaled)
    )
    before = [s for s in sorted(plain.target.due_s()) if s < 10]
    assert sorted(scaled.target.due_s())[: len(before)] == before
    assert len(halved) > 1.7 * len(gaps)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_pause_has_no_arrivals_and_no_burst_follows_it(make_plan: Any, workers: int) -> None:
    plan = make_plan({"rate": "50/s", "duration": "60s"}, plan={"workers": workers})
    run = simulate(plan, constant(0.004), meanwhile=asking((20.0, Pause()), (35.5, Resume())))
    due_s = sorted(run.target.due_s())
    assert due_s == pytest.approx([k / 50 if k <= 1000 else 15.5 + k / 50 for k in range(3000)], abs=1e-8)
    assert run.ended_s == pytest.approx(75.5, abs=0.1)


def test_a_pause_is_no_time_under_load(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "50/s", "duration": "60s"}), meanwhile=asking((20.25, Pause()), (35.5, Resume())))
    assert run.judged.seconds == pytest.approx(60, abs=1e-3)
    assert run.judged.count("load.time") == pytest.approx(60e9, abs=1e6)
    paused = [each for each in run.snapshots if each.phase == PAUSED]
    assert (paused[0].start_s, paused[-1].end_s) == pytest.approx((20.25, 35.5), abs=1e-6)
    assert all(each.judged for each in paused)


def test_what_is_under_way_when_a_pause_begins_is_measured_to_its_end(make_plan: Any) -> None:
    plan = make_plan({"rate": "50/s", "duration": "30s"}, max_sessions=1000, plan={"patience": "1h"})
    run = simulate(plan, stall(0.005, 10, 18), meanwhile=asking((12.0, Pause()), (25.0, Resume())))
    response = run.judged.distribution("http.response_time")
    assert response is not None
    assert response.count == 1500
    assert sum(each > 5e9 for each in [response.quantile(0.99)]) == 1, "those that met the stall waited for it, pause or not"


def test_what_was_due_before_a_change_stays_due_though_the_news_came_late(make_plan: Any) -> None:
    run = simulate(make_plan({"rate": "50/s", "duration": "20s"}), meanwhile=asking((10.0, Pause()), (12.0, Resume()), late_s=0.5))
    due_s = sorted(run.target.due_s())
    assert len(due_s) == 1000
    assert due_s[500] == pytest.approx(10.0)  # was placed before anybody knew
    assert max(later - former for former, later in itertools.pairwise(due_s)) <= 2.03


def test_a_pause_in_the_warm_up_prolongs_it(make_plan: Any) -> None:
    plan = make_plan({"rate": "50/s", "duration": "20s"}, warm_up="5s")
    run = simulate(plan, meanwhile=asking((2.0, Pause()), (4.0, Resume())))
    assert run.judged.count("load.arrivals") == 750
    assert run.judged.seconds == pytest.approx(15, abs=1e-3)


def test_bursts_come_twice_as_often_under_a_factor_of_two_and_are_used_up_earlier(make_plan: Any) -> None:
    run = simulate(make_plan({"kind": "burst", "size": 10, "every": "1s", "duration": "20s"}), meanwhile=asking((10.0, Scale(2.0))))
    assert sent_between(run, 0, 9.9) == 100
    assert sent_between(run, 9.9, 15) == 100
    assert run.judged.seconds == pytest.approx(20, abs=1e-3)


def test_more_users_begin_at_the_moment_and_too_many_end_after_their_pass(make_plan: Any) -> None:
    plan = make_plan({"users": 4, "duration": "40s"}, think="1s")
    users: list[tuple[float, float]] = []
    run = simulate(plan, constant(0.1), meanwhile=asking((10.0, SetUsers(12)), (20.0, Scale(0.5)), (30.0, SetUsers(1))))
    for snapshot in run.snapshots:
        for series, gauge in snapshot.gauges.items():
            if series.metric == "load.users":
                users.append((snapshot.end_s, gauge.last))
    level = dict(users)
    assert [level[second] for second in (9.0, 15.0, 25.0, 35.0)] == [4, 12, 6, 1]


def test_no_pass_begins_in_a_pause_and_users_keep_their_distance_after_it(make_plan: Any) -> None:
    plan = make_plan({"kind": "ramping-users", "from_users": 0, "to_users": 10, "duration": "9.3s", "hold": "50.7s"}, pacing="1s")
    run = simulate(plan, constant(0.01), meanwhile=asking((20.0, Pause()), (33.0, Resume())))
    assert sent_between(run, 20.001, 33.0) == 0
    first = sorted(s for s in run.target.sent_s() if s >= 33.0)[:10]
    assert first[-1] - first[0] > 0.5, "they did not all begin at once"
    assert max(run.target.sent_s()) == pytest.approx(73, abs=1.1)
    response = run.judged.distribution("http.response_time")
    assert response is not None
    assert response.quantile(1.0) < 0.1e9, "a pause is no wait for the target"


def test_volleys_stop_in_a_pause_and_go_on_after_it(make_plan: Any) -> None:
    plan = make_plan({"users": 3, "duration": "20s"})
    run = simulate(plan, constant(0.01), meanwhile=asking((5.0, Pause()), (9.0, Resume())))
    assert sent_between(run, 5.02, 9.0) == 0
    assert sent_between(run, 9.0, 24.0) == pytest.approx(4500, rel=0.02)


def test_a_run_that_is_stopped_in_a_pause_ends(make_plan: Any) -> None:
    for profile in ({"rate": "50/s", "duration": "60s"}, {"users": 5, "duration": "60s"}):
        run = simulate(make_plan(profile), meanwhile=asking((10.0, Pause()), (15.0, Stop())))
        assert run.ended_s == pytest.approx(15, abs=0.1)


def test_a_scenario_that_comes_later_comes_later_by_the_pause_and_with_the_factor(make_plan: Any) -> None:
    others = {"late": {"profile": {"rate": "10/s", "duration": "10s"}, "steps": [{"get": "/late"}], "start": "20s"}}
    plan = make_plan({"rate": "10/s", "duration": "30s"}, others=others)
    run = simulate(plan, meanwhile=asking((5.0, Scale(2.0, "late")), (10.0, Pause()), (15.0, Resume())))
    assert run.judged.count("load.arrivals", {"scenario": "late"}) == 200
    assert run.judged.count("load.arrivals", {"scenario": "main"}) == 300
    assert run.ended_s == pytest.approx(35, abs=0.1)


pauses = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=6)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    "profile",
    [
        {"rate": "40/s", "duration": "30s"},
        {"rate": "40/s", "duration": "30s", "poisson": True},
        {"kind": "ramping-rate", "from_rate": "10/s", "to_rate": "90/s", "duration": "30s"},
        {"kind": "burst", "size": 10, "every": "500ms", "duration": "30s"},
    ],
)
def test_the_rest_of_a_run_that_was_changed_has_the_arrivals_that_it_would_have_had(make_plan: Any, profile: Any, workers: int) -> None:
    asked = ((4.0, Scale(2.0)), (6.0, Pause()), (9.0, Resume()), (11.0, Scale(0.25)), (14.0, Spike(3.0, 5.0)))
    plan, end_s = make_plan(profile, plan={"workers": workers}), 15.0
    whole = simulate(plan, meanwhile=asking(*asked))
    applied = [Applied(control, at_s) for at_s, control in asked]
    rest = rest_of(plan, {plan.scenarios[0].name: end_s - 3.0}, end_s - paused_s(applied, end_s))
    found = simulate(rest, before=ahead_of(applied, end_s))
    expected = sorted(due_s - end_s for due_s in whole.target.due_s() if due_s >= end_s)
    assert len(expected) > 100
    assert sorted(found.target.due_s()) == pytest.approx(expected, abs=1e-6)


def most_users(run: Simulation) -> float:
    gauge = run.judged.gauge("load.users")
    assert gauge is not None
    return gauge.greatest


def test_users_that_were_asked_for_are_there_again_when_the_run_goes_on(make_plan: Any) -> None:
    plan = make_plan({"kind": "constant-users", "users": 4, "duration": "20s"}, pacing="1s")
    rest = rest_of(plan, {plan.scenarios[0].name: 10.0}, 10.0)
    run = simulate(rest, before=ahead_of([Applied(SetUsers(12), 3.0)], 10.0))
    assert most_users(run) == 12
    assert most_users(simulate(rest)) == 4


def test_a_pause_in_which_a_run_was_cut_off_is_no_time_of_its_schedule() -> None:
    applied = [Applied(Scale(2.0), 2.0), Applied(Pause(), 5.0)]
    assert stands(applied)
    assert ahead_of(applied, 9.0) == [(Scale(2.0), -3.0)]
    assert not stands([*applied, Applied(Resume(), 9.0)])


def warp_of(gaps: list[tuple[int, int]], *, stands: bool) -> Warp:
    warp, now = Warp(), 0
    for gap, length in gaps:
        now += gap
        warp = warp.paused(now)
        now += length
        warp = warp.resumed(now)
    return warp.paused(now + 5) if stands else warp


@given(gaps=pauses, stands=st.booleans(), moment=st.integers(0, 10**10), more=st.integers(0, 10**10))
@settings(max_examples=300)
def test_schedule_time_rises_with_real_time_and_leads_back_to_it(gaps: Any, stands: bool, moment: int, more: int) -> None:
    warp = warp_of(gaps, stands=stands)
    assert warp.schedule_ns(moment) <= warp.schedule_ns(moment + more) <= warp.schedule_ns(moment) + more
    due, later = warp.due_ns(moment), warp.due_ns(moment + more)
    if due is None:
        assert later is None
        return
    assert warp.schedule_ns(due) == moment
    assert later is None or later - due >= more
    inside = [True for since, until in warp.pauses if since < due < until]
    assert not inside, "nothing is due in a pause"


@given(gaps=pauses, moment=st.integers(0, 10**10), at_ns=st.integers(0, 10**10))
def test_a_later_pause_moves_nothing_that_was_due_before_it(gaps: Any, moment: int, at_ns: int) -> None:
    warp = warp_of(gaps, stands=False)
    due, held = warp.due_ns(moment), warp.paused(at_ns)
    assert due is not None
    if held.stands_ns is not None and due <= held.stands_ns:
        assert held.due_ns(moment) == held.resumed(at_ns + 7).due_ns(moment) == due


@pytest.mark.parametrize(
    ("profile", "workers", "asked", "told"),
    [
        ({"iterations": 100, "users": 2}, 1, [(1.0, Scale(0.5))], []),
        ({"iterations": 100, "users": 2}, 2, [], []),
        ({"iterations": 100, "users": 2}, 2, [(1.0, Scale(0.5))], ["60 of 100 iterations of main were begun"]),
        ({"iterations": 100, "users": 2, "max_duration": "3s"}, 1, [], ["60 of 100 iterations of main were begun"]),
        ({"kind": "per-user-iterations", "iterations": 50, "users": 2}, 2, [], []),
        (
            {"kind": "per-user-iterations", "iterations": 50, "users": 2, "max_duration": "3s"},
            2,
            [],
            ["60 of 100 iterations of main were begun"],
        ),
        ({"kind": "per-user-iterations", "iterations": 50, "users": 2}, 2, [(1.0, SetUsers(1))], []),
    ],
)
def test_iterations_that_were_asked_for_and_never_begun_are_told(
    make_plan: Any, profile: dict[str, Any], workers: int, asked: list[tuple[float, Control]], told: list[str]
) -> None:
    plan = make_plan(profile, plan={"workers": workers})
    run = simulate(plan, constant(0.1), meanwhile=asking(*asked))
    changes = [Applied(control, at_s) for at_s, control in asked]
    story = judge_again(plan, run.snapshots, datetime(2026, 1, 1, tzinfo=UTC), unfinished=False, changes=changes)
    assert [notice.text for notice in story.notices if notice.code is NoticeCode.ITERATIONS_UNMADE] == told
