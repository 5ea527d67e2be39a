"""How far something moved, in words."""

import math

import pytest

from loadstone.judge.answering import size_text
from loadstone.judge.recorded import Figure
from loadstone.stats.shift import Shift

P95 = Figure("p95(http.response_time)", "ms")


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.102, "10.2 % worse"), (0.5, "50 % better"), (10.996, "1,000 % worse"), (19.9, "1,890 % worse")]
)
def test_a_change_is_a_number_that_people_write(ratio: float, text: str) -> None:
    assert size_text(P95, Shift(math.log(ratio), 0.1, 10)) == text
