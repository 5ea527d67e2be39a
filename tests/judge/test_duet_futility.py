"""A duet that cannot be decided any more ends; one that can goes on."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from loadstone.judge.duet_answer import End, Levels, hopeless

END = End(80, Levels(0.004, 0.03, 0.015))
EDGE = math.log1p(0.05)


def test_an_estimate_just_below_the_limit_is_hopeless_when_nearly_all_pairs_are_taken() -> None:
    assert hopeless(0.044, 0.006, EDGE, 0.9, END)


def test_the_same_estimate_is_open_while_most_pairs_are_to_come() -> None:
    assert not hopeless(0.04, 0.02, EDGE, 0.15, END)


def test_what_is_nearly_certain_is_not_given_up() -> None:
    assert not hopeless(0.10, 0.02, EDGE, 0.5, END)
    assert not hopeless(-0.10, 0.02, EDGE, 0.5, END)
    assert not hopeless(0.0, 0.015, EDGE, 0.5, END)


def test_noise_that_no_pair_of_the_plan_can_overcome_is_given_up() -> None:
    assert hopeless(0.0, 0.5, EDGE, 0.9, END)


def test_an_open_interval_says_nothing_about_the_end() -> None:
    assert not hopeless(0.0, math.inf, EDGE, 0.5, END)
    assert not hopeless(0.0, 0.0, EDGE, 0.5, END)


@given(st.floats(-0.5, 0.5), st.floats(1e-4, 1.0), st.floats(0.05, 0.95))
def test_a_worsening_that_is_already_certain_at_the_last_level_is_never_hopeless(point: float, spread: float, taken: float) -> None:
    if point >= EDGE and point > 3 * spread:
        assert not hopeless(point, spread, EDGE, taken, END)
