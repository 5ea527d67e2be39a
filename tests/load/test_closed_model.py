"""Closed model in simulated time: who starts and stops when, and how many passes come of it."""

import asyncio
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import pytest

from loadstone.plan.user import User, task
from loadstone.testing.client import ScriptedTarget, constant, failing
from loadstone.testing.clock import at
from loadstone.testing.simulation import Simulation, simulate


@pytest.mark.parametrize("workers", [1, 3])
def test_a_ramp_starts_and_stops_the_right_users_at_the_right_times(make_plan: Any, workers: int) -> None:
    plan = make_plan(
        {"kind": "stages", "stages": [{"duration": "10s", "users": 10}, {"duration": "10s", "users": 10}, {"duration": "10s", "users": 0}]},
        plan={"workers": workers},
    )
    seen: dict[float, int] = {}

    def look(run: Simulation) -> None:
        def count(t_s: float) -> None:
            seen[t_s] = sum(len(scene.active) for scene in run.scenes)

        for second in range(30):
            at(second + 0.25, partial(count, second + 0.25))

    run = simulate(plan, constant(0.01), meanwhile=look)
    # User k is there while the level is at least k + 0.5.
    assert seen == {t: int(t + 0.5 if t < 10 else 10 if t < 20 else 30.5 - t) for t in seen}
    first = {user: min(e.sent_s for e in run.target.exchanged if e.user == user) for user in range(10)}
    assert first == pytest.approx({user: user + 0.5 for user in range(10)})


def test_a_user_that_is_ramped_down_ends_its_iteration_first(make_plan: Any) -> None:
    plan = make_plan(
        {"kind": "stages", "stages": [{"duration": "10s", "users": 2, "shape": "step"}, {"duration": "20s", "users": 1, "shape": "step"}]}
    )
    run = simulate(plan, constant(4))
    ends = [exchange.end_s for exchange in run.target.exchanged if exchange.user == 1]
    assert ends == pytest.approx([4, 8, 12])
    assert run.everything.count("iteration.interrupted") is None


def test_a_user_that_comes_back_while_its_last_iteration_goes_on_begins_after_it_and_leaves_when_told(make_plan: Any) -> None:
    steps = [(5, 1), (1, 0), (1, 1), (1, 0), (20, 1)]
    stages = [{"duration": f"{seconds}s", "users": users, "shape": "step"} for seconds, users in steps]
    run = simulate(make_plan({"kind": "stages", "stages": stages}), constant(4))
    assert sorted(run.target.sent_s()) == pytest.approx([0, 4, 8, 12, 16, 20, 24])
    assert max(len(scene.active) for scene in run.scenes) == 0
    assert run.ended_s == pytest.approx(28)


def test_pacing_does_not_drift_and_an_overrun_skips_turns_instead_of_pushing_the_rest(make_plan: Any) -> None:
    run = simulate(make_plan({"users": 1, "duration": "1h"}, pacing="2s"), constant(0.7))
    assert run.target.sent_s() == pytest.approx([2 * k for k in range(1800)], abs=1e-9)
    slow = simulate(make_plan({"users": 1, "duration": "60s"}, pacing="2s"), constant(2.5))
    assert slow.target.sent_s() == pytest.approx([4 * k for k in range(15)], abs=1e-9)


def test_think_time_is_added_after_each_iteration_and_is_no_part_of_any_response_time(make_plan: Any) -> None:
    run = simulate(make_plan({"users": 1, "duration": "60s"}, think="1.5s"), constant(0.5))
    assert run.target.sent_s() == pytest.approx([2 * k for k in range(30)], abs=1e-9)
    response = run.judged.distribution("http.response_time")
    assert response is not None
    assert response.max == pytest.approx(0.5e9)


def test_users_that_think_leave_at_once_when_the_load_ends(make_plan: Any) -> None:
    assert simulate(make_plan({"users": 5, "duration": "10s"}, think="1h"), constant(0.1)).ended_s == pytest.approx(10)


@pytest.mark.parametrize("workers", [1, 3, 7])
@pytest.mark.parametrize(("users", "iterations"), [(1, 10), (2, 10), (5, 100), (10, 3), (7, 7)])
def test_shared_iterations_are_exact_for_any_number_of_workers(make_plan: Any, workers: int, users: int, iterations: int) -> None:
    profile = {"kind": "shared-iterations", "users": users, "iterations": iterations}
    run = simulate(make_plan(profile, plan={"workers": workers}), constant(0.1))
    assert run.judged.count("iteration.count") == iterations
    assert run.ended_s < 600


