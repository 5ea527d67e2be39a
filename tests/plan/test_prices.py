"""What answers cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadstone.plan.prices import Prices, TokenCounts

PRICES = Prices(input=0.15, output=0.60, cached_input=0.075, currency="EUR")


def test_a_price_is_for_a_million_tokens_and_cached_ones_have_their_own() -> None:
    cost = PRICES.cost(TokenCounts(10, input=1_000_000, output=500_000, cached_input=400_000))
    assert cost is not None
    assert cost.total == pytest.approx(0.6 * 0.15 + 0.4 * 0.075 + 0.5 * 0.60)
    assert cost.per_request == pytest.approx(cost.total / 10)
    assert cost.per_1000_tokens == pytest.approx(cost.total / 1500)
    assert cost.per_1000_output_tokens == pytest.approx(cost.total / 500)
    assert cost.currency == "EUR"


def test_cached_tokens_cost_as_much_as_others_unless_they_have_a_price() -> None:
    plain = Prices(input=1)
    assert plain.cost(TokenCounts(1, 100, 0, 90)) == plain.cost(TokenCounts(1, 100, 0, 0))


@pytest.mark.parametrize("counts", [TokenCounts(1, None, 10), TokenCounts(1, 10, None)])
def test_a_cost_without_the_counts_that_have_a_price_is_unknown_not_free(counts: TokenCounts) -> None:
    assert PRICES.cost(counts) is None


def test_what_has_no_price_need_not_be_counted() -> None:
    cost = Prices(request=0.01).cost(TokenCounts(3))
    assert cost is not None
    assert cost.total == pytest.approx(0.03)
    assert cost.per_1000_tokens is None


def test_no_requests_cost_nothing_and_nothing_per_request() -> None:
    cost = PRICES.cost(TokenCounts(0, 0, 0))
    assert cost is not None
    assert (cost.total, cost.per_request, cost.per_1000_tokens) == (0, None, None)


tokens = st.integers(0, 10**9)


@given(tokens, tokens, tokens)
def test_cost_is_the_sum_of_its_parts_and_caching_never_costs_more(given_tokens: int, said: int, cached: int) -> None:
    whole = PRICES.cost(TokenCounts(1, given_tokens, said, cached))
    asked, answered = PRICES.cost(TokenCounts(1, given_tokens, 0, cached)), PRICES.cost(TokenCounts(1, 0, said))
    without = PRICES.cost(TokenCounts(1, given_tokens, said))
    assert whole is not None
    assert asked is not None
    assert answered is not None
    assert without is not None
    assert whole.total == pytest.approx(asked.total + answered.total)
    assert whole.total <= without.total


@pytest.mark.parametrize("wrong", [{"input": -1}, {"outptu": 1}, {"input": float("inf")}, {"input": "cheap"}])
def test_a_price_list_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Prices.model_validate(wrong)
