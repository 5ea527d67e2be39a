"""The search alone, against servers that are a function of the load."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.judge.capacity_search import Answer, Found, Limits, Outcome, Purpose, Search, Seen

LIMITS = Limits(start=10, least=1, most=10_000)


def play(answer: Callable[[float, int], Answer], limits: Limits = LIMITS, budget_s: float = 300.0) -> tuple[Found, Search, float]:
    search, spent_s = Search(limits), 0.0
    while (ask := search.ask(budget_s - spent_s)) is not None:
        assert len(search.seen) < 100
        spent_s += ask.seconds + limits.overhead_s
        tries = sum(each.load == ask.load for each in search.seen)
        search.see(Seen(ask.load, ask.seconds, answer(ask.load, tries), samples=int(ask.load * ask.seconds), purpose=ask.purpose))
    return search.found(), search, spent_s


def cliff(at: float) -> Callable[[float, int], Answer]:
    return lambda load, _: Answer.MET if load <= at else Answer.NOT_MET


@settings(max_examples=80, deadline=None)
@given(st.floats(1.5, 9000))
def test_a_cliff_is_found_within_ten_percent_in_three_minutes(at: float) -> None:
    found, _, spent_s = play(cliff(at), budget_s=180)
    assert found.outcome is Outcome.FOUND
    assert found.low is not None
    assert found.high is not None
    assert found.low <= at <= found.high
    assert found.high / found.low <= 1.21
    assert spent_s <= 180


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9000))
def test_whole_numbers_are_found_to_one_or_to_a_few_percent(at: int) -> None:
    found, _, _ = play(cliff(at), Limits(start=1, least=1, most=10_000, whole=True))
    assert found.met is not None
    assert found.not_met is not None
    assert found.met <= at < found.not_met
    assert found.not_met - found.met <= max(1, 0.06 * found.met)


def test_both_ends_are_verified_for_longer() -> None:
    _, search, _ = play(cliff(100))
    found = search.found()
    last = {each.load: each for each in search.seen}
    assert found.met is not None
    assert last[found.met].seconds >= LIMITS.verify_s
    assert sum(each.load == found.not_met for each in search.seen) >= 2


def test_a_cold_cache_that_fails_once_is_not_believed() -> None:
    found, _, _ = play(lambda load, tries: Answer.NOT_MET if load == 40 and not tries else cliff(300)(load, tries))
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 300 <= found.high


def test_a_dip_that_stays_is_told_and_the_lower_edge_counts() -> None:
    def dip(load: float, _tries: int) -> Answer:
        return Answer.NOT_MET if 35 < load < 45 or load > 300 else Answer.MET

    found, _, _ = play(dip)
    assert found.met is not None
    assert found.met <= 35


def test_the_generator_limit_is_never_called_the_targets() -> None:
    found, search, _ = play(lambda load, _: Answer.OWN_LIMIT if load > 500 else Answer.MET)
    assert found.outcome is Outcome.OWN_LIMIT
    assert found.met is not None
    assert 450 < found.met <= 500
    assert sum(each.load == found.not_met for each in search.seen) >= 3


def test_a_burst_of_this_machine_is_tried_again() -> None:
    found, _, _ = play(lambda load, tries: Answer.OWN_LIMIT if load == 80 and tries < 1 else cliff(300)(load, tries))
    assert found.outcome is Outcome.FOUND


def test_no_load_is_small_enough() -> None:
    found, _, _ = play(lambda _load, _tries: Answer.NOT_MET)
    assert found.outcome is Outcome.NEVER_MET
    assert found.not_met == LIMITS.least


def test_the_most_that_may_be_tried_is_at_least() -> None:
    found, _, _ = play(lambda _load, _tries: Answer.MET, Limits(10, 1, 640))
    assert found.outcome is Outcome.AT_LEAST
    assert found.met == 640


def test_no_data_is_never_an_answer() -> None:
    found, _, _ = play(lambda _load, _tries: Answer.NO_DATA)
    assert found.outcome is Outcome.CANNOT_TELL
    assert found.met is None


def test_without_time_nothing_is_claimed() -> None:
    found, search, _ = play(cliff(100), budget_s=1)
    assert found.outcome is Outcome.CANNOT_TELL
    assert not search.seen


def test_a_search_cut_short_says_so() -> None:
    found, _, spent_s = play(cliff(1000), budget_s=60)
    assert spent_s <= 60
    assert found.outcome is Outcome.CANNOT_TELL or any("wider" in remark or "verify" in remark for remark in found.remarks)


@pytest.mark.parametrize("wide", [1.06, 1.15])
def test_a_stretch_of_unclear_levels_lies_within_the_interval(wide: float) -> None:
    def foggy(load: float, _tries: int) -> Answer:
        return Answer.MET if load <= 100 else Answer.NOT_MET if load >= 100 * wide else Answer.UNCLEAR

    found, _, _ = play(foggy)
    assert found.met is not None
    assert found.not_met is not None
    assert found.met <= 100
    assert found.not_met >= 100 * wide


def test_levels_are_long_enough_for_the_samples_that_are_needed() -> None:
    _, search, _ = play(cliff(20), Limits(10, 1, 1000, needed=662), budget_s=600)
    final = max(search.seen, key=lambda each: each.seconds)
    assert final.seconds * final.load >= 662


def test_a_busy_machine_is_never_the_targets_limit() -> None:
    found, search, _ = play(lambda load, _: Answer.HOST_BUSY if load > 500 else Answer.MET)
    assert found.outcome is Outcome.CANNOT_TELL
    assert found.met is not None
    assert 450 < found.met <= 500
    assert found.not_met is None
    assert any("repeat it" in remark for remark in found.remarks)
    assert max(sum(each.load == load for each in search.seen) for load in {each.load for each in search.seen if each.load > 500}) == 8


def test_a_level_that_others_spoilt_once_is_tried_again_and_believed() -> None:
    found, _, _ = play(lambda load, tries: Answer.HOST_BUSY if load == 320 and not tries else cliff(300)(load, tries))
    assert found.outcome is Outcome.FOUND
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 300 <= found.high


def test_a_spoilt_stretch_just_below_a_sure_failure_lies_within_the_interval() -> None:
    def spoilt(load: float, _tries: int) -> Answer:
        return Answer.MET if load <= 300 else Answer.HOST_BUSY if load < 315 else Answer.NOT_MET

    found, _, _ = play(spoilt)
    assert found.outcome is Outcome.FOUND
    assert found.met is not None
    assert found.not_met is not None
    assert found.met <= 300
    assert found.not_met >= 315


def test_the_scatter_of_work_that_limits_nothing_does_not_widen_the_interval() -> None:
    def found(spread_s: float) -> Found:
        search = Search(LIMITS)
        search.see(Seen(95.0, 16.0, Answer.MET, samples=1500, purpose=Purpose.VERIFY, unevenness=2.5, spread_s=spread_s))
        search.see(Seen(100.0, 16.0, Answer.NOT_MET, samples=1500, purpose=Purpose.VERIFY))
        return search.found()

    little, much = found(0.0003), found(0.1)
    assert little.low == pytest.approx(95.0, rel=0.005)
    assert much.low is not None
    assert much.low < 90