@pytest.mark.parametrize("workers", [1, 3, 7])
def test_per_user_iterations_are_exact_for_any_number_of_workers(make_plan: Any, workers: int) -> None:
    profile = {"kind": "per-user-iterations", "users": 5, "iterations": 4}
    run = simulate(make_plan(profile, plan={"workers": workers}), constant(0.1))
    assert sorted(exchange.user for exchange in run.target.exchanged) == sorted(list(range(5)) * 4)
    assert run.ended_s == pytest.approx(0.4)


def test_iterations_end_when_their_time_is_up(make_plan: Any) -> None:
    run = simulate(make_plan({"kind": "shared-iterations", "users": 2, "iterations": 1000, "max_duration": "10s"}), constant(1))
    assert run.judged.count("iteration.count") == 20


def test_a_user_spike_adds_users_and_takes_the_same_ones_away(make_plan: Any) -> None:
    run = simulate(make_plan({"kind": "spike", "users": 2, "peak": 3, "at": "10s", "for": "5s"}), constant(1))
    visitors = [exchange for exchange in run.target.exchanged if exchange.user >= 2]
    assert {exchange.user for exchange in visitors} == {2, 3, 4, 5}
    assert all(10 <= exchange.sent_s < 15 for exchange in visitors)


def test_graceful_stop_waits_and_then_interrupts(make_plan: Any) -> None:
    run = simulate(make_plan({"users": 3, "duration": "10s"}, plan={"graceful_stop": "4s"}), constant(9))
    assert run.ended_s == pytest.approx(14)
    assert run.everything.count("iteration.interrupted") == 3
    assert run.everything.count("iteration.count") == 3


@pytest.mark.parametrize("how", ["stop", "cut"])
@pytest.mark.parametrize("stop_s", [0.0, 0.5, 3.0, 9.99, 10.2])
def test_a_stop_at_any_moment_ends_promptly_and_leaves_nobody_behind(make_plan: Any, stop_s: float, how: str) -> None:
    plan = make_plan({"users": 4, "duration": "10s"}, warm_up="3s", plan={"graceful_stop": "1s", "workers": 2})
    run = simulate(plan, constant(0.7), meanwhile=lambda run: at(stop_s, getattr(run, how)))
    assert run.ended_s <= min(stop_s, 10) + 1 + 1e-6
    assert all(not scene.active for scene in run.scenes)


class OnceRaised(User):
    async def on_start(self) -> None:
        raise ValueError("no account")

    @task
    async def look(self) -> None:
        await self.http.get("/")
        raise KeyError("basket")


class Stubborn(User):
    @task
    async def hold_on(self) -> None:
        caught = 0
        while caught < 3:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                caught += 1
        await asyncio.sleep(3600)


class Exits(User):
    @task
    async def leave(self) -> None:
        await self.http.get("/")
        raise SystemExit(3)


class CancelsItself(User):
    @task
    async def leave(self) -> None:
        own = asyncio.ensure_future(asyncio.sleep(60))
        await self.http.get("/")
        own.cancel()
        await own


class Idle(User):
    @task
    async def nothing(self) -> None:
        pass


def test_a_script_that_always_raises_is_counted_with_its_own_line_and_goes_on(make_plan: Any) -> None:
    run = simulate(make_plan({"users": 2, "duration": "5s"}), constant(0.1), users={"main": [OnceRaised]})
    assert run.judged.count("iteration.count") == 100
    assert run.judged.count("iteration.errors") == 102
    texts = {failure.text: (failure.step, count) for failure, count in run.judged.failures.items()}
    line = OnceRaised.on_start.__code__.co_firstlineno + 1
    assert texts[f"ValueError: no account (test_closed_model.py:{line})"] == ("on_start", 2)
    assert texts[f"KeyError: 'basket' (test_closed_model.py:{OnceRaised.look.__code__.co_firstlineno + 3})"] == ("iteration", 100)


def test_a_script_that_catches_its_cancellation_cannot_keep_the_run_from_ending(make_plan: Any) -> None:
    plan = make_plan({"users": 2, "duration": "5s"}, plan={"graceful_stop": "1s"})
    run = simulate(plan, users={"main": [Stubborn]})
    assert run.ended_s == pytest.approx(9)  # 5 s of load, 1 s of grace, and three times a second to obey
    assert run.everything.count("iteration.interrupted") == 2


class TakesLeave(User):
    said: ClassVar[list[int]] = []

    @task
    async def stay(self) -> None:
        await asyncio.sleep(3600)

    async def on_stop(self) -> None:
        await asyncio.sleep(0.9)
        self.said.append(self.index)


