"""The levels that `--sweep` names."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import UsageError
from loadstone.plan.levels import MOST_LEVELS, number_of, parse_levels


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("users=1,2,4", ["1", "2", "4"]),
        ("users = 5", ["5"]),
        ("rate=10..100x4", ["10", "40", "70", "100"]),
        ("rate=0.5..2x4", ["0.5", "1", "1.5", "2"]),
        ("rate=1..2x3", ["1", "1.5", "2"]),
        ("rate=1..2x2/s", ["1/s", "2/s"]),
        ("users=1..64*2", ["1", "2", "4", "8", "16", "32", "64"]),
        ("users=1..100*10", ["1", "10", "100"]),
        ("users=1..50*10", ["1", "10"]),
        ("users=1,10..30x3", ["1", "10", "20", "30"]),
        ("options.mode=slow,fast", ["slow", "fast"]),
    ],
)
def test_levels_are_read(text: str, values: list[str]) -> None:
    assert list(parse_levels(text).values) == values


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("users", "is not KNOB=LEVELS"),
        ("=1", "is not KNOB=LEVELS"),
        ("users=", "is not KNOB=LEVELS"),
        ("users=1,,2", "has an empty level"),
        ("users=1..8", "does not say which levels lie between. Try: 1..8x5"),
        ("users=8..1x2", "does not rise"),
        ("users=1..8x1", "from 2 to 100"),
        ("users=1..8x1.5", "from 2 to 100"),
        ("users=0..8*2", "never gets there"),
        ("users=1..8*1", "never gets there"),
        ("users=1..2*1.0001", "at most 100 levels"),
        ("users=a..b", "does not say"),
        ("users=1,1", "the level 1 is named twice"),
        (f"users={','.join(str(n) for n in range(MOST_LEVELS + 1))}", "at most 100"),
    ],
)
def test_what_cannot_be_a_sweep_says_why(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        parse_levels(text)


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(2, MOST_LEVELS))
def test_an_even_range_rises_from_its_first_to_its_last(low: int, more: int, count: int) -> None:
    numbers = [number_of(value) for value in parse_levels(f"rate={low}..{low + more}x{count}").values]
    assert (numbers[0], numbers[-1]) == (low, low + more)
    assert all(one is not None and other is not None and one < other for one, other in pairwise(numbers))
    assert len(numbers) <= count


def test_a_level_that_is_a_word_has_no_number() -> None:
    assert (number_of("10/s"), number_of("fast")) == (10.0, None)
