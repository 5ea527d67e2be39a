"""Distributions of lengths."""

from __future__ import annotations

import random
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadstone.plan.lengths import Lengths


def drawn(text: Any, count: int = 20_000) -> list[int]:
    lengths, rng = Lengths.model_validate(text), random.Random(3)
    return [lengths.draw(rng) for _ in range(count)]


def test_a_number_is_always_that_length_and_draws_nothing() -> None:
    rng = random.Random(1)
    before = rng.getstate()
    assert {Lengths.model_validate(each).draw(rng) for each in (128, "128", "1_28")} == {128}
    assert rng.getstate() == before


def test_a_range_takes_each_length_as_often() -> None:
    found = drawn("3..6")
    assert set(found) == {3, 4, 5, 6}
    assert statistics.mean(found) == pytest.approx(4.5, abs=0.04)


@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_mean_and_deviation_are_those_of_the_lengths(kind: str) -> None:
    found = drawn(f"{kind} 500 100")
    assert statistics.mean(found) == pytest.approx(500, rel=0.01)
    assert statistics.stdev(found) == pytest.approx(100, rel=0.04)


def test_a_lognormal_leans_to_the_right() -> None:
    found = drawn("lognormal 500 500")
    assert statistics.median(found) == pytest.approx(500 / 2**0.5, rel=0.03)


def test_zipf_shares_follow_the_power_of_the_rank() -> None:
    found = drawn("zipf 1 100")
    assert found.count(1) / found.count(10) == pytest.approx(10, rel=0.2)
    assert max(found) <= 100


def test_percentiles_are_where_they_were_put() -> None:
    found = sorted(drawn("p50 120, p90 500, p99 2000"))
    assert found[10_000] == pytest.approx(120, rel=0.03)
    assert found[18_000] == pytest.approx(500, rel=0.05)
    assert found[-1] <= 2000


def test_bounds_set_what_lies_outside_to_the_nearer_end() -> None:
    found = drawn("normal 100 100 in 50..150")
    assert (min(found), max(found)) == (50, 150)
    assert found.count(50) == pytest.approx(20_000 * 0.31, rel=0.05)


def test_no_length_is_below_one() -> None:
    assert min(drawn("normal 2 50")) == 1


TEXTS = ["128", "100..500", "normal 256 64", "lognormal 256 128 in 16..2048", "zipf 1.2 1000", "p50 120, p90 500, p99 2000"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_distribution_is_shown_as_it_was_written_and_travels(text: str) -> None:
    lengths = Lengths.model_validate(text)
    assert str(lengths) == text
    assert Lengths.model_validate_json(lengths.model_dump_json()) == lengths


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 2**32))
def test_every_draw_lies_within_its_bounds(low: int, span: int, seed: int) -> None:
    rng = random.Random(seed)
    for text in (f"{low}..{low + span}", f"lognormal {low} {span} in {low}..{low + span}"):
        assert low <= Lengths.model_validate(text).draw(rng) <= low + span


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("many", "'many' is not a length"),
        ("0", "above 0"),
        ("-5", "above 0"),
        ("500..100", "smaller length comes first"),
        ("1.5", "whole number"),
        ("p90 500, p50 120", "must rise"),
        ("p50 many", "not a length"),
        ("p", "must rise"),
        ("normal 5 5 in 9..3", "smaller bound comes first"),
        ("zipf 1.2 0", "greatest length"),
        ("nan", "not a length"),
        (True, "valid dictionary"),
    ],
)
def test_what_is_no_distribution_is_refused(wrong: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Lengths.model_validate(wrong)
