from __future__ import annotations

import math
from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.reference.delays import parse_delay

SHAPES = [
    "20ms",
    "constant:20ms",
    "uniform:10ms,30ms",
    "normal:20ms,5ms",
    "normal:5ms,20ms",
    "lognormal:20ms,0.3",
    "exponential:20ms",
    0.02,
]


@pytest.mark.parametrize("text", SHAPES)
def test_the_mean_of_many_draws_is_the_stated_mean(text: str | float) -> None:
    delay, rng = parse_delay(text), Random(1)
    assert fmean(delay.draw(rng) for _ in range(40_000)) == pytest.approx(delay.mean, rel=0.03)


@pytest.mark.parametrize("text", SHAPES)
def test_a_delay_written_out_reads_back_as_itself(text: str | float) -> None:
    delay = parse_delay(text)
    again = parse_delay(str(delay))
    assert (again.shape, again.first, again.second) == (delay.shape, delay.first, delay.second)


@settings(deadline=None)
@given(st.sampled_from(SHAPES), st.integers())
def test_no_delay_is_negative_and_a_seed_repeats_it(text: str | float, seed: int) -> None:
    delay = parse_delay(text)
    drawn = delay.draw(Random(seed))
    assert drawn >= 0
    assert drawn == delay.draw(Random(seed))


def test_half_of_a_lognormal_lies_below_its_median() -> None:
    delay, rng = parse_delay("lognormal:20ms,0.3"), Random(3)
    assert sum(delay.draw(rng) < 0.02 for _ in range(20_000)) / 20_000 == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    "text",
    [
        "gauss:20ms,1ms",
        "20 parsecs",
        "uniform:30ms,10ms",
        "uniform:10ms",
        "lognormal:20ms,5ms",
        "lognormal:20ms,nan",
        "",
        "normal:-1ms,1ms",
        math.nan,
        [1],
    ],
)
def test_what_is_no_delay_is_refused_with_a_reason(text: object) -> None:
    with pytest.raises(UsageError):
        parse_delay(text)  # type: ignore[arg-type]