@pytest.mark.parametrize("cuts", [(3.0,), (3.0, 3.5), (5.7,)], ids=["from the load", "twice", "before the graceful time is over"])
def test_a_session_that_is_cut_off_has_a_second_for_its_own_end(make_plan: Any, cuts: tuple[float, ...]) -> None:
    def cut(run: Simulation) -> None:
        for cut_s in cuts:
            at(cut_s, run.cut)

    TakesLeave.said.clear()
    plan = make_plan({"users": 2, "duration": "5s"}, plan={"graceful_stop": "1s"})
    run = simulate(plan, users={"main": [TakesLeave]}, meanwhile=cut)
    assert sorted(TakesLeave.said) == [0, 1]
    assert run.ended_s == pytest.approx(cuts[0] + 0.9)
    assert run.everything.count("iteration.interrupted") == 2


@pytest.mark.parametrize(("script", "name"), [(Exits, "SystemExit"), (CancelsItself, "CancelledError")])
def test_a_script_that_exits_or_cancels_itself_is_counted_and_ends_nothing(make_plan: Any, script: type[User], name: str) -> None:
    run = simulate(make_plan({"users": 2, "duration": "5s"}), constant(0.1), users={"main": [script]})
    assert run.judged.count("iteration.errors") == 100
    assert all(failure.text.startswith(name) for failure in run.judged.failures)


def test_iterations_that_never_wait_do_not_starve_the_clock(make_plan: Any) -> None:
    run = simulate(make_plan({"users": 3, "duration": "2s"}), users={"main": [Idle]}, turn_ns=1_000_000)
    assert run.ended_s == pytest.approx(2, abs=0.1)
    assert (run.judged.count("iteration.count") or 0) > 1000


def test_the_ledger_of_requests_is_exact(make_plan: Any) -> None:
    run = simulate(make_plan({"users": 5, "duration": "60s"}), failing(0.13, 3))
    view = run.judged
    ok = view.distribution("http.service_time", {"outcome": "ok"})
    assert ok is not None
    assert view.count("http.requests") == ok.count + (view.count("http.errors") or 0) == view.count("iteration.count")


def test_answers_that_never_come_count_as_longer_than_anything(make_plan: Any) -> None:
    run = simulate(make_plan({"users": 2, "duration": "60s"}), ScriptedTarget(constant(100), timeout_s=10))
    response = run.judged.distribution("http.response_time")
    assert response is not None
    assert (response.count, response.beyond) == (0, 12)
    assert run.judged.count("http.errors", {"kind": "timeout_total"}) == 12


def test_users_draw_the_same_random_numbers_for_any_number_of_workers(make_plan: Any) -> None:
    steps = [{"get": "/${randint 1 1000000}"}]
    profile = {"kind": "per-user-iterations", "users": 6, "iterations": 3}
    alone = simulate(make_plan(profile, steps=steps), constant(0.1))
    many = simulate(make_plan(profile, steps=steps, plan={"workers": 4}), constant(0.1))
    assert sorted(exchange.url for exchange in alone.target.exchanged) == sorted(exchange.url for exchange in many.target.exchanged)


def test_users_without_a_row_of_their_own_do_not_run_when_the_plan_says_stop(make_plan: Any, tmp_path: Any) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("name\nanna\nben\n")
    data = {"file": str(file), "take": "per_user", "exhausted": "stop"}
    run = simulate(make_plan({"users": 5, "duration": "10s"}, data=data, steps=[{"get": "/${row.name}"}]), constant(1))
    assert {exchange.url for exchange in run.target.exchanged} == {"/anna", "/ben"}
    assert run.ended_s == pytest.approx(10)


def test_a_run_whose_users_have_all_ended_waits_only_for_users_that_are_still_to_start(make_plan: Any, tmp_path: Any) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("name\nanna\nben\n")
    data = {"file": str(file), "exhausted": "stop"}
    profile = {"kind": "ramping-users", "from_users": 1, "to_users": 5, "duration": "100s", "hold": "1h"}
    run = simulate(make_plan(profile, data=data), constant(1))
    assert len(run.target.exchanged) == 2
    assert run.ended_s < 101


def test_user_rng_and_data_are_at_hand_in_every_task(make_plan: Any, tmp_path: Any) -> None:
    class Drawn(User):
        async def on_start(self) -> None:
            self.vars["number"] = self.rng.random()

        @task
        async def look(self) -> None:
            await self.http.get(f"/{self.data['name']}/{self.rng.random() != self.vars['number']}")

    file = tmp_path / "rows.csv"
    file.write_text("name\nanna\n")
    run = simulate(make_plan({"kind": "shared-iterations", "iterations": 3}, data=str(file)), constant(0.1), users={"main": [Drawn]})
    assert [exchange.url for exchange in run.target.exchanged] == ["/anna/True"] * 3


def test_starting_times_follow_each_other_by_one_iteration(make_plan: Any) -> None:
    run = simulate(make_plan({"users": 1, "duration": "10s"}), constant(0.25))
    assert {round(later - earlier, 9) for earlier, later in pairwise(run.target.sent_s())} == {0.25}
