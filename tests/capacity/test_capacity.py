"""Whole searches against simulated servers whose capacity is known: levels, gates, saturation, recovery."""

from collections.abc import Callable

import numpy as np
import pytest

from loadstone.capacity import search
from loadstone.errors import ExitCode, TargetUnreachable
from loadstone.judge.capacity import Capacity
from loadstone.judge.capacity_search import Answer, Outcome
from loadstone.measure.sink import Sink
from loadstone.plan.model import Plan
from loadstone.report.capacity_document import CapacityDocument, capacity_document_of, render_capacity_json
from loadstone.report.capacity_text import answer_of, render_capacity_text
from loadstone.report.text import Look

from .simulated import BUSY, Levels, Marks, Simulation, question, queue


def find(simulation: Simulation, *slos: str, busy: Callable[[Simulation], bool] = lambda _: False, **options: object) -> Capacity:
    asked = question(*slos, **options)  # type: ignore[arg-type]
    look = lambda: BUSY if busy(simulation) else None  # noqa: E731
    return search(asked, run=simulation, look=look, clock=simulation.clock, rest=simulation.rest)


@pytest.mark.parametrize("rate", [50, 100, 333, 1000])
def test_a_server_that_takes_exactly_so_many_is_found(rate: int) -> None:
    simulation = Simulation(queue(rate, jitter=0.1), seed=rate)
    found = find(simulation, "p95(http.response_time) < 1s").found
    assert found.low is not None
    assert found.high is not None
    assert found.low <= rate <= found.high
    assert found.high / found.low <= 1.21
    assert simulation.now_s <= 190


def test_the_truth_of_servers_with_chance_lies_in_most_intervals() -> None:
    # M/D/1 at 100/s: by long simulation p95 passes 200 ms at 92.1/s
    inside = 0
    for seed in range(20):
        found = find(Simulation(queue(100), seed=seed), poisson=True).found
        inside += found.low is not None and found.high is not None and found.low <= 92.1 <= found.high
    assert inside >= 16


def test_a_limit_of_errors_breaks_first() -> None:
    def serve(arrivals: Levels, rng: np.random.Generator) -> tuple[Levels, Marks]:
        rate = 1 / float(np.median(np.diff(arrivals)))
        return np.full(len(arrivals), 0.01), rng.random(len(arrivals)) < max(0.0, 1 - 150 / rate)

    capacity = find(Simulation(serve))
    assert "http.errors" in capacity.breaks_first
    assert capacity.found.met is not None
    assert 140 <= capacity.found.met <= 152


def test_users_meet_a_limit_of_response_time() -> None:
    # four at a time, 10 ms each: twenty users wait 50 ms
    capacity = find(Simulation(per_user_s=lambda users: 0.01 * max(1.0, users / 4)), "p95(http.response_time) < 50ms", users=True, start=1)
    assert capacity.found.met is not None
    assert 16 <= capacity.found.met <= 20
    law = capacity.scalability
    assert law is not None
    assert law.throughput(16) == pytest.approx(400, rel=0.2)


def test_the_answer_comes_first_and_names_what_breaks() -> None:
    document = capacity_document_of(find(Simulation(queue(100), cpu_of=lambda load: min(100.0, load))))
    text = render_capacity_text(document, Look(width=100))
    assert "meets all 2 objectives" in text.splitlines()[1]
    assert "p95(http.response_time) breaks first" in answer_of(document)
    assert CapacityDocument.model_validate_json(render_capacity_json(document)) == document


def test_recovery_is_timed_and_no_hysteresis_is_seen_where_there_is_none() -> None:
    recovery = find(Simulation(queue(100))).recovery
    assert recovery is not None
    assert recovery.seconds is not None
    assert recovery.seconds > 0
    assert recovery.again_met is True


def test_a_server_that_stays_slow_after_an_overload_shows_hysteresis() -> None:
    def serve(arrivals: Levels, rng: np.random.Generator) -> tuple[Levels, Marks]:
        times, failed = queue(100)(arrivals, rng)
        # only the step down lasts this long with so uneven a load: from its overload on, nine tenths are too much
        counts = np.histogram(arrivals, bins=np.arange(0, arrivals[-1] + 1))[0]
        return (times + 0.5 * (arrivals > 4), failed) if counts[:4].min() > 120 and counts[6] < 60 else (times, failed)

    recovery = find(Simulation(serve)).recovery
    assert recovery is not None
    assert recovery.seconds is None
    assert recovery.again_met is False


def test_no_load_is_small_enough_for_an_objective_that_is_never_met() -> None:
    capacity = find(Simulation(queue(100, base_s=0.5)))
    assert capacity.found.outcome is Outcome.NEVER_MET
    assert capacity.exit_code is ExitCode.GATE_FAILED
    assert "not even" in answer_of(capacity_document_of(capacity))


def test_all_errors_are_never_met() -> None:
    failing = Simulation(lambda arrivals, _: (np.full(len(arrivals), 0.01), np.ones(len(arrivals), dtype=bool)))
    capacity = find(failing, "rate(http.errors) < 1%")
    assert capacity.found.outcome is Outcome.NEVER_MET


