"""What counts as measured: an exchange, or a pass that its own code did not break off."""

import pytest

from loadstone.measure.aggregate import Aggregate
from loadstone.measure.exchanges import RAISED, anything_measured
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.testing.samples import make_series

REQUEST = Series("http.requests")
WHOLE = make_series("iteration.count", scenario="shop", task="browse")
BROKEN = make_series("iteration.count", scenario="shop", task=RAISED)


@pytest.mark.parametrize(
    ("counts", "measured"),
    [
        ({}, False),
        ({BROKEN: 5}, False),
        ({BROKEN: 5, REQUEST: 1}, True),
        ({BROKEN: 5, WHOLE: 1}, True),
        ({WHOLE: 1}, True),
    ],
)
def test_passes_that_all_raised_before_they_asked_anything_measured_nothing(counts: dict[Series, int], measured: bool) -> None:
    assert anything_measured(Aggregate([Snapshot(0, 0.0, 1.0, True, "steady", {}, counts, {}, {})])) is measured
