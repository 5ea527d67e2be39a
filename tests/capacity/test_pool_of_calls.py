"""How many calls a pool of workers bears: the pool's size lies in the interval, also on a machine whose neighbours come and go."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.judge.capacity_search import BUSY_TRIES, Answer, Limits, Outcome, Search, Seen

CALLS = Limits(1, 1, 2_000, whole=True, needed=60, ramp_s=10, level_s=20, verify_s=40)
EIGHT_MINUTES_S = 480.0


def searched(pool: int, spoilt: Sequence[bool] = (), left_s: float = EIGHT_MINUTES_S) -> Search:
    """Levels of as many calls as are asked for; more than the pool takes wait for their set-up. Some levels are spoilt by others."""
    search, bursts = Search(CALLS), iter(spoilt)
    while (ask := search.ask(left_s)) is not None:
        answer = Answer.HOST_BUSY if next(bursts, False) else Answer.MET if ask.load <= pool else Answer.NOT_MET
        search.see(Seen(ask.load, ask.seconds, answer, samples=round(ask.load * ask.seconds / 3), purpose=ask.purpose))
        left_s -= ask.seconds + CALLS.overhead_s
    return search


@given(pool=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_the_size_of_a_pool_lies_in_the_interval(pool: int) -> None:
    found = searched(pool, left_s=3_600).found()
    assert found.outcome is Outcome.FOUND
    assert found.low is not None
    assert found.high is not None
    assert found.low <= pool <= found.high
    assert found.high - found.low <= max(1, 0.06 * pool)


@given(pool=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_a_load_that_was_not_met_is_no_part_of_the_answer(pool: int) -> None:
    found = searched(pool, left_s=3_600).found()
    assert found.not_met is not None
    assert found.high is not None
    assert found.high < found.not_met
    assert found.estimate == found.met  # the number that is told was itself shown
    if found.not_met == pool + 1:
        assert found.high == pool
    if found.met == pool == found.not_met - 1:
        assert (found.low, found.estimate, found.high) == (pool, pool, pool)


@given(pool=st.integers(1, 12))
@settings(max_examples=12, deadline=None)
def test_a_small_pool_is_found_in_the_time_that_the_command_takes_by_itself(pool: int) -> None:
    found = searched(pool).found()
    assert found.outcome is Outcome.FOUND
    assert found.low is not None
    assert found.high is not None
    assert found.low <= pool <= found.high


@given(pool=st.integers(2, 12), spoilt=st.lists(st.integers(0, BUSY_TRIES - 2), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_bursts_of_others_cost_time_and_never_the_truth(pool: int, spoilt: list[int]) -> None:
    """Each number is a burst: so many levels in a row are spoilt, then one is not. Together they may use up the tries of one level."""
    found = searched(pool, [busy for burst in spoilt for busy in (*[True] * burst, False)], left_s=3_600).found()
    assert found.low is None or found.low <= pool
    assert found.high is None or found.high >= pool
    if sum(spoilt) < BUSY_TRIES - 1:
        assert found.outcome is Outcome.FOUND
    else:
        assert found.outcome is Outcome.FOUND or any("kept this machine busy" in remark for remark in found.remarks)


def test_a_machine_that_is_never_quiet_gets_no_number() -> None:
    found = searched(4, [True] * 100).found()
    assert (found.outcome, found.met) == (Outcome.CANNOT_TELL, None)