def test_a_target_that_never_answers_gives_no_answer() -> None:
    capacity = find(Simulation(lambda arrivals, _: (np.full(len(arrivals), 1e6), np.zeros(len(arrivals), dtype=bool))))
    assert capacity.found.outcome is Outcome.CANNOT_TELL
    assert capacity.exit_code is ExitCode.INCONCLUSIVE


def test_a_target_that_dies_keeps_what_was_learnt() -> None:
    def die(simulation: Simulation) -> None:
        if len(simulation.loads) == 4:
            raise TargetUnreachable("nothing answers")

    capacity = find(Simulation(queue(1000), before=die))
    assert capacity.exit_code is ExitCode.UNREACHABLE
    assert len(capacity.levels) == 4
    assert "gone" in capacity.ended


def test_a_target_that_is_not_there_is_an_error() -> None:
    def missing(_: Simulation) -> None:
        raise TargetUnreachable("nothing answers")

    with pytest.raises(TargetUnreachable):
        find(Simulation(queue(1000), before=missing))


def test_a_late_generator_is_not_the_targets_limit() -> None:
    capacity = find(Simulation(queue(1000), late_above=200), "p95(http.response_time) < 200ms")
    assert all(level.seen.answer is not Answer.NOT_MET for level in capacity.levels if 200 < level.seen.load < 1000)
    assert capacity.found.outcome is Outcome.OWN_LIMIT
    assert capacity.exit_code is ExitCode.UNTRUSTWORTHY


def test_an_interrupted_search_tells_what_it_has() -> None:
    def stop(simulation: Simulation) -> None:
        if len(simulation.loads) == 5:
            raise KeyboardInterrupt

    capacity = find(Simulation(queue(100), before=stop))
    assert capacity.exit_code is ExitCode.INTERRUPTED
    assert len(capacity.levels) == 5


def test_a_resource_that_fills_up_bends_first() -> None:
    bend = find(Simulation(queue(100), cpu_of=lambda load: min(100.0, load))).bends_first
    assert bend is not None
    assert bend.resource.startswith("target.cpu")


def test_without_readings_no_resource_is_named() -> None:
    assert find(Simulation(queue(100))).bends_first is None


def test_levels_that_others_held_up_are_not_the_targets_limit() -> None:
    # the target bears 1,000/s, and others halve that for the whole search
    capacity = find(Simulation(queue(500)), "p95(http.response_time) < 200ms", busy=lambda simulation: simulation.loads[-1] > 400)
    assert all(level.seen.answer is not Answer.NOT_MET for level in capacity.levels)
    assert capacity.found.outcome is Outcome.CANNOT_TELL
    assert capacity.exit_code is ExitCode.INCONCLUSIVE
    assert capacity.bends_first is None


def test_a_burst_of_others_costs_a_level_and_no_truth() -> None:
    found = find(Simulation(queue(1000)), busy=lambda simulation: 8 <= len(simulation.loads) <= 9).found
    assert found.outcome is Outcome.FOUND
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 1000 <= found.high


def test_what_is_met_though_others_are_busy_is_met() -> None:
    capacity = find(Simulation(queue(1000)), most=200, busy=lambda _: True)
    assert capacity.found.outcome is Outcome.AT_LEAST
    assert capacity.found.met == 200


def test_no_load_is_blamed_on_a_target_that_others_hold_up_from_the_start() -> None:
    capacity = find(Simulation(queue(100, base_s=0.5)), busy=lambda _: True)
    assert capacity.found.outcome is Outcome.CANNOT_TELL


def test_a_generator_that_others_made_late_is_no_limit_of_anything() -> None:
    capacity = find(Simulation(queue(1000), late_above=200), "p95(http.response_time) < 200ms", busy=lambda _: True)
    assert capacity.found.outcome is Outcome.CANNOT_TELL


def test_an_objective_that_nothing_was_measured_of_is_not_among_those_met() -> None:
    silent = "p95(http.response_time{step=other}) < 1s"
    document = capacity_document_of(find(Simulation(queue(100)), "p95(http.response_time) < 200ms", silent))
    assert document.not_measured == [silent]
    assert "meets the objective" in answer_of(document)
    assert "nothing was measured of" in render_capacity_text(document, Look(width=200))


def test_of_two_limits_the_stricter_one_counts() -> None:
    asked = question("rate(http.errors) < 5%", "rate(http.errors) < 1%", "p95(http.response_time) < 1s")
    assert [spec.limit_text for spec in asked.objectives] == ["1%", "1s"]


def test_each_level_is_watched_with_a_plan_that_says_which_one_it_is_and_recovery_is_not() -> None:
    simulation, watched = Simulation(queue(100)), []

    def sinks(plan: Plan) -> list[Sink]:
        watched.append(plan.tags["level"])
        return []

    asked = question("p95(http.response_time) < 1s")
    found = search(asked, sinks=sinks, run=simulation, clock=simulation.clock, rest=simulation.rest)
    assert found.recovery is not None
    assert watched == [f"rate={level.ask.load:.6g}" for level in found.levels]
