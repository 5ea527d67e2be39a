"""What answers cost: counts of tokens times a price list that the plan brings along. No vendor's prices are built in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PER_PRICE = 1_000_000  # tokens that a price is for
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of one request, or of many together; None where nobody counted them.

    cached_input: the part of `input` that the server took from its cache
    """

    requests: int = 1
    input: int | None = None
    output: int | None = None
    cached_input: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Money, in the price list's currency; None where there is nothing to divide by.

    per_1000_tokens:        over input and output tokens together
    per_1000_output_tokens: the whole cost over the output tokens alone
    """

    total: float
    currency: str
    per_request: float | None
    per_1000_tokens: float | None
    per_1000_output_tokens: float | None


class Prices(BaseModel):
    """Prices per million tokens, and per request; `cached_input` costs as much as `input` unless it is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    input: Price = 0.0
    output: Price = 0.0
    cached_input: Price | None = None
    request: Price = 0.0
    currency: str = "USD"

    def cost(self, counts: TokenCounts) -> Cost | None:
        """What these requests cost; None when a count is missing that has a price: unknown is not free."""
        for_input = max(self.input, self.cached_input or 0.0)
        if any(count is None and price for count, price in ((counts.input, for_input), (counts.output, self.output))):
            return None
        cached = min(counts.cached_input or 0, counts.input or 0)
        fresh = (counts.input or 0) - cached
        for_cached = self.input if self.cached_input is None else self.cached_input
        tokens = fresh * self.input + cached * for_cached + (counts.output or 0) * self.output
        total = tokens / PER_PRICE + counts.requests * self.request
        known = counts.input is not None and counts.output is not None
        return Cost(
            total,
            self.currency,
            _per(total, counts.requests),
            _per(total * 1000, (counts.input or 0) + (counts.output or 0)) if known else None,
            _per(total * 1000, counts.output),
        )


def _per(amount: float, count: int | None) -> float | None:
    return amount / count if count else None
